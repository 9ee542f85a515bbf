from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from smlocal.aws_clients import DUMMY, Credentials, credentials_of, s3_client
from smlocal.errors import NoSuchObject, StorageError, UsageError
from smlocal.storage.s3 import S3Store

ERROR = """<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[tuple[int, dict[str, str], bytes]], list[dict[str, str]]]]:
    """A server that gives the answers put into its list and keeps the requests' headers."""
    answers: list[tuple[int, dict[str, str], bytes]] = []
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(dict(self.headers))
            status, headers, body = answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", answers, seen
        server.shutdown()
        thread.join()


def _page(keys: list[str], following: str) -> tuple[int, dict[str, str], bytes]:
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{following}</NextContinuationToken>"
    contents = "".join(
        f"<Contents><Key>{key}</Key><Size>3</Size><ETag>&quot;x&quot;</ETag>"
        "<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"
        for key in keys
    )
    end = more if following else "<IsTruncated>false</IsTruncated>"
    body = f"<ListBucketResult>{end}<EncodingType>url</EncodingType>{contents}</ListBucketResult>".encode()
    return 200, {"Content-Length": str(len(body)), "Content-Type": "application/xml"}, body


def test_a_listing_goes_on_over_all_pages(endpoint: tuple[str, list, list]) -> None:
    url, answers, _ = endpoint
    answers.extend([_page(["a", "b%20c"], "next"), _page([], "again"), _page(["d"], "")])
    found = list(S3Store(url, "us-east-1").list("bucket"))
    assert [item.key for item in found] == ["a", "b c", "d"]
    assert (found[0].size, found[0].etag, found[0].modified) == (3, "x", 1767323045.0)


def test_no_folder_of_ours_is_at_an_endpoint(s3_endpoint: str) -> None:
    assert S3Store(s3_endpoint, "us-east-1").local_folder("any", "x/") is None


@pytest.mark.parametrize("url", ["", "localhost:9000", "ftp://host", "http://", "s3://bucket"])
def test_a_malformed_endpoint_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="http://host:9000"):
        S3Store(url, "us-east-1").bucket_exists("bucket")


def test_nobody_at_the_endpoint_is_told_with_its_address() -> None:
    with pytest.raises(StorageError, match=r"http://127\.0\.0\.1:9"):
        S3Store("http://127.0.0.1:9", "us-east-1").bucket_exists("bucket")


def test_a_refusal_is_told_with_the_endpoints_own_words(endpoint: tuple[str, list, list]) -> None:
    url, answers, _ = endpoint
    body = ERROR.format(code="AccessDenied", message="Not for you.").encode()
    answers.append((403, {"Content-Length": str(len(body)), "Content-Type": "application/xml"}, body))
    with pytest.raises(StorageError, match=r"refused GetObject of s3://bucket/a: AccessDenied Not for you\."):
        S3Store(url, "us-east-1").open("bucket", "a")


def test_bytes_that_end_too_early_are_an_error(endpoint: tuple[str, list, list]) -> None:
    url, answers, _ = endpoint
    answers.append((200, {"Content-Length": "10", "ETag": '"x"'}, b"12345"))
    with S3Store(url, "us-east-1").open("bucket", "a") as source, pytest.raises(StorageError, match="s3://bucket/a"):
        source.read()


def test_the_users_configuration_files_profiles_and_proxies_are_not_used(
    endpoint: tuple[str, list, list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, answers, seen = endpoint
    (tmp_path / "credentials").write_text("[mine]\naws_access_key_id = REALKEY\naws_secret_access_key = real\n")
    (tmp_path / "config").write_text("[profile mine]\nregion = xx-real-1\nendpoint_url = http://127.0.0.1:9\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "one that no file has")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    answers.append((200, {"Content-Length": "1", "ETag": '"x"'}, b"1"))
    with S3Store(url, "eu-west-1").open("bucket", "a") as source:
        assert source.read() == b"1"
    assert "Credential=smlocal/" in seen[0]["Authorization"]
    assert "/eu-west-1/s3/" in seen[0]["Authorization"]


@pytest.mark.parametrize(
    ("environment", "credentials"),
    [
        ({}, DUMMY),
        ({"AWS_ACCESS_KEY_ID": "k"}, DUMMY),
        ({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}, Credentials("k", "s")),
        (
            {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"},
            Credentials("k", "s", "t"),
        ),
    ],
)
def test_credentials_come_whole_from_the_environment_or_are_dummies(
    environment: dict[str, str], credentials: Credentials
) -> None:
    assert credentials_of(environment) == credentials


def test_a_missing_object_in_an_existing_bucket_is_a_missing_object(s3_endpoint: str) -> None:
    store = S3Store(s3_endpoint, "us-east-1")
    store.ensure_bucket("there")
    with pytest.raises(NoSuchObject):
        store.head("there", "a")


def test_every_request_goes_to_the_endpoint_named(s3_endpoint: str) -> None:
    client = s3_client(s3_endpoint, "us-east-1", DUMMY)
    assert client.meta.endpoint_url == s3_endpoint
    assert client.meta.config.s3 is not None
    assert client.meta.config.s3["addressing_style"] == "path"


def test_importing_a_store_does_not_import_boto3() -> None:
    program = "import sys, smlocal.storage.s3; sys.exit(any(n in sys.modules for n in ('boto3', 'botocore')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

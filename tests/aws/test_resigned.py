"""S3 calls handed to the user's own endpoint: signed anew with his credentials, otherwise as they were."""

from __future__ import annotations

import hashlib
import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone

import pytest

from smlocal.aws.delegate import Delegate
from smlocal.aws.resigned import Resigned
from smlocal.aws_clients import Credentials
from smlocal.http_client import HttpClient
from tests.aws.fronts import Echo, Front, fronted, head

KEYS = ["k", "a%2Fb//é?#+~", "a b&c=d", "x" * 300]


class Pair:
    """A front, and behind it an endpoint that verifies signatures."""

    def __init__(self, stack: ExitStack) -> None:
        self.echo = Echo()
        http = stack.enter_context(HttpClient())
        self.endpoint = stack.enter_context(fronted(self.echo, verify_all=True))
        self.credentials = Credentials("THEUSERS", "secret", "token")
        self.endpoint.credentials.add(self.credentials)
        self.front: Front = stack.enter_context(fronted(services={"s3": self._service(http)}, http=http))

    def _service(self, http: HttpClient) -> Resigned:
        url = self.endpoint.url
        return Resigned(url, "us-east-1", self.credentials, Delegate(http, url), lambda: datetime.now(timezone.utc))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(stack)


@pytest.mark.parametrize("key", KEYS)
def test_what_anybody_sends_arrives_with_the_users_signature(pair: Pair, key: str) -> None:
    s3 = pair.front.client("s3")
    s3.put_object(Bucket="bucket", Key=key, Body=b"x" * 1000, Metadata={"my_key": "v"}, ContentType="text/csv")
    call = pair.echo.calls[-1]
    assert call.scope is not None
    assert call.scope.access_key_id == "THEUSERS"
    assert call.headers["x-amz-meta-my_key"] == "v"
    assert b"x" * 1000 in pair.echo.bodies[-1]
    s3.list_objects_v2(Bucket="bucket", Prefix=key)
    assert pair.echo.calls[-1].query.startswith("list-type=2&prefix=")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_link_is_followed_with_the_users_signature(pair: Pair, version: str) -> None:
    s3 = pair.front.client("s3", signature_version=version)
    url = s3.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "a%2F é"})
    connection = http.client.HTTPConnection("127.0.0.1", pair.front.port, timeout=10)
    connection.request("PUT", url.partition(f":{pair.front.port}")[2], b"body")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert pair.echo.calls[-1].target == "/bucket/a%252F%20%C3%A9"
    assert pair.echo.bodies[-1] == b"body"


@pytest.mark.parametrize("host", ["bucket.localhost", "bucket.s3.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com"])
def test_a_bucket_in_the_host_name_becomes_one_in_the_path(pair: Pair, host: str) -> None:
    answer = pair.front.say(head("GET", "/k?versionId=1", "Connection: close", host=f"{host}:{pair.front.port}"))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert pair.echo.calls[-1].target == "/bucket/k?versionId=1"


def test_a_body_of_signed_chunks_is_refused_by_name(pair: Pair) -> None:
    request = head(
        "PUT",
        "/b/k",
        "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "Content-Length: 0",
        "Connection: close",
    )
    answer = pair.front.say(request)
    assert answer.startswith(b"HTTP/1.1 501")
    assert b"--s3-endpoint-url" in answer


def test_an_unsigned_call_is_not_signed_for_its_sender(pair: Pair) -> None:
    before = len(pair.echo.calls)
    answer = pair.front.say(b"GET /b/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
    assert len(pair.echo.calls) == before


def test_a_body_that_is_not_what_was_hashed_is_noticed_there(pair: Pair) -> None:
    digest = hashlib.sha256(b"a").hexdigest()
    for body, status in ((b"a", b"200"), (b"b", b"400")):
        request = (
            head("PUT", "/b/k", f"x-amz-content-sha256: {digest}", "Content-Length: 1", "Connection: close") + body
        )
        assert pair.front.say(request).split()[1] == status

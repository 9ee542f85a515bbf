"""Objects through boto3, as it comes."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from smlocal.aws.s3 import checksums
from tests.aws.s3.clients import ACCOUNT, body_of, client_of, refused
from tests.aws.s3.server import S3Server

DATA = bytes(range(256)) * 4
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
KEYS = [
    "a%2Fb",
    "a?b",
    "a#b",
    "a+b",
    "a b",
    " ",
    "ключ/图.csv",
    "é" * 512,
    "x" * 1024,
    "/a",
    "//",
    "a//b",
    "folder/",
    "..",
    "../../etc/passwd",
    "a/../b",
    "a/./b",
    ".",
    "a\nb",
    "a\\b",
    "&<>\"'",
    "\x01",
    "*",
    "my_key",
    ".smlocal.keys/x",
]


def put(s3: Any, key: str = "a", body: bytes = DATA, **how: Any) -> Any:
    return s3.put_object(Bucket="bucket", Key=key, Body=body, **how)


def get(s3: Any, key: str = "a", **how: Any) -> bytes:
    return body_of(s3.get_object(Bucket="bucket", Key=key, **how))


def test_what_was_put_is_got_and_is_a_file(s3: Any, folder: Path) -> None:
    answer = put(s3, "iris/train.csv", b"1,2\n")
    got = s3.get_object(Bucket="bucket", Key="iris/train.csv")
    assert body_of(got) == b"1,2\n"
    assert got["ETag"] == answer["ETag"] == f'"{hashlib.md5(b"1,2" + bytes([10])).hexdigest()}"'
    assert (got["ContentType"], got["ContentLength"], got["AcceptRanges"]) == ("binary/octet-stream", 4, "bytes")
    assert abs(got["LastModified"] - datetime.now(timezone.utc)) < timedelta(seconds=10)
    assert got["ResponseMetadata"]["RequestId"]
    assert (folder / "iris/train.csv").read_bytes() == b"1,2\n"


def test_a_file_that_a_user_puts_there_is_an_object(s3: Any, folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine/data.csv").write_bytes(b"1\n")
    assert get(s3, "mine/data.csv") == b"1\n"
    assert s3.head_object(Bucket="bucket", Key="mine/data.csv")["ContentType"] == "binary/octet-stream"
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["mine/data.csv"]


def test_a_file_that_is_changed_behind_our_back_is_told_as_it_is_now(s3: Any, folder: Path) -> None:
    put(s3, "a", b"before", ContentType="text/plain")
    (folder / "a").write_bytes(b"afterwards")
    got = s3.get_object(Bucket="bucket", Key="a", ChecksumMode="ENABLED")
    assert body_of(got) == b"afterwards"
    assert got["ETag"].endswith('-1"')
    assert "ChecksumCRC32" not in got


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_kept_and_listed_and_deleted(s3: Any, key: str) -> None:
    put(s3, key, key.encode())
    put(s3, "other")
    assert get(s3, key) == key.encode()
    assert s3.head_object(Bucket="bucket", Key=key)["ContentLength"] == len(key.encode())
    s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": key})
    assert get(s3, "copy") == key.encode()
    assert {one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]} == {key, "copy", "other"}
    assert [one["Key"] for one in s3.list_objects(Bucket="bucket", Prefix=key)["Contents"]] == [key]
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "copy"}]})
    s3.delete_object(Bucket="bucket", Key=key)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["other"]


def test_a_key_may_be_a_file_and_a_folder(s3: Any) -> None:
    for key in ("a", "a/b", "a/", "a"):
        put(s3, key, key.encode())
    assert [get(s3, key) for key in ("a", "a/b", "a/")] == [b"a", b"a/b", b"a/"]
    listed = s3.list_objects_v2(Bucket="bucket", Delimiter="/")
    assert [one["Key"] for one in listed["Contents"]] == ["a"]
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["a/"]


def test_a_key_of_more_than_1024_bytes_is_refused(s3: Any) -> None:
    assert refused(lambda: put(s3, "x" * 1025)) == (400, "KeyTooLongError", "Your key is too long")


def test_a_missing_key_or_bucket_is_refused_as_s3_does(s3: Any) -> None:
    no_key, no_bucket = "The specified key does not exist.", "The specified bucket does not exist"
    assert refused(lambda: s3.get_object(Bucket="bucket", Key="none")) == (404, "NoSuchKey", no_key)
    assert refused(lambda: s3.head_object(Bucket="bucket", Key="none")) == (404, "404", "Not Found")
    assert refused(lambda: s3.get_object(Bucket="none", Key="a")) == (404, "NoSuchBucket", no_bucket)
    assert refused(lambda: s3.put_object(Bucket="none", Key="a", Body=b"")) == (404, "NoSuchBucket", no_bucket)
    assert refused(lambda: s3.delete_object(Bucket="none", Key="a")) == (404, "NoSuchBucket", no_bucket)
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket="bucket", Key="none")
    error = caught.value.response["Error"]
    assert (error["Key"], error["Resource"]) == ("none", "/bucket/none")


def test_what_is_said_of_an_object_is_kept_and_told(s3: Any) -> None:
    said = {
        "ContentType": "text/csv; charset=utf-8",
        "CacheControl": "no-store",
        "ContentDisposition": 'attachment; filename="x.csv"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ServerSideEncryption": "aws:kms",
        "Metadata": {"job": "one", "with-dash": "a b", "empty": ""},
    }
    assert put(s3, **said, Expires=datetime(2030, 1, 2, tzinfo=timezone.utc))["ServerSideEncryption"] == "aws:kms"
    for answer in (s3.head_object(Bucket="bucket", Key="a"), s3.get_object(Bucket="bucket", Key="a")):
        assert {name: answer[name] for name in said} == said
        assert answer["ExpiresString"] == "Wed, 02 Jan 2030 00:00:00 GMT"


def test_metadata_of_more_than_2_kilobytes_is_refused(s3: Any) -> None:
    put(s3, Metadata={"a": "x" * 2047})
    text = "Your metadata headers exceed the maximum allowed metadata size"
    assert refused(lambda: put(s3, Metadata={"a": "x" * 2048})) == (400, "MetadataTooLarge", text)


def test_much_that_is_said_is_kept_where_a_file_system_has_little_room(s3: Any) -> None:
    long = {"ContentDisposition": "x" * 3000, "CacheControl": "y" * 3000, "Metadata": {"z": "z" * 2000}}
    put(s3, **long)
    answer = s3.head_object(Bucket="bucket", Key="a")
    assert {name: answer[name] for name in long} == long
    put(s3)
    assert "CacheControl" not in s3.head_object(Bucket="bucket", Key="a")


def test_a_reader_may_ask_for_other_headers(s3: Any) -> None:
    put(s3)
    answer = s3.get_object(Bucket="bucket", Key="a", ResponseContentType="text/x", ResponseCacheControl="no-cache")
    assert (answer["ContentType"], answer["CacheControl"]) == ("text/x", "no-cache")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=1000-", (1000, 1024)),
        ("bytes=-10", (1014, 1024)),
        ("bytes=-5000", (0, 1024)),
        ("bytes=1020-9999", (1020, 1024)),
    ],
)
def test_a_range_is_what_was_asked_for(s3: Any, asked: str, found: tuple[int, int]) -> None:
    put(s3)
    got = s3.get_object(Bucket="bucket", Key="a", Range=asked)
    first, end = found
    assert body_of(got) == DATA[first:end]
    assert got["ContentRange"] == f"bytes {first}-{end - 1}/1024"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = s3.head_object(Bucket="bucket", Key="a", Range=asked)
    assert (head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]) == (end - first, 206)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=2000-3000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(s3: Any, asked: str) -> None:
    put(s3)
    text = "The requested range is not satisfiable"
    assert refused(lambda: get(s3, Range=asked)) == (416, "InvalidRange", text)
    put(s3, "empty", b"")
    assert refused(lambda: get(s3, "empty", Range="bytes=0-"))[0] == 416


@pytest.mark.parametrize("asked", ["bytes=5-1", "lines=0-1", "bytes=a-b", "bytes=0-1,3-4", "bytes=-"])
def test_what_is_no_range_is_not_regarded(s3: Any, asked: str) -> None:
    put(s3)
    assert get(s3, Range=asked) == DATA


PAST, FUTURE = datetime(2001, 1, 1, tzinfo=timezone.utc), datetime(2100, 1, 1, tzinfo=timezone.utc)
TAG = f'"{hashlib.md5(DATA).hexdigest()}"'


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"IfMatch": TAG}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": TAG.strip('"')}, 200),
        ({"IfMatch": '"other"'}, 412),
        ({"IfNoneMatch": TAG}, 304),
        ({"IfNoneMatch": f'"x", {TAG}'}, 304),
        ({"IfNoneMatch": '"other"'}, 200),
        ({"IfModifiedSince": PAST}, 200),
        ({"IfModifiedSince": FUTURE}, 304),
        ({"IfUnmodifiedSince": PAST}, 412),
        ({"IfUnmodifiedSince": FUTURE}, 200),
        ({"IfMatch": TAG, "IfUnmodifiedSince": PAST}, 200),
        ({"IfNoneMatch": '"other"', "IfModifiedSince": FUTURE}, 200),
        ({"IfNoneMatch": TAG, "IfModifiedSince": PAST}, 304),
    ],
)
def test_a_condition_is_regarded(s3: Any, conditions: dict[str, Any], status: int) -> None:
    put(s3)
    for call in (s3.get_object, s3.head_object):
        try:
            answer = call(Bucket="bucket", Key="a", **conditions)
            if "Body" in answer:
                answer["Body"].close()
        except ClientError as error:
            answer = error.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_write_happens_only_on_the_state_that_it_expects(s3: Any) -> None:
    put(s3, "a", b"first", IfNoneMatch="*")
    failed = (412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    assert refused(lambda: put(s3, "a", b"second", IfNoneMatch="*")) == failed
    assert refused(lambda: put(s3, "a", b"second", IfMatch='"other"')) == failed
    put(s3, "a", b"second", IfMatch=f'"{hashlib.md5(b"first").hexdigest()}"')
    assert get(s3) == b"second"
    assert refused(lambda: put(s3, "none", IfMatch='"x"'))[:2] == (404, "NoSuchKey")
    assert refused(lambda: put(s3, IfNoneMatch='"x"'))[:2] == (501, "NotImplemented")


def test_of_many_writers_that_expect_nothing_one_wins(server: S3Server, s3: Any) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        try:
            put(s3, "a", bytes([number]), IfNoneMatch="*")
            won.append(number)
        except ClientError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bytes([number]) for number in won] == [get(s3)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_checksum_is_verified_kept_and_given_back(s3: Any, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    sum_ = checksums.new_sum(algorithm)
    sum_.update(DATA)
    right = base64.b64encode(sum_.digest()).decode()
    if algorithm in ("CRC32", "SHA1", "SHA256"):  # the others boto3 computes with awscrt only
        assert put(s3, ChecksumAlgorithm=algorithm)[member] == right
    assert put(s3, **{member: right})[member] == right
    got = s3.get_object(Bucket="bucket", Key="a", ChecksumMode="ENABLED")
    assert (got[member], got["ChecksumType"], body_of(got)) == (right, "FULL_OBJECT", DATA)
    wrong = base64.b64encode(bytes(len(sum_.digest()))).decode()
    text = f"The {algorithm} you specified did not match the calculated checksum."
    assert refused(lambda: put(s3, "b", **{member: wrong})) == (400, "BadDigest", text)
    text = f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
    assert refused(lambda: put(s3, "b", **{member: "AA=="})) == (400, "InvalidRequest", text)
    assert "b" not in [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]]


def test_known_values_of_the_checksums() -> None:
    """Those of "123456789": the check values of the published catalogue of CRCs (reveng), and of RFC 3720's CRC32C."""
    known = {"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888"}
    for algorithm, value in known.items():
        sum_ = checksums.new_sum(algorithm)
        sum_.update(b"1234")
        sum_.update(b"56789")
        assert sum_.digest().hex() == value


def test_a_content_md5_is_verified(s3: Any) -> None:
    put(s3, ContentMD5=base64.b64encode(hashlib.md5(DATA).digest()).decode())
    other = base64.b64encode(bytes(16)).decode()
    assert refused(lambda: put(s3, "b", ContentMD5=other))[1] == "BadDigest"
    assert refused(lambda: put(s3, "b", ContentMD5="short"))[1] == "InvalidDigest"
    assert refused(lambda: get(s3, "b"))[1] == "NoSuchKey"


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 3 * 1024 * 1024 + 1])
@pytest.mark.parametrize("calculated", ["when_required", "when_supported"])
def test_a_body_of_any_size_passes_both_ways(server: S3Server, s3: Any, size: int, calculated: str) -> None:
    data = os.urandom(size)
    client = client_of(server.url, request_checksum_calculation=calculated, response_checksum_validation=calculated)
    put(client, body=data)
    assert get(client) == data
    client.close()


def test_a_stream_of_unknown_hash_goes_in_chunks_with_a_trailer(server: S3Server, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA * 2000)
    with (tmp_path / "file").open("rb") as file:
        put(s3, body=file, ChecksumAlgorithm="SHA256")
    assert get(s3) == DATA * 2000
    sent = next(call for call in server.calls if call.method == "PUT" and call.path == "/bucket/a")
    if sent.headers["x-amz-content-sha256"].startswith("STREAMING"):
        assert sent.headers["x-amz-trailer"] == "x-amz-checksum-sha256"


def raw(server: S3Server, request: bytes, *, shut: bool = False) -> bytes:
    """What the server answers to these bytes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def chunked(body: bytes, trailer: bytes = b"", length: int = 11, kind: bytes = b"") -> bytes:
    kind = kind or b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    return (
        b"PUT /bucket/chunked HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: aws-chunked\r\n"
        b"x-amz-content-sha256: "
        + kind
        + b"\r\nx-amz-decoded-content-length: %d\r\n" % length
        + trailer
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


def test_signed_chunks_are_decoded(server: S3Server, s3: Any) -> None:
    body = b"6;chunk-signature=%s\r\nhello \r\n5;chunk-signature=%s\r\nworld\r\n0;chunk-signature=%s\r\n\r\n"
    answer = raw(server, chunked(body % ((b"a" * 64,) * 3)))
    assert answer.startswith(b"HTTP/1.1 200")
    got = s3.get_object(Bucket="bucket", Key="chunked")
    assert body_of(got) == b"hello world"
    assert "ContentEncoding" not in got


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"b\r\nhello world\r\n", b"IncompleteBody"),  # no last chunk
        (b"b\r\nhello", b"IncompleteBody"),
        (b"5\r\nhello\r\n0\r\n\r\n", b"IncompleteBody"),  # shorter than said
        (b"c\r\nhello world!\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"x\r\nhello world\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"b\r\nhello worldX\r\n0\r\n\r\n", b"IncompleteBody"),
        (b"5" * 5000, b"IncompleteBody"),
        (b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n", b"BadDigest"),
        (b"b\r\nhello world\r\n0\r\n\r\n", b"InvalidRequest"),  # the trailer that was announced is missing
    ],
)
def test_chunks_that_are_broken_leave_nothing(server: S3Server, s3: Any, body: bytes, code: bytes) -> None:
    trailer = b"x-amz-trailer: x-amz-checksum-crc32\r\n"
    answer = raw(server, chunked(body, trailer, kind=b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"<Code>" + code + b"</Code>" in answer
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")


def test_a_client_that_breaks_off_leaves_what_was_there(server: S3Server, s3: Any, tmp_path: Path) -> None:
    put(s3, "a", b"before")
    raw(server, b"PUT /bucket/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\nhalf", shut=True)
    assert get(s3) == b"before"
    incoming = tmp_path / "s3/.smlocal/incoming"
    deadline = time.monotonic() + 5
    while list(incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(incoming.iterdir()) == []


def test_a_body_without_a_length_is_refused(server: S3Server, s3: Any) -> None:
    answer = raw(server, b"PUT /bucket/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"411" in answer.splitlines()[0] and b"<Code>MissingContentLength</Code>" in answer
    head = b"PUT /bucket/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    answer = raw(server, head)
    assert b"501" in answer.splitlines()[0] and b"Transfer-Encoding" in answer


def test_a_hash_that_was_signed_is_verified(server: S3Server, s3: Any) -> None:
    head = b"PUT /bucket/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n"
    head += b"x-amz-content-sha256: %s\r\n\r\nx"
    assert b"XAmzContentSHA256Mismatch" in raw(server, head % (b"0" * 64))
    assert raw(server, head % hashlib.sha256(b"x").hexdigest().encode()).startswith(b"HTTP/1.1 200")


def test_a_copy_has_its_own_bytes_and_what_was_said_of_the_source(s3: Any) -> None:
    s3.create_bucket(Bucket="other")
    put(s3, "a b", ContentType="text/csv", Metadata={"x": "1"}, ChecksumAlgorithm="SHA256")
    answer = s3.copy_object(Bucket="other", Key="c", CopySource="bucket/a b")["CopyObjectResult"]
    assert answer["ETag"] == TAG
    assert answer["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    put(s3, "a b", b"changed")
    got = s3.get_object(Bucket="other", Key="c", ChecksumMode="ENABLED")
    assert (body_of(got), got["ContentType"], got["Metadata"]) == (DATA, "text/csv", {"x": "1"})


def test_a_copy_may_have_other_things_said_of_it(s3: Any) -> None:
    put(s3, ContentType="text/csv", Metadata={"x": "1"})
    source = {"Bucket": "bucket", "Key": "a"}
    how = {"MetadataDirective": "REPLACE", "Metadata": {"y": "2"}, "ContentType": "text/plain"}
    s3.copy_object(Bucket="bucket", Key="a", CopySource=source, **how)
    head = s3.head_object(Bucket="bucket", Key="a")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"y": "2"})
    assert get(s3) == DATA


def test_copies_that_s3_refuses_are_refused(s3: Any) -> None:
    put(s3)

    def copied(key: str, source: str, **how: Any) -> tuple[int, str, str]:
        return refused(lambda: s3.copy_object(Bucket="bucket", Key=key, CopySource=source, **how))

    assert copied("a", "bucket/a")[:2] == (400, "InvalidRequest")
    assert copied("b", "bucket/none")[:2] == (404, "NoSuchKey")
    assert copied("b", "nowhere/a")[:2] == (404, "NoSuchBucket")
    assert copied("b", "bucket")[:2] == (400, "InvalidArgument")
    assert copied("b", "bucket/a?versionId=7")[:2] == (501, "NotImplemented")
    assert copied("b", "bucket/a", CopySourceIfMatch='"x"')[:2] == (412, "PreconditionFailed")
    assert copied("b", "bucket/a", CopySourceIfNoneMatch=TAG)[:2] == (412, "PreconditionFailed")
    assert copied("b", "bucket/a", CopySourceIfModifiedSince=FUTURE)[:2] == (412, "PreconditionFailed")
    assert refused(lambda: get(s3, "b"))[1] == "NoSuchKey"


def test_many_are_deleted_at_once_and_what_was_not_there_is_no_error(s3: Any) -> None:
    for key in ("a", "b", "c"):
        put(s3, key)
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key} for key in ("a", "b", "x\ry")]})
    assert [one["Key"] for one in answer["Deleted"]] == ["a", "b", "x\ry"]
    quiet = s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")


def test_a_version_cannot_be_deleted_and_the_others_are(s3: Any) -> None:
    put(s3, "a")
    put(s3, "b")
    keys = [{"Key": "a", "VersionId": "7"}, {"Key": "b", "VersionId": "null"}]
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": keys})
    assert [one["Key"] for one in answer["Deleted"]] == ["b"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("a", "NotImplemented")]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Delete>",
        b"<Other/>",
        b"<Delete/>",
        b"<Delete><Object/></Delete>",
        b'<!DOCTYPE x [<!ENTITY a "a">]><Delete><Object><Key>&a;</Key></Object></Delete>',
        b"<Delete>" + b"<Object><Key>a</Key></Object>" * 1001 + b"</Delete>",
    ],
)
def test_a_document_that_is_none_is_refused(server: S3Server, s3: Any, document: bytes) -> None:
    head = b"POST /bucket?delete HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(document)
    assert b"<Code>MalformedXML</Code>" in raw(server, head + document)


def test_deleting_is_no_error_when_nothing_was_there(s3: Any) -> None:
    for _ in range(2):
        answer = s3.delete_object(Bucket="bucket", Key="a/b")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_readers_see_an_object_whole_while_it_is_replaced(s3: Any) -> None:
    bodies = [bytes([number]) * 2_000_000 for number in range(4)]
    put(s3, "a", bodies[0])
    done = threading.Event()

    def write() -> None:
        for turn in range(12):
            put(s3, "a", bodies[turn % 4], Metadata={"turn": str(turn % 4)})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        got = s3.get_object(Bucket="bucket", Key="a")
        data = body_of(got)
        assert data in bodies
        assert got["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    writer.join()


def test_another_accounts_bucket_is_refused(s3: Any) -> None:
    put(s3, ExpectedBucketOwner=ACCOUNT)
    assert refused(lambda: get(s3, ExpectedBucketOwner="999999999999")) == (403, "AccessDenied", "Access Denied")

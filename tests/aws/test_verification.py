"""Signatures are verified: what was signed is served, what was changed, expired or signed by a stranger is refused."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SignersCredentials
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.aws.chunked import SignedChunks, hashed
from smlocal.aws.credentials import CredentialRegistry
from smlocal.aws.errors import AwsError, Denial, Denied
from smlocal.aws.signature import signature_of
from smlocal.aws.verification import Verifier
from smlocal.aws.wire import Call
from smlocal.aws_clients import DUMMY, Credentials
from smlocal.http_client import Headers
from tests.aws.fronts import Echo, Front, fronted, pieces_of

PATHS = st.text("/ab.%~!$&'()*,;=:@+é ?#", min_size=1, max_size=20)


class Clock:
    """The server's time; `ahead` of ours."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def front(echo: Echo, clock: Clock) -> Iterator[Front]:
    with fronted(echo, verify_all=True, clock=clock) as found:
        yield found


@pytest.fixture(scope="module")
def good(front: Front) -> Credentials:
    return front.credentials.issue()


# ---- by boto3

OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    ("sagemaker", "list_models", {}),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"\xff\x00" * 1000}),
    ("logs", "create_log_group", {"logGroupName": "g", "tags": {"a": "é"}}),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "a%2Fb//é?#+~", "Body": b"x" * 99_999, "Metadata": {"k": "a b"}}),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "k", "Body": b"x", "ChecksumAlgorithm": "SHA256"}),
    ("s3", "create_multipart_upload", {"Bucket": "bucket", "Key": "k"}),
    ("ecr", "describe_repositories", {}),
    ("kms", "list_keys", {}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "request_"), OPERATIONS)
def test_what_boto3_signs_is_served(
    front: Front, echo: Echo, good: Credentials, service: str, operation: str, request_: dict[str, Any]
) -> None:
    before = len(echo.calls)
    client = front.client(service, good)
    getattr(client, operation)(**request_)
    assert len(echo.calls) == before + 1
    if request_.get("Body") and "ChecksumAlgorithm" not in request_:
        assert echo.bodies[-1].count(b"x") >= request_["Body"].count(b"x")


@pytest.mark.parametrize(
    ("service", "operation", "request_", "mismatch", "unknown"),
    [
        ("sagemaker", "list_models", {}, ("InvalidSignatureException", 400), ("UnrecognizedClientException", 400)),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"x"},
         ("InvalidSignatureException", 403), ("UnrecognizedClientException", 403)),
        ("sts", "get_caller_identity", {}, ("SignatureDoesNotMatch", 403), ("InvalidClientTokenId", 403)),
        ("ec2", "describe_vpcs", {}, ("AuthFailure", 401), ("AuthFailure", 401)),
        ("s3", "list_buckets", {}, ("SignatureDoesNotMatch", 403), ("InvalidAccessKeyId", 403)),
        ("cloudwatch", "list_metrics", {}, ("InvalidSignatureException", 400), ("UnrecognizedClientException", 400)),
    ],
)  # fmt: skip
def test_a_wrong_secret_and_an_unknown_key_are_refused_as_aws_does(
    front: Front, echo: Echo, good: Credentials, service: str, operation: str, request_: dict[str, Any],
    mismatch: tuple[str, int], unknown: tuple[str, int],
) -> None:  # fmt: skip
    before = len(echo.calls)
    for credentials, expected in (
        (Credentials(good.access_key_id, "wrong"), mismatch),
        (Credentials("AKIAIOSFODNN7EXAMPLE", good.secret_access_key), unknown),
        (DUMMY, unknown),
        (Credentials(good.access_key_id, good.secret_access_key, "token"), unknown),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(front.client(service, credentials), operation)(**request_)
        error = caught.value.response
        assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == expected
    assert len(echo.calls) == before


def test_a_session_token_must_be_the_one_that_was_given(front: Front, echo: Echo) -> None:
    front.credentials.add(Credentials("SESSION", "secret", "token"))
    front.client("s3", Credentials("SESSION", "secret", "token")).put_object(Bucket="bucket", Key="k", Body=b"")
    for token in ("tokem", None):
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            front.client("s3", Credentials("SESSION", "secret", token)).put_object(Bucket="bucket", Key="k", Body=b"")


def test_credentials_are_good_until_they_are_revoked(front: Front) -> None:
    made = front.credentials.issue()
    assert len(made.access_key_id) == 20
    front.client("s3", made).put_object(Bucket="bucket", Key="k", Body=b"")
    front.credentials.revoke(made.access_key_id)
    front.credentials.revoke(made.access_key_id)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        front.client("s3", made).put_object(Bucket="bucket", Key="k", Body=b"")


@pytest.mark.parametrize(
    ("service", "operation", "minutes", "code", "text"),
    [
        ("sagemaker", "list_models", 6, "InvalidSignatureException", "Signature expired: "),
        ("sagemaker", "list_models", -6, "InvalidSignatureException", "Signature not yet current: "),
        ("sts", "get_caller_identity", 6, "SignatureDoesNotMatch", "- 5 min.)"),
        ("s3", "list_buckets", 16, "RequestTimeTooSkewed", "too large"),
        ("s3", "list_buckets", -16, "RequestTimeTooSkewed", "too large"),
    ],
)
def test_a_clock_that_is_wrong_is_told(
    front: Front, good: Credentials, clock: Clock, service: str, operation: str, minutes: int, code: str, text: str
) -> None:
    clock.ahead = timedelta(minutes=minutes)
    try:
        with pytest.raises(ClientError) as caught:
            getattr(front.client(service, good), operation)()
        assert caught.value.response["Error"]["Code"] == code
        assert text in caught.value.response["Error"]["Message"]
        clock.ahead = timedelta(minutes=minutes - 2 * (minutes > 0) + 2 * (minutes < 0))
        if service == "sagemaker":
            front.client(service, good).list_models()
    finally:
        clock.ahead = timedelta()


# ---- by hand: one thing of a good request changed


class Signed:
    """A request that botocore's signer signed, to be sent as it is or changed."""

    def __init__(
        self, front: Front, credentials: Credentials, target: str, body: bytes = b"body", service: str = "s3",
        headers: dict[str, str] | None = None, method: str = "PUT",
    ) -> None:  # fmt: skip
        self._front = front
        self.method, self.target, self.body = method, target, body
        request = AWSRequest(method, f"http://127.0.0.1:{front.port}{target}", headers or {}, body)
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        keys = SignersCredentials(credentials.access_key_id, credentials.secret_access_key)
        signer(keys, service, "us-east-1").add_auth(request)
        self.headers = [("Host", f"127.0.0.1:{front.port}"), *request.headers.items()]

    def set(self, name: str, value: str) -> None:
        self.headers = [(key, value if key.lower() == name.lower() else old) for key, old in self.headers]

    def send(self) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._front.port, timeout=10)
        try:
            connection.putrequest(self.method, self.target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


CHANGES = {
    "nothing": lambda s: None,
    "path": lambda s: setattr(s, "target", s.target.replace("/key", "/kez")),
    "path encoding": lambda s: setattr(s, "target", s.target.replace("%2F", "/")),
    "path slash": lambda s: setattr(s, "target", s.target.replace("/key", "//key")),
    "query value": lambda s: setattr(s, "target", s.target.replace("a=1", "a=2")),
    "query more": lambda s: setattr(s, "target", s.target + "&b=1"),
    "query less": lambda s: setattr(s, "target", s.target.partition("?")[0]),
    "fragment": lambda s: setattr(s, "target", s.target + "#x"),
    "method": lambda s: setattr(s, "method", "POST"),
    "header value": lambda s: s.set("x-amz-meta-a", "2"),
    "header gone": lambda s: setattr(s, "headers", [h for h in s.headers if h[0] != "x-amz-meta-a"]),
    "header more": lambda s: s.headers.append(("x-amz-acl", "public-read")),
    "header twice": lambda s: s.headers.append(("x-amz-meta-a", "2")),
    "host": lambda s: s.set("Host", "localhost"),
    "date": lambda s: s.set("X-Amz-Date", datetime.now(timezone.utc).strftime("%Y%m%dT000001Z")),
    "body": lambda s: setattr(s, "body", b"bodz"),
    "body and hash": lambda s: (setattr(s, "body", b"z"), s.set("X-Amz-Content-SHA256", sha256(b"z").hexdigest())),
    "no hash": lambda s: s.set("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"),
    "signature": lambda s: s.set("Authorization", dict(s.headers)["Authorization"][:-1] + "g"),
    "signature empty": lambda s: s.set("Authorization", dict(s.headers)["Authorization"][:-64]),
    "signature odd": lambda s: s.set("Authorization", dict(s.headers)["Authorization"][:-64] + "\xe9" * 64),
    "scope": lambda s: s.set("Authorization", dict(s.headers)["Authorization"].replace("us-east-1", "us-west-2")),
    "service": lambda s: s.set("Authorization", dict(s.headers)["Authorization"].replace("/s3/", "/iam/")),
    "fewer headers": lambda s: s.set("Authorization", dict(s.headers)["Authorization"].replace("host;", "")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_after_signing_is_noticed(front: Front, echo: Echo, good: Credentials, change: str) -> None:
    before = len(echo.bodies)
    signed = Signed(front, good, "/bucket/key%2Fa?a=1", headers={"x-amz-meta-a": "1"})
    CHANGES[change](signed)
    status, answer = signed.send()
    assert (status == 200) is (change == "nothing"), answer
    assert len(echo.bodies) == before + (change == "nothing")


@pytest.mark.parametrize("service", ["sagemaker", "iam"])
@pytest.mark.parametrize("is_changed", [False, True])
def test_a_body_whose_hash_is_in_no_header_is_verified(
    front: Front, echo: Echo, good: Credentials, service: str, is_changed: bool
) -> None:
    before = len(echo.bodies)
    signed = Signed(front, good, "/", b"{}", service, {"X-Amz-Target": "X.Y"}, method="POST")
    assert "X-Amz-Content-SHA256" not in dict(signed.headers)
    if is_changed:
        signed.body = b"[]"
    assert (signed.send()[0] == 200) is not is_changed
    assert len(echo.bodies) == before + (not is_changed)


@given(key=PATHS, query=st.dictionaries(PATHS, PATHS, max_size=3), value=st.text(" \t!~aZé,;", max_size=10))
@settings(max_examples=150, deadline=None)
def test_any_path_query_and_header_are_verified_as_they_were_signed(
    front: Front, good: Credentials, key: str, query: dict[str, str], value: str
) -> None:
    target = f"/bucket/{quote(key, safe='/~')}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
    header = {"x-amz-meta-v": value.encode().decode("latin-1").strip()}
    for service in ("s3", "sagemaker"):
        if value.isascii():
            assert Signed(front, good, target, service=service, headers=header).send()[0] == 200
        else:
            assert Signed(front, good, target, service=service).send()[0] == 200
    changed = Signed(front, good, target)
    changed.target = target.replace("/bucket/", "/bucked/")
    assert changed.send()[0] == 403


def test_a_value_that_is_not_ascii_is_verified(front: Front, good: Credentials) -> None:
    client = front.client("s3", good)
    client.meta.events.register("before-sign", lambda request, **_: request.headers.add_header("x-amz-meta-é", "1"))
    signed = Signed(front, good, "/b/k", headers={"x-amz-meta-a": "é"})
    signed.headers = [(name, value.encode().decode("latin-1")) for name, value in signed.headers]
    assert signed.send()[0] == 200


def test_a_date_header_will_do(front: Front, good: Credentials) -> None:
    signed = Signed(front, good, "/b/k", headers={"Date": "x"})
    assert "X-Amz-Date" not in dict(signed.headers)
    assert signed.send()[0] == 200
    signed.set("Date", "yesterday")
    assert signed.send()[0] == 400


# ---- presigned


def follow(front: Front, url: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    try:
        connection.request(method, url.partition(f":{front.port}")[2], body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_presigned_link_is_good_for_its_time_and_its_key(
    front: Front, good: Credentials, echo: Echo, clock: Clock
) -> None:
    s3 = front.client("s3", good, signature_version="s3v4")
    url = s3.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "a/é%2F"}, ExpiresIn=1200)
    assert follow(front, url, "PUT", b"any body")[0] == 200
    assert echo.bodies[-1] == b"any body"
    assert follow(front, url, "GET")[0] == 403
    assert follow(front, url.replace("/bucket/", "/bucked/"), "PUT")[0] == 403
    assert follow(front, url.replace("Expires=1200", "Expires=9999"), "PUT")[0] == 403
    assert follow(front, url + "&acl", "PUT")[0] == 403
    assert follow(front, url + "&X-Amz-Expires=9999", "PUT")[0] == 400
    assert follow(front, url.replace("Expires=1200", "Expires=9999999"), "PUT")[0] == 400
    clock.ahead = timedelta(minutes=19)
    assert follow(front, url, "PUT")[0] == 200
    clock.ahead = timedelta(minutes=21)
    try:
        status, answer = follow(front, url, "PUT")
    finally:
        clock.ahead = timedelta()
    assert status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer


def test_a_presigned_call_of_sts_has_no_body_of_its_own(front: Front, good: Credentials) -> None:
    request = AWSRequest("GET", f"{front.url}/?Action=GetCallerIdentity")
    keys = SignersCredentials(good.access_key_id, good.secret_access_key)
    SigV4QueryAuth(keys, "sts", "us-east-1", expires=60).add_auth(request)
    assert follow(front, request.url)[0] == 200
    assert follow(front, request.url, "GET", b"Action=Other")[0] != 200


def test_links_of_version_2_are_not_taken_where_signatures_are_verified(front: Front, good: Credentials) -> None:
    url = front.client("s3", good, signature_version="s3").generate_presigned_url(
        "get_object", {"Bucket": "bucket", "Key": "k"}
    )
    status, answer = follow(front, url)
    assert status == 400
    assert b"Please use AWS4-HMAC-SHA256" in answer


# ---- aws-chunked

# AWS's own example, from the S3 page "sigv4-streaming": 65 KiB of "a" in chunks of 64 KiB
EXAMPLE = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2013, 5, 24, tzinfo=timezone.utc)
HEAD = (
    ("Host", "s3.amazonaws.com"),
    ("x-amz-date", "20130524T000000Z"),
    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class,"
        "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    ),
    ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ("Content-Encoding", "aws-chunked"),
    ("x-amz-decoded-content-length", "66560"),
    ("Content-Length", "66824"),
)
CHUNKS = (
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)
BODY = b"".join(b"%x;chunk-signature=%s\r\n%s\r\n" % (size, mark.encode(), b"a" * size) for size, mark in CHUNKS)


def verified_body(body: bytes, step: int = 1000) -> bytes:
    """What a reader of the example gets when this is its body. Raises what verification raises."""

    async def once() -> bytes:
        registry = CredentialRegistry()
        registry.add(EXAMPLE)
        pieces = pieces_of(*(body[at : at + step] for at in range(0, len(body), step)))
        call = Call("PUT", "/examplebucket/chunkObject.txt", Headers(HEAD), pieces, None)
        signature = signature_of(call, "us-east-1")
        assert signature is not None
        return await (await Verifier(registry, lambda: AT).verified(call, signature)).read(1 << 20)

    return asyncio.run(once())


@pytest.mark.parametrize("step", [1, 7, 1000, 65536, 100_000])
def test_awss_example_of_signed_chunks_is_verified_in_pieces_of_any_size(step: int) -> None:
    assert len(BODY) == 66824
    assert verified_body(BODY, step) == BODY


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(b"aaaa", b"aaab", 1),
        BODY[:70_000].rpartition(b"400;")[0] + b"0;chunk-signature=" + CHUNKS[2][1].encode() + b"\r\n\r\n",
        BODY.replace(b"ad80", b"ad81"),
        BODY.replace(b"b6c6", b"b6c7"),
        BODY[:-90],
        BODY[:1000],
        b"",
        BODY + b"more",
        b"5\r\naaaaa\r\n0\r\n\r\n",
        b"10000000000000;chunk-signature=0\r\n",
        b"-1;chunk-signature=0\r\n",
        b"x" * 100_000,
        BODY + b"x-amz-checksum-crc32: AAAA\r\n\r\n",
    ],
    ids=range(13),
)
def test_chunks_that_were_changed_cut_short_or_added_to_are_noticed(body: bytes) -> None:
    with pytest.raises((Denied, AwsError)):
        verified_body(body)


@pytest.mark.parametrize("is_good", [True, False])
def test_trailing_headers_are_signed_too(is_good: bool) -> None:
    def sign(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    empty = sha256(b"").hexdigest()
    last = sign(f"AWS4-HMAC-SHA256-PAYLOAD\nT\nS\nseed\n{empty}\n{empty}")
    trailer = sha256(b"x-amz-checksum-crc32c:sOO8/Q==\n").hexdigest()
    mark = sign(f"AWS4-HMAC-SHA256-TRAILER\nT\nS\n{last}\n{trailer}")
    value = "sOO8/Q==" if is_good else "sOO8/A=="
    text = (
        f"0;chunk-signature={last}\r\nx-amz-checksum-crc32c:{value}\r\nx-amz-trailer-signature:{mark}\r\n\r\n"
    ).encode()

    async def once() -> bytes:
        return b"".join([p async for p in SignedChunks(sign, "T", "S", "seed", trailer=True).checked(pieces_of(text))])

    if is_good:
        assert asyncio.run(once()) == text
    else:
        with pytest.raises(Denied) as caught:
            asyncio.run(once())
        assert caught.value.why is Denial.MISMATCH


@given(body=st.binary(max_size=100), other=st.binary(max_size=100), at=st.integers(0, 100))
def test_a_hashed_body_is_read_whole_or_fails_at_its_end(body: bytes, other: bytes, at: int) -> None:
    async def once(sent: bytes) -> bytes:
        digest = sha256(body).hexdigest()
        return b"".join([piece async for piece in hashed(pieces_of(sent[:at], sent[at:]), digest)])

    assert asyncio.run(once(body)) == body
    if other != body:
        with pytest.raises(AwsError, match="does not match"):
            asyncio.run(once(other))

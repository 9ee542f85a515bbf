"""What is not supported is refused by name, with a sentence; never done in silence."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from smlocal.aws.s3 import is_ours
from smlocal.aws.wire import Call
from smlocal.http_client import Headers
from tests.aws.s3.clients import body_of, client_of, refused
from tests.aws.s3.server import S3Server

OBJECT = {"Bucket": "bucket", "Key": "a"}


@pytest.mark.parametrize(
    ("operation", "how", "named"),
    [
        ("get_object_acl", {}, "access control lists"),
        ("put_object_acl", {}, "access control lists"),
        ("get_object_tagging", {}, "tags"),
        ("put_object_tagging", {"Tagging": {"TagSet": []}}, "tags"),
        ("delete_object_tagging", {}, "tags"),
        ("get_object_attributes", {"ObjectAttributes": ["ETag"]}, "GetObjectAttributes"),
        ("get_object_legal_hold", {}, "legal holds"),
        ("put_object_legal_hold", {"LegalHold": {"Status": "ON"}}, "legal holds"),
        ("get_object_retention", {}, "retention"),
        ("get_object_torrent", {}, "torrents"),
        ("restore_object", {"RestoreRequest": {"Days": 1}}, "RestoreObject"),
        ("get_object", {"VersionId": "7"}, "versionId"),
        ("head_object", {"PartNumber": 2}, ""),
        ("get_object", {"PartNumber": 2}, "partNumber"),
        ("delete_object", {"VersionId": "7"}, "versionId"),
        ("delete_object", {"IfMatch": "x"}, "conditional deletes"),
        ("put_object", {"Tagging": "a=b"}, "tags"),
        ("put_object", {"StorageClass": "GLACIER"}, "GLACIER"),
        ("put_object", {"WebsiteRedirectLocation": "/x"}, "redirects"),
        ("put_object", {"ObjectLockLegalHoldStatus": "ON"}, "object lock"),
        ("put_object", {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, "SSE-C"),
        ("put_object", {"WriteOffsetBytes": 3}, "appending"),
        ("create_multipart_upload", {"Tagging": "a=b"}, "tags"),
        ("rename_object", {"RenameSource": "/bucket/a"}, "RenameObject"),
    ],
)
def test_what_objects_cannot_do_is_refused_by_name(
    server: S3Server, s3: Any, operation: str, how: dict[str, Any], named: str
) -> None:
    s3.put_object(**OBJECT, Body=b"kept")
    status, code, message = refused(lambda: getattr(s3, operation)(**OBJECT, **how))
    assert (status, code) == (501, "NotImplemented") if named else (501, "501")
    assert named in message
    assert body_of(s3.get_object(**OBJECT)) == b"kept"


@pytest.mark.parametrize(
    ("operation", "how", "named"),
    [
        ("list_object_versions", {}, "ListObjectVersions"),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}, "PutBucketVersioning"),
        ("get_object_lock_configuration", {}, "object lock"),
        ("put_object_lock_configuration", {}, "object lock"),
        (
            "put_bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]}},
            "PutBucketLifecycleConfiguration",
        ),
        ("create_bucket", {"ObjectLockEnabledForBucket": True}, "object lock"),
        ("create_bucket", {"ACL": "public-read"}, "access control list"),
    ],
)
def test_what_would_change_what_happens_to_objects_is_refused_by_name(
    server: S3Server, s3: Any, operation: str, how: dict[str, Any], named: str
) -> None:
    status, code, message = refused(lambda: getattr(s3, operation)(Bucket="bucket", **how))
    assert (status, code) == (501, "NotImplemented")
    assert named in message
    assert all(is_ours(call) for call in server.calls)


def test_access_control_lists_are_refused_as_by_every_new_bucket(s3: Any) -> None:
    s3.put_object(**OBJECT, Body=b"x", ACL="bucket-owner-full-control")
    for how in ({"ACL": "public-read"}, {"GrantRead": "id=1"}):
        answer = refused(lambda how=how: s3.put_object(**OBJECT, Body=b"y", **how))
        assert answer == (400, "AccessControlListNotSupported", "The bucket does not allow ACLs")


def test_a_form_is_refused(server: S3Server, s3: Any) -> None:
    post = s3.generate_presigned_post("bucket", "a")
    request = urllib.request.Request(post["url"], data=b"--x--", headers={"Content-Type": "multipart/form-data"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == 501
        assert b"POST policies" in answer.read()


def call(method: str, target: str, host: str = "127.0.0.1:80") -> Call:
    async def nothing() -> Any:
        yield b""

    return Call(method, target, Headers(()), nothing(), None, host)


@pytest.mark.parametrize(
    ("method", "target", "ours"),
    [
        ("GET", "/", True),
        ("PUT", "/bucket", True),
        ("GET", "/bucket?list-type=2&prefix=policy", True),
        ("GET", "/bucket/?location", True),
        ("POST", "/bucket?delete", True),
        ("GET", "/bucket/policy", True),
        ("GET", "/bucket/key?acl", True),
        ("GET", "/bucket?policy", False),
        ("PUT", "/bucket?policy=", False),
        ("PUT", "/bucket?encryption", False),
        ("GET", "/bucket?publicAccessBlock", False),
        ("PUT", "/bucket?tagging", False),
        ("GET", "/bucket/?lifecycle", False),
        ("PUT", "/bucket?lifecycle", True),
        ("PUT", "/bucket?replication", True),
        ("PUT", "/bucket?versioning", True),
        ("GET", "/bucket?%ff", True),
    ],
)
def test_a_call_is_ours_unless_it_only_configures_a_bucket(method: str, target: str, ours: bool) -> None:
    assert is_ours(call(method, target)) is ours
    at_host = target.replace("/bucket", "/", 1).replace("//", "/")
    assert is_ours(call(method, at_host, "bucket.s3.amazonaws.com")) is ours


def test_a_method_that_is_none_is_refused(server: S3Server, s3: Any) -> None:
    for method, path in (("PATCH", "/bucket"), ("PATCH", "/bucket/a"), ("DELETE", "/")):
        request = urllib.request.Request(server.url + path, method=method)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        with caught.value as answer:
            assert answer.code == 405
            assert b"<Code>MethodNotAllowed</Code>" in answer.read()


def test_a_configuration_that_reaches_us_is_refused_by_name(s3: Any) -> None:
    status, code, message = refused(lambda: s3.get_bucket_policy(Bucket="bucket"))
    assert (status, code) == (501, "NotImplemented")
    assert "policy" in message


def test_a_presigned_address_is_good_for_its_time(server: S3Server, s3: Any) -> None:
    put = s3.generate_presigned_url("put_object", {**OBJECT, "Metadata": {"x": "1"}})
    request = urllib.request.Request(put, data=b"data", method="PUT", headers={"x-amz-meta-x": "1"})
    urllib.request.urlopen(request).close()
    for version in ("s3v4", "s3"):
        client = client_of(server.url, signature_version=version)
        asked = {**OBJECT, "ResponseContentType": "text/x"}
        with urllib.request.urlopen(client.generate_presigned_url("get_object", asked, ExpiresIn=60)) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"data", "text/x")
        address = client.generate_presigned_url("get_object", asked, ExpiresIn=1)
        with pytest.raises(urllib.error.HTTPError) as caught:
            time.sleep(2.1)
            urllib.request.urlopen(address)
        with caught.value as refusal:
            assert refusal.code == 403
            assert b"<Message>Request has expired</Message>" in refusal.read()
        client.close()


@pytest.mark.parametrize("query", ["X-Amz-Expires=604801", "X-Amz-Expires=x", "X-Amz-Expires=60&X-Amz-Date=today"])
def test_a_presigned_address_with_a_time_that_is_none_is_refused(server: S3Server, s3: Any, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server.url}/bucket/a?{query}")
    with caught.value as refusal:
        assert refusal.code == 400
        assert b"<Code>AuthorizationQueryParametersError</Code>" in refusal.read()

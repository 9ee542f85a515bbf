"""Which service a call goes to, and how each refusal looks to the client that gets it."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from smlocal import errors
from smlocal.aws import cbor
from smlocal.aws.browser import refusal
from smlocal.aws.errors import AwsError, xml_text
from smlocal.aws.routing import service_of
from smlocal.aws.wire import BodyTooLarge, Call, Reply, Scope
from smlocal.http_client import Headers
from tests.aws.fronts import Echo, Front, fronted, head, pieces_of

ASYNC = {"EndpointName": "e", "InputLocation": "s3://b/k"}
METRICS = {"TrialComponentName": "t", "MetricData": [{"MetricName": "m", "Timestamp": 1, "Value": 1.0}]}
TARGETS = {"ServiceNamespace": "sagemaker"}
# a client, one of its operations, and that operation's service by AWS's own endpoint prefix
CALLS: list[tuple[str, str, dict[str, Any], str]] = [
    ("sagemaker", "list_models", {}, "sagemaker"),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"\xff"}, "runtime.sagemaker"),
    ("sagemaker-runtime", "invoke_endpoint_async", ASYNC, "runtime.sagemaker"),
    ("sagemaker-metrics", "batch_put_metrics", METRICS, "metrics.sagemaker"),
    ("s3", "list_buckets", {}, "s3"),
    ("s3", "get_object", {"Bucket": "bucket", "Key": "endpoints/e/invocations"}, "s3"),
    ("sts", "get_caller_identity", {}, "sts"),
    ("iam", "list_roles", {}, "iam"),
    ("ec2", "describe_vpcs", {}, "ec2"),
    ("ecr", "describe_repositories", {}, "ecr"),
    ("logs", "describe_log_groups", {}, "logs"),
    ("cloudwatch", "list_metrics", {}, "monitoring"),
    ("kms", "list_keys", {}, "kms"),
    ("application-autoscaling", "describe_scalable_targets", TARGETS, "application-autoscaling"),
    ("dynamodb", "list_tables", {}, "dynamodb"),
]  # fmt: skip


def ask(front: Front, service: str, operation: str, request: dict[str, Any], **config: Any) -> ClientError:
    """The error that a call is answered with."""
    client = front.client(service, **config)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**request)
    client.close()
    return caught.value


def code_of(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(("service", "operation", "request_", "name"), CALLS, ids=[f"{c[0]}-{c[1]}" for c in CALLS])
def test_a_signed_call_is_for_the_service_of_its_scope(
    service: str, operation: str, request_: dict[str, Any], name: str
) -> None:
    async def tell(call: Call) -> Reply:
        raise AwsError("Told", service_of(call), 418)

    with fronted(tell) as front:
        error = ask(front, service, operation, request_)
        assert code_of(error) == ("Told", 418)
        assert error.response["Error"]["Message"] == name
        [line] = front.lines
        assert re.fullmatch(rf"{re.escape(name)} \S.* 418 \d+ ms [0-9a-f-]{{36}}", line), line


@pytest.mark.parametrize(("service", "operation", "request_", "name"), CALLS, ids=[f"{c[0]}-{c[1]}" for c in CALLS])
def test_what_nobody_serves_is_refused_by_name(
    service: str, operation: str, request_: dict[str, Any], name: str
) -> None:
    with fronted() as front:
        error = ask(front, service, operation, request_)
    assert code_of(error) == ("NotImplemented", 501)
    assert f"smlocal does not serve {name} (" in error.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "request_", "expected"),
    [
        ("sagemaker", "list_models", {}, ("MissingAuthenticationTokenException", 400)),
        ("sagemaker-runtime", "invoke_endpoint", CALLS[1][2], ("MissingAuthenticationTokenException", 403)),
        ("logs", "describe_log_groups", {}, ("MissingAuthenticationTokenException", 400)),
        ("cloudwatch", "list_metrics", {}, ("MissingAuthenticationTokenException", 400)),
        ("sts", "get_caller_identity", {}, ("MissingAuthenticationToken", 403)),
        ("s3", "list_buckets", {}, ("AccessDenied", 403)),
        ("s3", "get_object", {"Bucket": "bucket", "Key": "k"}, ("AccessDenied", 403)),
    ],
)
def test_an_unsigned_call_is_refused_as_aws_refuses_it(
    service: str, operation: str, request_: dict[str, Any], expected: tuple[str, int]
) -> None:
    echo = Echo()
    with fronted(echo) as front:
        error = ask(front, service, operation, request_, signature_version=UNSIGNED)
        if service == "sts":  # a form without an Authorization header may come from a page
            assert code_of(error) == ("AccessDenied", 403)
            assert "form" in str(error)
        else:
            assert code_of(error) == expected
    assert not echo.calls


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS key:signature", b"InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 Credential=k/20260101/s3/aws4_request", b"InvalidRequest"),
        ("AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request", b"AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 Credential=k/s3, SignedHeaders=host, Signature=0", b"AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256", b"AuthorizationHeaderMalformed"),
        ("Basic dTpw", b"AccessDenied"),
        ("", b"AccessDenied"),
    ],
)
def test_a_malformed_signature_is_refused_by_what_is_wrong(authorization: str, code: bytes) -> None:
    with fronted(Echo()) as front:
        request = f"GET /b/k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n"
        assert b"<Code>%s</Code>" % code in front.say(request.encode())


def test_two_signatures_are_one_too_many() -> None:
    with fronted(Echo()) as front:
        target = "/b/k?X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        assert b"Only one auth mechanism allowed" in front.say(head("GET", target, "Connection: close"))


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_link_of_either_version_is_a_signature(version: str) -> None:
    echo = Echo()
    with fronted(echo) as front:
        s3 = front.client("s3", signature_version=version)
        url = s3.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "k"})
        target = url.partition(f":{front.port}")[2]
        front.say(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    [call] = echo.calls
    assert call.scope is not None
    assert (call.scope.service, call.scope.region, call.scope.access_key_id) == ("s3", "us-east-1", "smlocal")


def test_a_link_signed_for_another_service_than_s3_and_sts_is_refused() -> None:
    with fronted(Echo()) as front:
        target = (
            "/?Action=CreateUser&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fiam"
            "%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
        )
        answer = front.say(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert b"in the query for S3 and STS only" in answer


TREE = [
    (errors.InvalidRequest("t"), "ValidationException", 400),
    (errors.ResourceNotFound("t"), "ResourceNotFound", 400),
    (errors.ResourceInUse("t"), "ResourceInUse", 400),
    (errors.ResourceLimitExceeded("t"), "ResourceLimitExceeded", 400),
    (errors.NotSupported("t"), "NotImplemented", 501),
    (errors.NoSuchBucket("t"), "NoSuchBucket", 404),
    (errors.EngineUnavailable("t"), "ServiceUnavailable", 503),
    (errors.StorageError("t"), "InternalFailure", 500),
    (BodyTooLarge(5), "RequestEntityTooLargeException", 413),
]


@pytest.mark.parametrize("service", ["sagemaker", "sagemaker-runtime", "sts", "ec2", "s3", "cloudwatch", "logs"])
@pytest.mark.parametrize(("error", "code", "status"), TREE, ids=[type(row[0]).__name__ for row in TREE])
def test_an_error_of_ours_has_awss_code_in_every_protocol(
    service: str, error: Exception, code: str, status: int
) -> None:
    async def fail(call: Call) -> Reply:
        raise error

    operation, request = next((c[1], c[2]) for c in CALLS if c[0] == service)
    with fronted(fail) as front:
        told = ask(front, service, operation, request)
    on_s3 = {"ValidationException": "InvalidRequest", "InternalFailure": "InternalError"}
    on_s3["RequestEntityTooLargeException"] = "EntityTooLarge"
    assert code_of(told) == (on_s3.get(code, code) if service == "s3" else code, status)
    assert told.response["Error"]["Message"] == str(error)


@pytest.mark.parametrize("name", ["ResourceNotFound", "ResourceInUse", "ResourceLimitExceeded"])
def test_modelled_errors_are_the_clients_own_exceptions(name: str) -> None:
    async def fail(call: Call) -> Reply:
        raise getattr(errors, name)("its text")

    with fronted(fail) as front:
        client = front.client("sagemaker")
        with pytest.raises(getattr(client.exceptions, name)) as caught:
            client.describe_training_job(TrainingJobName="j")
        assert caught.value.response["Message"] == "its text"


def test_a_fault_of_a_service_is_told_in_awss_shape_and_its_trace_to_the_log() -> None:
    async def fail(call: Call) -> Reply:
        raise KeyError("secret")

    with fronted(fail) as front:
        error = ask(front, "sagemaker", "list_models", {})
        assert code_of(error) == ("InternalFailure", 500)
        assert "secret" not in str(error)
        assert "KeyError: 'secret'" in front.lines[0]


@given(text=st.text())
def test_any_text_is_xml_that_parses(text: str) -> None:
    parsed = ElementTree.fromstring(f"<a>{xml_text(text)}</a>")
    assert len(parsed.text or "") <= max(len(text.encode("utf-8", "replace")), 0)


@given(members=st.dictionaries(st.text(max_size=30), st.text(max_size=400), max_size=5))
def test_a_map_of_texts_is_what_botocore_reads_from_cbor(members: dict[str, str]) -> None:
    import io

    from botocore.parsers import RpcV2CBORParser

    data = cbor.text_map(members)
    read = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(data)))
    expected = {
        k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode() for k, v in members.items()
    }
    assert read == expected


def call(method: str = "POST", host: str = "127.0.0.1:4650", **headers: str) -> Call:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Call(method, "/", Headers(pairs), pieces_of(), None, host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1:4650", "localhost:1", "[::1]:4650", "172.17.0.1", "smlocal", "bucket.localhost",
        "host.docker.internal:4650", "bucket.s3.us-east-1.amazonaws.com", "sts.amazonaws.com",
        "mine.example", "LOCALHOST.",
    ],
)  # fmt: skip
def test_names_that_lead_here_are_taken(host: str) -> None:
    assert refusal(call(host=host), frozenset(["mine.example"])) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "amazonaws.com.evil.example",
        "localhost.evil.example",
        "xamazonaws.com",
    ],
)
def test_a_foreign_host_name_is_refused(host: str) -> None:
    sentence = refusal(call(host=host))
    assert sentence is not None
    assert "127.0.0.1" in sentence


@pytest.mark.parametrize(
    "asked",
    [
        call(Origin="http://evil.example"),
        call(Origin="null"),
        call(Origin="http://127.0.0.1:4650"),
        call("OPTIONS"),
        call("GET", Sec_Fetch_Site="cross-site"),
        call("GET", Sec_Fetch_Site="same-site"),
        call(Content_Type="application/x-www-form-urlencoded"),
        call(Content_Type="text/plain;charset=UTF-8"),
        call(Content_Type="Multipart/Form-Data; boundary=x"),
    ],
)
def test_what_a_page_could_send_is_refused_with_a_sentence(asked: Call) -> None:
    sentence = refusal(asked)
    assert sentence is not None
    assert sentence.endswith((".", ")."))


def test_a_page_gets_awss_shape_and_no_leave_to_read_it() -> None:
    echo = Echo()
    with fronted(echo) as front:
        answer = front.say(head("POST", "/", "Origin: http://evil.example", "Connection: close", service="sagemaker"))
        preflight = front.say(head("OPTIONS", "/", "Access-Control-Request-Method: POST", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 403")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["Message"].startswith("Pages in a browser")
    assert preflight.startswith(b"HTTP/1.1 403")
    assert b"access-control" not in (answer + preflight).lower()
    assert not echo.calls


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("runtime.sagemaker.us-east-1.amazonaws.com", "runtime.sagemaker"),
        ("api.sagemaker.eu-west-1.amazonaws.com:443", "sagemaker"),
        ("bucket.with.dots.s3.us-east-1.amazonaws.com", "s3"),
        ("s3.amazonaws.com", "s3"),
        ("sts.us-east-1.amazonaws.com", "sts"),
        ("iam.amazonaws.com", "iam"),
        ("logs.us-east-1.amazonaws.com", "logs"),
        ("api.ecr.us-east-1.amazonaws.com", "ecr"),
    ],
)
def test_an_unsigned_call_is_taken_for_the_service_of_its_host(host: str, service: str) -> None:
    assert service_of(call("GET", host=host)) == service


def test_a_scope_counts_more_than_a_target() -> None:
    asked = Call(
        "POST", "/", Headers((("X-Amz-Target", "SageMaker.ListModels"),)), pieces_of(),
        Scope("k", "20260101", "us-east-1", "iam"),
    )  # fmt: skip
    assert service_of(asked) == "iam"

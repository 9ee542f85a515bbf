from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from smlocal.aws.runtime import HEADERS, OPERATION, Runtime
from smlocal.errors import EngineUnavailable, InvalidRequest
from smlocal.hosting import Failure, Invocation
from smlocal.hosting.invocation import Endpoint, refused
from smlocal.http_client import Headers
from smlocal.requests.shapes import request_shapes
from tests.aws.model_values import faults
from tests.aws.wire_fixtures import ScriptedAccount, ask, call, document, listening

LIMIT = 2000
PATH = "/endpoints/iris/invocations"
ENDPOINT = Endpoint("iris", "AllTraffic", "us-east-1", "123456789012")
GOOD = Invocation(
    200,
    Headers(
        (
            ("Content-Type", "text/csv"),
            ("X-Amzn-SageMaker-Custom-Attributes", "trace=1"),
            ("x-Amzn-Invoked-Production-Variant", "AllTraffic"),
        )
    ),
    bytes(range(256)),
)


@pytest.fixture
def client(account: ScriptedAccount) -> Iterator[Any]:
    with listening(Runtime(account, LIMIT)) as url:
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        found = boto3.client(
            "sagemaker-runtime",
            "us-east-1",
            endpoint_url=url,
            config=config,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )
        yield found
        found.close()


def test_headers_and_bytes_reach_the_account_and_come_back(client: Any, account: ScriptedAccount) -> None:
    account.answers["invoke_endpoint"] = GOOD
    body = bytes(reversed(range(256)))
    answer = client.invoke_endpoint(
        EndpointName="iris",
        Body=body,
        ContentType="text/csv; header=absent",
        Accept="*/*",
        CustomAttributes="c000b4f9-df62-4c85-a0bf-7c525f9104a4",
        TargetVariant="AllTraffic",
        InferenceId="an id",
        SessionId="NEW_SESSION",
    )
    ((name, headers, sent),) = account.invoked
    assert (name, sent) == ("iris", body)
    assert headers["content-type"] == "text/csv; header=absent"
    assert headers["accept"] == "*/*"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "c000b4f9-df62-4c85-a0bf-7c525f9104a4"
    assert headers["x-amzn-sagemaker-target-variant"] == "AllTraffic"
    assert headers["x-amzn-sagemaker-inference-id"] == "an id"
    assert headers["x-amzn-sagemaker-session-id"] == "NEW_SESSION"
    assert answer["Body"].read() == GOOD.body
    assert (answer["ContentType"], answer["CustomAttributes"]) == ("text/csv", "trace=1")
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_an_error_of_the_model_is_a_model_error_with_all_that_it_said(client: Any, account: ScriptedAccount) -> None:
    account.answers["invoke_endpoint"] = refused(424, ENDPOINT.model_error(415, "only text/csv"))
    with pytest.raises(client.exceptions.ModelError) as caught:
        client.invoke_endpoint(EndpointName="iris", Body=b"x")
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (answer["OriginalStatusCode"], answer["OriginalMessage"]) == (415, "only text/csv")
    assert answer["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/iris")


@pytest.mark.parametrize(
    "failure", [ENDPOINT.not_found("iris"), ENDPOINT.not_in_service()], ids=["not found", "not in service"]
)
def test_what_cannot_be_invoked_is_a_validation_error(failure: Failure, client: Any, account: ScriptedAccount) -> None:
    account.answers["invoke_endpoint"] = refused(400, failure)
    with pytest.raises(client.exceptions.ValidationError) as caught:
        client.invoke_endpoint(EndpointName="iris", Body=b"x")
    assert caught.value.response["Message"] == failure.message


def test_an_error_that_the_account_raises_is_one_of_the_runtimes(client: Any, account: ScriptedAccount) -> None:
    account.answers["invoke_endpoint"] = InvalidRequest("no such variant")
    with pytest.raises(client.exceptions.ValidationError, match="no such variant"):
        client.invoke_endpoint(EndpointName="iris", Body=b"x")
    account.answers["invoke_endpoint"] = EngineUnavailable("no engine")
    with pytest.raises(client.exceptions.ServiceUnavailable, match="no engine"):
        client.invoke_endpoint(EndpointName="iris", Body=b"x")
    account.answers["invoke_endpoint"] = ZeroDivisionError("oops")
    with pytest.raises(client.exceptions.InternalFailure):
        client.invoke_endpoint(EndpointName="iris", Body=b"x")


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
def test_a_body_over_the_limit_never_reaches_the_account(
    size: int, status: int, client: Any, account: ScriptedAccount
) -> None:
    account.answers["invoke_endpoint"] = GOOD
    if status == 200:
        client.invoke_endpoint(EndpointName="iris", Body=b"x" * size)
        assert len(account.invoked) == 1
        return
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName="iris", Body=b"x" * size)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert account.invoked == []


def test_the_text_for_a_body_over_the_limit_is_plain(account: ScriptedAccount) -> None:
    reply = ask(Runtime(account, LIMIT), call(path=PATH, body=b"x" * (LIMIT + 1)))
    assert (reply.status, reply.headers["Content-Type"]) == (413, "text/plain")
    assert reply.body == b"HTTP content length exceeded 6096 bytes."


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/endpoints/iris/async-invocations", "InvokeEndpointAsync"),
        ("/endpoints/iris/invocations-response-stream", "InvokeEndpointWithResponseStream"),
    ],
)
def test_asynchronous_and_streaming_invocations_are_refused_by_name(
    path: str, operation: str, account: ScriptedAccount
) -> None:
    reply = ask(Runtime(account, LIMIT), call(path=path))
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert document(reply)["Message"] == f"smlocal does not support {operation} yet: use InvokeEndpoint"


@pytest.mark.parametrize(
    ("path", "method"),
    [("/endpoints/iris", "POST"), ("/", "POST"), (PATH, "GET"), ("/endpoints/a/b/invocations", "POST")],
)
def test_a_path_that_the_runtime_does_not_have_is_unknown(path: str, method: str, account: ScriptedAccount) -> None:
    reply = ask(Runtime(account, LIMIT), call(path=path, method=method))
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


@pytest.mark.parametrize("name", ["a_b", "a%2Fb", "%F0%9F%92%A5", "", "-", "%ff", "a" * 64])
def test_a_name_that_no_endpoint_can_have_is_a_validation_error(name: str, account: ScriptedAccount) -> None:
    reply = ask(Runtime(account, LIMIT), call(path=f"/endpoints/{name}/invocations"))
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert "at 'endpointName' failed to satisfy constraint: " in document(reply)["Message"]
    assert account.invoked == []


def test_every_constraint_of_every_header_is_checked(account: ScriptedAccount) -> None:
    service, sent = Runtime(account, LIMIT), 0
    for fault in faults(request_shapes(OPERATION)):
        headers = [(HEADERS[name], value) for name, value in fault.request.items() if name in HEADERS]
        if not headers or fault.code != "ValidationException" or not isinstance(headers[0][1], str):
            continue
        reply = ask(service, call(path=PATH, headers=headers))
        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (400, "ValidationError"), fault
        message = document(reply)["Message"]
        assert all(piece in message for piece in fault.says), (fault, message)
        sent += 1
    assert sent > 50
    assert account.invoked == []


@pytest.mark.parametrize(
    ("header", "member"),
    [
        ("X-Amzn-SageMaker-Target-Model", "TargetModel"),
        ("X-Amzn-SageMaker-Target-Container-Hostname", "TargetContainerHostname"),
        ("x-amzn-sagemaker-inference-component", "InferenceComponentName"),
        ("X-Amzn-SageMaker-Prefix-Aware-Id", "PrefixAwareId"),
    ],
)
def test_a_header_that_is_not_supported_is_refused_by_name(header: str, member: str, account: ScriptedAccount) -> None:
    reply = ask(Runtime(account, LIMIT), call(path=PATH, headers=[(header, "a")]))
    assert reply.status == 400
    assert document(reply)["Message"].startswith(f"smlocal does not support {member}: ")


def test_the_headers_are_those_of_the_installed_model() -> None:
    model = Loader().load_service_model("sagemaker-runtime", "service-2")
    members = model["shapes"]["InvokeEndpointInput"]["members"]
    assert {name: one["locationName"] for name, one in members.items() if one.get("location") == "header"} == HEADERS
    assert set(members) == {"EndpointName", "Body", *HEADERS}

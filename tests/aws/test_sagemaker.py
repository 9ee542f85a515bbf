from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError, WaiterError

from smlocal.aws import not_run
from smlocal.aws.interface import OPERATIONS
from smlocal.aws.sagemaker import SageMaker
from smlocal.errors import (
    CannotRun,
    EngineUnavailable,
    InvalidRequest,
    NotSupported,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    SmlocalError,
)
from smlocal.requests.shapes import every_operation, request_shapes
from smlocal.requests.support import TABLE
from tests.aws.model_values import least, request_with, steps_of
from tests.aws.wire_fixtures import Elsewhere, ScriptedAccount, ask, call, document, listening
from tests.request_samples import MODEL_ARN, changed

NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)


@pytest.fixture
def client(account: ScriptedAccount, elsewhere: Elsewhere) -> Iterator[Any]:
    """boto3 as anybody has it, but for the time between two tries."""
    with listening(SageMaker(account, elsewhere)) as url:
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        found = boto3.client(
            "sagemaker", "us-east-1", endpoint_url=url, config=config, aws_access_key_id="a", aws_secret_access_key="b"
        )
        yield found
        found.close()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_reaches_the_account_as_it_was_sent(
    operation: str, client: Any, account: ScriptedAccount
) -> None:
    request = changed(operation, {})
    getattr(client, OPERATIONS[operation])(**request)
    assert account.seen == [(OPERATIONS[operation], request)]


ALONE = [  # members of the three others need and exclude each other: tests/requests/test_meaning.py
    (operation, decision.path)
    for operation in OPERATIONS
    for decision in TABLE[operation]
    if decision.standing != "refused"
    and decision.values is None
    and operation not in ("CreateTrainingJob", "CreateModel", "CreateTransformJob")
]


@pytest.mark.parametrize(("operation", "path"), ALONE)
def test_every_member_that_is_not_refused_reaches_the_account(
    operation: str, path: str, account: ScriptedAccount, elsewhere: Elsewhere
) -> None:
    shapes = request_shapes(operation)
    shape = next(shape for found, shape in shapes.member_paths() if found == path)
    value = 1796000000.5 if shape.kind == "timestamp" else least(shapes, shape)
    body = json.dumps(request_with(shapes, steps_of(path), value)).encode()
    reply = ask(SageMaker(account, elsewhere), call(operation, body))
    assert reply.status == 200, reply.body
    if shape.kind == "timestamp":
        value = datetime.fromtimestamp(value, timezone.utc)
    assert account.seen == [(OPERATIONS[operation], request_with(shapes, steps_of(path), value))]


@pytest.mark.parametrize(
    ("error", "code", "exception"),
    [
        (ResourceNotFound("Requested resource not found."), "ResourceNotFound", "ResourceNotFound"),
        (ResourceInUse("Training job names must be unique"), "ResourceInUse", "ResourceInUse"),
        (ResourceLimitExceeded("The account-level limit"), "ResourceLimitExceeded", "ResourceLimitExceeded"),
        (InvalidRequest('Could not find model "arn".'), "ValidationException", "ClientError"),
        (NotSupported("smlocal does not support it"), "ValidationException", "ClientError"),
    ],
)
def test_an_error_of_the_account_is_the_exception_that_boto3_has_for_it(
    error: SmlocalError, code: str, exception: str, client: Any, account: ScriptedAccount
) -> None:
    account.answers["create_training_job"] = error
    kind = ClientError if exception == "ClientError" else getattr(client.exceptions, exception)
    with pytest.raises(kind) as caught:
        client.create_training_job(**changed("CreateTrainingJob", {}))
    answer = caught.value.response
    assert answer["Error"] == {"Code": code, "Message": str(error)}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert kind is ClientError or answer["Message"] == str(error)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (CannotRun("no disk"), "InternalFailure", 500),
        (EngineUnavailable("no engine"), "ServiceUnavailable", 503),
        (ZeroDivisionError("oops"), "InternalFailure", 500),
    ],
)
def test_what_is_no_fault_of_the_request_is_told_as_one_of_the_service(
    error: Exception, code: str, status: int, client: Any, account: ScriptedAccount
) -> None:
    account.answers["describe_model"] = error
    with pytest.raises(ClientError) as caught:
        client.describe_model(ModelName="iris")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def _described(*states: str) -> Callable[[Mapping[str, Any]], Any]:
    left = list(states)

    def answer(request: Mapping[str, Any]) -> Any:
        return {"EndpointName": "iris", "EndpointStatus": left.pop(0), "CreationTime": NOON} if left else _gone()

    return answer


def _gone() -> Any:
    raise InvalidRequest('Could not find endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/iris".')


QUICK = {"Delay": 0, "MaxAttempts": 4}


def test_waiters_see_what_is_there_and_what_is_not(client: Any, account: ScriptedAccount) -> None:
    account.answers["describe_endpoint"] = _described("Creating", "Creating", "InService")
    client.get_waiter("endpoint_in_service").wait(EndpointName="iris", WaiterConfig=QUICK)
    account.answers["describe_endpoint"] = _described("Deleting")
    client.get_waiter("endpoint_deleted").wait(EndpointName="iris", WaiterConfig=QUICK)
    account.answers["describe_endpoint"] = _described("Creating", "Failed")
    with pytest.raises(WaiterError, match="Failed"):
        client.get_waiter("endpoint_in_service").wait(EndpointName="iris", WaiterConfig=QUICK)


@pytest.mark.parametrize("state", ["Completed", "Stopped"])
@pytest.mark.parametrize(("kind", "name"), [("training_job", "TrainingJob"), ("transform_job", "TransformJob")])
def test_the_waiters_of_jobs_end_with_them(
    kind: str, name: str, state: str, client: Any, account: ScriptedAccount
) -> None:
    account.answers[f"describe_{kind}"] = {f"{name}Status": state}
    client.get_waiter(f"{kind}_completed_or_stopped").wait(**{f"{name}Name": "iris", "WaiterConfig": QUICK})


PAGED = {
    "list_training_jobs": ("TrainingJobSummaries", {"TrainingJobName": "j", "TrainingJobStatus": "Completed"}),
    "list_models": ("Models", {"ModelName": "m", "CreationTime": NOON}),
    "list_endpoint_configs": ("EndpointConfigs", {"EndpointConfigName": "c", "CreationTime": NOON}),
    "list_endpoints": ("Endpoints", {"EndpointName": "e", "CreationTime": NOON}),
    "list_transform_jobs": ("TransformJobSummaries", {"TransformJobName": "t", "CreationTime": NOON}),
    "list_tags": ("Tags", {"Key": "k", "Value": "v"}),
}


@pytest.mark.parametrize("method", PAGED)
def test_paginators_go_through_all_pages(method: str, client: Any, account: ScriptedAccount) -> None:
    member, item = PAGED[method]

    def page(request: Mapping[str, Any]) -> Any:
        number = int(request.get("NextToken", "0"))
        return {member: [item, item]} | ({"NextToken": str(number + 1)} if number < 2 else {})

    account.answers[method] = page
    arguments = {"ResourceArn": MODEL_ARN} if method == "list_tags" else {}
    pages = list(client.get_paginator(method).paginate(**arguments))
    assert [one[member] for one in pages] == [[item, item]] * 3


@pytest.mark.parametrize(
    ("operation", "request_", "text"),
    [
        ("CreateProcessingJob", {}, "smlocal does not run CreateProcessingJob: "),
        ("CreateHyperParameterTuningJob", {}, "smlocal does not run CreateHyperParameterTuningJob: "),
        ("StartPipelineExecution", {}, "smlocal does not run StartPipelineExecution: "),
        ("DescribeNotebookInstance", {}, "smlocal does not run DescribeNotebookInstance: "),
        ("CreateLabelingJob", {}, "smlocal does not run CreateLabelingJob: "),
    ],
)
def test_what_would_run_something_else_is_refused_by_name(
    operation: str, request_: Any, text: str, account: ScriptedAccount, elsewhere: Elsewhere
) -> None:
    reply = ask(SageMaker(account, elsewhere), call(operation, json.dumps(request_).encode()))
    told = document(reply)
    assert (reply.status, told["__type"]) == (400, "UnknownOperationException")
    assert told["message"].startswith(text)
    assert elsewhere.seen == []


def test_what_runs_nothing_is_answered_elsewhere_with_its_body_whole(account: ScriptedAccount) -> None:
    for operation in ("CreateExperiment", "CreateModelPackageGroup", "Search", "CreatePipeline"):
        elsewhere = Elsewhere()
        body = b'{"Resource": "ModelPackage"}'
        assert ask(SageMaker(account, elsewhere), call(operation, body)).status == 200
        assert elsewhere.seen == [(f"SageMaker.{operation}", body)]


def test_a_search_among_what_runs_here_is_refused_by_name(account: ScriptedAccount, elsewhere: Elsewhere) -> None:
    reply = ask(SageMaker(account, elsewhere), call("Search", b'{"Resource": "TrainingJob"}'))
    assert reply.status == 400
    assert "does not search among resources of type TrainingJob" in document(reply)["message"]


@pytest.mark.parametrize("kind", ["model-package-group/g", "experiment/e", "pipeline/p"])
def test_the_tags_of_what_is_elsewhere_are_there(kind: str, account: ScriptedAccount, elsewhere: Elsewhere) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}"
    body = json.dumps({"ResourceArn": arn}).encode()
    ask(SageMaker(account, elsewhere), call("ListTags", body))
    assert (account.seen, elsewhere.seen) == ([], [("SageMaker.ListTags", body)])


def test_a_list_of_what_does_not_run_is_empty(client: Any) -> None:
    assert client.list_monitoring_schedules()["MonitoringScheduleSummaries"] == []
    assert client.list_processing_jobs()["ProcessingJobSummaries"] == []


def test_an_operation_that_sagemaker_does_not_have_is_unknown(account: ScriptedAccount, elsewhere: Elsewhere) -> None:
    reply = ask(SageMaker(account, elsewhere), call("CreateTeapot"))
    assert (reply.status, document(reply)) == (400, {"__type": "UnknownOperationException"})


def test_nothing_that_starts_or_creates_what_runs_goes_elsewhere() -> None:
    """Add a family to smlocal.aws.not_run when a newer botocore has an operation that runs something."""
    elsewhere = {name for name in every_operation() - set(OPERATIONS) if not_run.reason(name) is None}
    running = ("Job", "Instance", "Cluster", "Server", "App", "Space", "Execution", "Schedule", "Session", "Endpoint")
    suspects = {
        name
        for name in elsewhere
        if name.startswith(("Create", "Start", "Stop", "Retry", "Update", "Delete")) and name.endswith(running)
    }
    assert suspects == set()
    assert not {name for name in elsewhere if name.startswith(("Start", "Stop", "Retry", "Batch"))} - {
        "BatchDescribeModelPackage"
    }


@pytest.mark.parametrize(
    ("operation", "changes", "text"),
    [
        ("CreateModel", {"QuantumBits": 3}, "smlocal does not support QuantumBits: it is newer than this version"),
        (
            "CreateModel",
            {"PrimaryContainer.Qubits": 3},
            "smlocal does not support PrimaryContainer.Qubits: it is newer",
        ),
        (
            "CreateModel",
            {"Tags[0]": {"Key": "k", "Value": "v", "Qubits": 1}},
            "smlocal does not support Tags[0].Qubits",
        ),
        (
            "CreateEndpointConfig",
            {"ProductionVariants[0].ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}},
            "smlocal does not support ProductionVariants[0].ServerlessConfig: smlocal has no serverless endpoints",
        ),
        ("DescribeModel", {"Qubits": "x"}, "smlocal does not support Qubits"),
    ],
)
def test_a_member_that_is_not_supported_is_refused_by_name(
    operation: str, changes: Any, text: str, account: ScriptedAccount, elsewhere: Elsewhere
) -> None:
    body = json.dumps(changed(operation, changes)).encode()
    reply = ask(SageMaker(account, elsewhere), call(operation, body))
    told = document(reply)
    assert (reply.status, told["__type"]) == (400, "ValidationException")
    assert told["message"].startswith(text)
    assert account.seen == []


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("CreateEndpointConfig", {"ProductionVariants[0].EnableSSMAccess": False}),
        ("UpdateEndpoint", {"RetainDeploymentConfig": False}),
    ],
)
def test_a_choice_that_asks_for_nothing_is_accepted(
    operation: str, changes: Any, client: Any, account: ScriptedAccount
) -> None:
    request = changed(operation, changes)
    getattr(client, OPERATIONS[operation])(**request)
    assert account.seen == [(OPERATIONS[operation], request)]

"""Every answer has the members that AWS's service model gives it, with their types, and what it says is required."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from smlocal.account import Account
from tests.account.bench import ARN, Bench, variant


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    return client.meta.service_model


def operation(method: str) -> str:
    """create_training_job is CreateTrainingJob."""
    return "".join(word.capitalize() for word in method.split("_"))


def refused(model: ServiceModel, method: str, answer: dict[str, Any]) -> str:
    shape = model.operation_model(operation(method)).output_shape
    if shape is None:
        return "" if answer == {} else f"{method} answers nothing, and here {answer}"
    report = ParamValidator().validate(answer, shape)
    return f"{method}: {report.generate_report()}" if report.has_errors() else ""


def answers(bench: Bench) -> Iterator[tuple[str, dict[str, Any]]]:
    """An answer of every operation, of things in many states."""
    account, name = bench.account, {"ResourceArn": f"{ARN}:model/model"}
    yield "create_model", bench.model()
    yield "add_tags", account.add_tags({**name, "Tags": [{"Key": "a", "Value": "1"}]})
    yield "list_tags", account.list_tags(name)
    yield "delete_tags", account.delete_tags({**name, "TagKeys": ["a"]})
    yield "create_endpoint_config", bench.config()
    bench.config("two", variant(InitialInstanceCount=2))
    yield "create_training_job", bench.train(image="waits")
    yield "describe_training_job", bench.job()
    yield "describe_training_job", bench.reaches("Training")
    yield "stop_training_job", bench.stop()
    yield "describe_training_job", bench.job()
    bench.train("failed", "fails")
    yield "describe_training_job", bench.trained()
    yield "describe_training_job", bench.trained("failed")
    yield "list_training_jobs", account.list_training_jobs({"MaxResults": 1})
    yield "create_endpoint", bench.deploy()
    yield "describe_endpoint", bench.endpoint()
    yield "describe_endpoint", bench.settled()
    update = {"EndpointName": "endpoint", "EndpointConfigName": "two"}
    yield "update_endpoint", account.update_endpoint(update)
    yield "describe_endpoint", bench.endpoint()
    bench.settled()
    wishes = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}]
    resized = {"EndpointName": "endpoint", "DesiredWeightsAndCapacities": wishes}
    yield "update_endpoint_weights_and_capacities", account.update_endpoint_weights_and_capacities(resized)
    yield "describe_endpoint", bench.endpoint()
    bench.settled()
    yield "list_endpoints", account.list_endpoints({})
    yield "create_transform_job", bench.transform()
    yield "describe_transform_job", bench.batch()
    yield "describe_transform_job", bench.transformed()
    yield "list_transform_jobs", account.list_transform_jobs({})
    bench.model("slow", "waits")
    bench.transform("stopped", "slow")
    yield "stop_transform_job", account.stop_transform_job({"TransformJobName": "stopped"})
    bench.transformed("stopped")
    yield "describe_model", account.describe_model({"ModelName": "model"})
    yield "list_models", account.list_models({})
    yield "describe_endpoint_config", account.describe_endpoint_config({"EndpointConfigName": "config"})
    yield "list_endpoint_configs", account.list_endpoint_configs({"MaxResults": 1})
    yield "delete_endpoint", account.delete_endpoint({"EndpointName": "endpoint"})
    yield "delete_endpoint_config", account.delete_endpoint_config({"EndpointConfigName": "config"})
    yield "delete_model", account.delete_model({"ModelName": "model"})
    yield "delete_training_job", account.delete_training_job({"TrainingJobName": "job"})


def test_every_operations_answers_have_aws_shape(bench: Bench, model: ServiceModel) -> None:
    seen = list(answers(bench))
    assert [text for method, answer in seen if (text := refused(model, method, answer))] == []
    methods = {name for name, _ in inspect.getmembers(Account, inspect.isfunction) if not name.startswith("_")}
    assert {method for method, _ in seen} == methods - {"resume", "close", "invoke_endpoint"}

"""A plain boto3 script against real containers, from the first job to the last delete."""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

from smlocal.aws.json_protocol import parsed
from smlocal.aws.server import AwsServer
from smlocal.requests.service_model import check_constraints
from smlocal.requests.shapes import RequestShapes, Shape, answer_shapes
from smlocal.settings import Settings
from smlocal.wiring import Program

pytestmark = pytest.mark.engine

IRIS = Path(__file__).parents[2] / "fixtures" / "iris.csv"
ROLE = "arn:aws:iam::000000000000:role/smlocal"
IMAGE = "smlocal/sklearn"
QUICK = {"Delay": 1, "MaxAttempts": 120}
ROWS = b"5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    bucket = tmp_path / "s3" / "iris"
    for folder in ("train", "batch"):
        (bucket / folder).mkdir(parents=True)
    shutil.copy(IRIS, bucket / "train")
    (bucket / "batch" / "rows.csv").write_bytes(ROWS)
    with Program(dataclasses.replace(Settings(), state=tmp_path)) as found:
        yield found
        found.account.close()
        assert found.launcher.mine() == []


@pytest.fixture
def clients(program: Program) -> Iterator[tuple[Any, Any]]:
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    with AwsServer(program.http, program.gateway()) as server:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        found = [
            boto3.client(name, "us-east-1", endpoint_url=server.url, config=config, **keys)
            for name in ("sagemaker", "sagemaker-runtime")
        ]
        found[0].meta.events.register("after-call.sagemaker", _satisfies_its_shape)
        yield found[0], found[1]
        for client in found:
            client.close()


def _satisfies_its_shape(http_response: Any, model: Any, **_: Any) -> None:
    """Every good answer has what its shape requires, within its bounds, and nothing that is null or not in it."""
    shapes = answer_shapes(model.name)
    if http_response.status_code != 200 or shapes is None:
        return
    answer = parsed(shapes, http_response.content)
    check_constraints(shapes, answer)
    assert b"null" not in http_response.content
    _has_no_other(shapes, shapes.input, answer)


def _has_no_other(shapes: RequestShapes, shape: Shape, value: Any) -> None:
    if shape.kind == "structure":
        assert value.keys() <= shape.members.keys()
        for name, item in value.items():
            _has_no_other(shapes, shapes.shapes[shape.members[name]], item)
    elif shape.member is not None:
        for item in value:
            _has_no_other(shapes, shapes.shapes[shape.member], item)


def test_a_plain_script_goes_from_training_to_predictions_and_leaves_nothing(
    clients: tuple[Any, Any], tmp_path: Path
) -> None:
    sagemaker, runtime = clients
    name = f"iris-{uuid.uuid4().hex[:8]}"
    _train(sagemaker, name)
    _deploy(sagemaker, name)
    _invoke(runtime, name)
    _transform(sagemaker, name)
    assert (tmp_path / "s3" / "iris" / "batch_out" / "rows.csv.out").read_bytes() == b"0\n2\n"
    for listed in ("training_jobs", "models", "endpoint_configs", "endpoints", "transform_jobs"):
        pages = sagemaker.get_paginator(f"list_{listed}").paginate(NameContains=name, SortBy="Name")
        assert len(list(pages)) == 1
    _delete(sagemaker, name)


def _train(sagemaker: Any, name: str) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://iris/train/"}}
    request = {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"n_estimators": "20"},
        "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source}],
        "OutputDataConfig": {"S3OutputPath": "s3://iris/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "Tags": [{"Key": "team", "Value": "flowers"}],
    }
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_training_job(**request)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=QUICK)
    found = sagemaker.describe_training_job(TrainingJobName=name)
    assert (found["TrainingJobStatus"], found["TrainingJobArn"]) == ("Completed", arn)
    assert found["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://iris/out/{name}/output/model.tar.gz"}
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]


def _deploy(sagemaker: Any, name: str) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://iris/out/{name}/output/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICK)
    assert sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"][0]["ModelName"] == name
    assert sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["Image"] == IMAGE
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"


def _invoke(runtime: Any, name: str) -> None:
    answer = runtime.invoke_endpoint(EndpointName=name, Body=ROWS, ContentType="text/csv", Accept="text/csv")
    assert (answer["Body"].read(), answer["InvokedProductionVariant"]) == (b"0\n2\n", "AllTraffic")
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName=name, Body=ROWS, ContentType="image/png")
    assert caught.value.response["OriginalStatusCode"] == 415
    with pytest.raises(runtime.exceptions.ValidationError, match="Endpoint nobody of account 000000000000 not found"):
        runtime.invoke_endpoint(EndpointName="nobody", Body=ROWS)


def _transform(sagemaker: Any, name: str) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://iris/batch/"}}
    sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": "s3://iris/batch_out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name, WaiterConfig=QUICK)
    assert sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"] == "Completed"
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.stop_transform_job(TransformJobName=name)


def _delete(sagemaker: Any, name: str) -> None:
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=QUICK)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.stop_training_job(TrainingJobName=name)
    sagemaker.delete_training_job(TrainingJobName=name)
    for missing in (sagemaker.describe_endpoint, sagemaker.delete_endpoint):
        with pytest.raises(ClientError, match=f"Could not find endpoint .*{name}"):
            missing(EndpointName=name)
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName=name)

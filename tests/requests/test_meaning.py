from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smlocal import requests
from smlocal.errors import InvalidRequest
from smlocal.requests.meaning import RESERVED_FOR_CHECKPOINTS

RequestWith = Callable[[str, dict[str, Any]], dict[str, Any]]
JOB, MODEL, TRANSFORM = "CreateTrainingJob", "CreateModel", "CreateTransformJob"

RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
GROUP = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "g"}
CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/iris/train"}},
}
EFS = {"FileSystemId": "fs-01234567", "FileSystemAccessMode": "ro", "FileSystemType": "EFS", "DirectoryPath": "/"}
NULL = "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null"
RESERVED = (
    '"LocalPath" of "CheckpointConfig" cannot start with the following reserved path: '
    "[/opt/ml/input, /opt/ml/model, /opt/ml/output, /tmp, /usr/local/nvidia]"
)
PIPE = "{} is only supported in Pipe input mode, and the channel 'train' has the input mode {}"
SPOT = (
    "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    " when EnableManagedSpotTraining is set to true"
)


def _metric(regex: str) -> dict[str, Any]:
    return {"AlgorithmSpecification.MetricDefinitions": [{"Name": "loss", "Regex": regex}]}


def _no_bucket(member: str, address: str) -> str:
    return (
        f'{member} "{address}" names no bucket: S3 allows 3 to 63 lower-case letters, digits, dots and hyphens,'
        " with a letter or digit at both ends"
    )


def _checkpoints(path: str) -> dict[str, Any]:
    return {"CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints", "LocalPath": path}}


@pytest.mark.parametrize(
    ("operation", "changes", "fault"),
    [
        (JOB, {"AlgorithmSpecification": ...}, NULL.format("algorithmSpecification")),
        (JOB, {"ResourceConfig": ...}, NULL.format("resourceConfig")),
        (JOB, {"ResourceConfig": {"InstanceType": "ml.m5.large"}}, NULL.format("resourceConfig.instanceCount")),
        (
            JOB,
            {"AlgorithmSpecification.TrainingImage": ...},
            "AlgorithmSpecification must name the training image in TrainingImage",
        ),
        (
            JOB,
            {"AlgorithmSpecification.AlgorithmName": "scikit-decision-trees"},
            "Specify either TrainingImage or AlgorithmName in AlgorithmSpecification, not both",
        ),
        (
            JOB,
            {"ResourceConfig": {**RESOURCES, "InstanceGroups": [GROUP]}},
            "InstanceType or InstanceCount cannot be specified with InstanceGroups",
        ),
        (
            JOB,
            {"ResourceConfig": {**RESOURCES, "InstanceCount": 0}},
            "1 validation error detected: Value '0' at 'resourceConfig.instanceCount' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            JOB,
            {"StoppingCondition.MaxRuntimeInSeconds": 28 * 86400 + 1},
            "1 validation error detected: Value '2419201' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
            "constraint: Member must have value less than or equal to 2419200",
        ),
        (
            JOB,
            {"StoppingCondition.MaxWaitTimeInSeconds": 3600},
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        ),
        (JOB, {"EnableManagedSpotTraining": True}, SPOT),
        (JOB, {"EnableManagedSpotTraining": True, "StoppingCondition.MaxWaitTimeInSeconds": 3599}, SPOT),
        (
            JOB,
            {"InputDataConfig": [CHANNEL, CHANNEL]},
            "Channel names in InputDataConfig must be unique, and these are repeated: train",
        ),
        (
            JOB,
            {"InputDataConfig[0].DataSource": {}},
            "The channel 'train' must have exactly one data source, and has none",
        ),
        (
            JOB,
            {"InputDataConfig[0].DataSource.FileSystemDataSource": EFS},
            "The channel 'train' must have exactly one data source, and has S3DataSource and FileSystemDataSource",
        ),
        (
            JOB,
            {"InputDataConfig[0].CompressionType": "Gzip"},
            PIPE.format("CompressionType Gzip", "File"),
        ),
        (
            JOB,
            {"InputDataConfig[0].RecordWrapperType": "RecordIO", "InputDataConfig[0].InputMode": "FastFile"},
            PIPE.format("RecordWrapperType RecordIO", "FastFile"),
        ),
        (JOB, _checkpoints("state"), '"LocalPath" of "CheckpointConfig" must be an absolute path, not \'state\''),
        (JOB, _checkpoints("/opt/ml/model"), RESERVED),
        (JOB, _checkpoints("/opt/ml/input/data/train/"), RESERVED),
        (JOB, _checkpoints("//opt//ml/checkpoints/../output"), RESERVED),
        (
            JOB,
            _checkpoints("/opt/ml/"),
            '"LocalPath" of "CheckpointConfig" cannot be /opt/ml, which holds folders of the job itself',
        ),
        (
            JOB,
            _checkpoints("/"),
            '"LocalPath" of "CheckpointConfig" cannot be /, which holds folders of the job itself',
        ),
        (
            JOB,
            _metric("loss=(["),
            "the regex of metric definition 'loss' is not one: unterminated character set at position 6",
        ),
        (
            JOB,
            _metric("a{99999999999999999999}"),
            "the regex of metric definition 'loss' is not one: the repetition number is too large",
        ),
        (
            JOB,
            {"OutputDataConfig.S3OutputPath": "s3://My_Bucket/x"},
            _no_bucket("OutputDataConfig.S3OutputPath", "s3://My_Bucket/x"),
        ),
        (
            JOB,
            {"CheckpointConfig": {"S3Uri": "s3://10.0.0.1"}},
            _no_bucket("CheckpointConfig.S3Uri", "s3://10.0.0.1"),
        ),
        (
            JOB,
            {"InputDataConfig[0].DataSource.S3DataSource.S3Uri": "s3://a..b/x"},
            _no_bucket("InputDataConfig[0].DataSource.S3DataSource.S3Uri", "s3://a..b/x"),
        ),
        (
            TRANSFORM,
            {"TransformOutput.S3OutputPath": "s3://b/x"},
            _no_bucket("TransformOutput.S3OutputPath", "s3://b/x"),
        ),
        (
            MODEL,
            {"PrimaryContainer.ModelDataUrl": "s3://-bucket/m.tar.gz"},
            _no_bucket("PrimaryContainer.ModelDataUrl", "s3://-bucket/m.tar.gz"),
        ),
        (MODEL, {"PrimaryContainer": ...}, "Specify the model's container in PrimaryContainer"),
        (MODEL, {"Containers": [{"Image": "a"}]}, "Specify either PrimaryContainer or Containers, not both"),
        (
            MODEL,
            {"PrimaryContainer.Image": ...},
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        ),
        (
            MODEL,
            {"PrimaryContainer.ModelPackageName": "packaged"},
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        ),
        (
            MODEL,
            {
                "PrimaryContainer.ModelDataSource": {
                    "S3DataSource": {"S3Uri": "s3://b/m/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                }
            },
            "Specify either ModelDataUrl or ModelDataSource in container definition, not both",
        ),
        (
            MODEL,
            {"PrimaryContainer.Environment": {f"k{n:02}": "é" * 500 for n in range(33)}},
            "The model's environment variables have 33099 bytes together, and at most 32768 may be",
        ),
        (
            TRANSFORM,
            {"MaxPayloadInMB": 101},
            "1 validation error detected: Value '101' at 'maxPayloadInMB' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            TRANSFORM,
            {"MaxPayloadInMB": 6, "MaxConcurrentTransforms": 17},
            "MaxConcurrentTransforms * MaxPayloadInMB cannot exceed 100, and 17 * 6 is 102",
        ),
    ],
)
def test_members_that_contradict_each_other_are_refused(
    operation: str, changes: dict[str, Any], fault: str, request_with: RequestWith
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        requests.check(operation, request_with(operation, changes))
    assert str(caught.value) == fault


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        (JOB, {}),
        (JOB, {"InputDataConfig": ...}),
        (JOB, {"StoppingCondition": ...}),
        (JOB, {"StoppingCondition.MaxRuntimeInSeconds": 28 * 86400}),
        (JOB, {"EnableManagedSpotTraining": True, "StoppingCondition.MaxWaitTimeInSeconds": 3600}),
        (JOB, {"EnableManagedSpotTraining": False}),
        (JOB, {"ResourceConfig": {"InstanceGroups": [GROUP], "VolumeSizeInGB": 30}}),
        (JOB, {"InputDataConfig": [CHANNEL, {**CHANNEL, "ChannelName": "Train"}]}),
        (JOB, {"InputDataConfig[0].InputMode": "Pipe", "InputDataConfig[0].CompressionType": "Gzip"}),
        (JOB, _metric(r"loss=([0-9\.]+)")),
        (JOB, {"OutputDataConfig.S3OutputPath": "s3://123.456.com"}),
        (JOB, {"OutputDataConfig.S3OutputPath": "https://my-bucket.s3.amazonaws.com/out"}),
        (JOB, _checkpoints("/opt/ml/checkpoints/")),
        (JOB, _checkpoints("/state")),
        (JOB, _checkpoints("/opt/ml/model2")),
        (MODEL, {"PrimaryContainer.ModelDataUrl": ...}),
        (MODEL, {"PrimaryContainer": ..., "Containers": [{"Image": "a"}, {"ModelPackageName": "b"}]}),
        (TRANSFORM, {"MaxPayloadInMB": 100, "MaxConcurrentTransforms": 1}),
        (TRANSFORM, {"MaxPayloadInMB": 0, "MaxConcurrentTransforms": 500}),
        (TRANSFORM, {"MaxConcurrentTransforms": 64}),
        (TRANSFORM, {"BatchStrategy": "SingleRecord", "TransformInput.SplitType": "None"}),
    ],
)
def test_members_that_agree_are_accepted(operation: str, changes: dict[str, Any], request_with: RequestWith) -> None:
    requests.check(operation, request_with(operation, changes))


def test_every_folder_of_the_job_is_reserved() -> None:
    assert {"/opt/ml/input", "/opt/ml/model", "/opt/ml/output"} <= set(RESERVED_FOR_CHECKPOINTS)

"""Requests that AWS and smlocal both take, and a way to change one member of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/service-role/Training"
_REQUESTS: dict[str, dict[str, Any]] = {
    "CreateTrainingJob": {
        "TrainingJobName": "iris-2026-11-24",
        "AlgorithmSpecification": {"TrainingImage": "smlocal/sklearn:latest", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"max_depth": "5", "names": '"a, b"'},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/iris/train"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/iris/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    },
    "CreateModel": {
        "ModelName": "iris",
        "PrimaryContainer": {"Image": "smlocal/sklearn", "ModelDataUrl": "s3://bucket/iris/model.tar.gz"},
        "ExecutionRoleArn": ROLE,
    },
    "CreateTransformJob": {
        "TransformJobName": "iris-batch",
        "ModelName": "iris",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/iris/batch/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://bucket/iris/batch_output", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    },
}


def changed(operation: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A good request with members put in by their place, "InputDataConfig[0].InputMode"; `...` takes one out."""
    request = copy.deepcopy(_REQUESTS[operation])
    for place, value in changes.items():
        steps = [int(step[:-1]) if step.endswith("]") else step for step in place.replace("[", ".").split(".")]
        holder: Any = request
        for step, following in pairwise(steps):
            if isinstance(step, int):
                holder.extend([{}] * (step + 1 - len(holder)))
                holder = holder[step]
            else:
                holder = holder.setdefault(step, [] if isinstance(following, int) else {})
        if value is ...:
            del holder[steps[-1]]
        elif isinstance(steps[-1], int):
            holder[steps[-1] :] = [value]
        else:
            holder[steps[-1]] = value
    return request


@pytest.fixture(scope="session")
def request_with() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    return changed

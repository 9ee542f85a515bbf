"""Requests that AWS and smlocal both take, and a way to change one member of them."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/service-role/Training"
MODEL_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/iris"
REQUESTS: dict[str, dict[str, Any]] = {
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
    "CreateEndpointConfig": {
        "EndpointConfigName": "iris",
        "ProductionVariants": [
            {
                "VariantName": "AllTraffic",
                "ModelName": "iris",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
            }
        ],
    },
    "CreateEndpoint": {"EndpointName": "iris", "EndpointConfigName": "iris"},
    "UpdateEndpoint": {"EndpointName": "iris", "EndpointConfigName": "iris-2"},
    "UpdateEndpointWeightsAndCapacities": {
        "EndpointName": "iris",
        "DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic", "DesiredWeight": 0.5, "DesiredInstanceCount": 2}],
    },
    "DescribeTrainingJob": {"TrainingJobName": "iris-2026-11-24"},
    "StopTrainingJob": {"TrainingJobName": "iris-2026-11-24"},
    "DeleteTrainingJob": {"TrainingJobName": "iris-2026-11-24"},
    "DescribeModel": {"ModelName": "iris"},
    "DeleteModel": {"ModelName": "iris"},
    "DescribeEndpointConfig": {"EndpointConfigName": "iris"},
    "DeleteEndpointConfig": {"EndpointConfigName": "iris"},
    "DescribeEndpoint": {"EndpointName": "iris"},
    "DeleteEndpoint": {"EndpointName": "iris"},
    "DescribeTransformJob": {"TransformJobName": "iris-batch"},
    "StopTransformJob": {"TransformJobName": "iris-batch"},
    "ListTrainingJobs": {"NameContains": "iris", "MaxResults": 5, "SortBy": "Name", "SortOrder": "Ascending"},
    "ListModels": {"NameContains": "iris", "MaxResults": 5},
    "ListEndpointConfigs": {"NameContains": "iris", "MaxResults": 5},
    "ListEndpoints": {"NameContains": "iris", "MaxResults": 5, "StatusEquals": "InService"},
    "ListTransformJobs": {"NameContains": "iris", "MaxResults": 5},
    "AddTags": {"ResourceArn": MODEL_ARN, "Tags": [{"Key": "team", "Value": "flowers"}]},
    "ListTags": {"ResourceArn": MODEL_ARN},
    "DeleteTags": {"ResourceArn": MODEL_ARN, "TagKeys": ["team"]},
    "InvokeEndpoint": {"EndpointName": "iris", "Body": b"5.1,3.5,1.4,0.2"},
}


def changed(operation: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A good request with members put in by their place, "InputDataConfig[0].InputMode"; `...` takes one out."""
    request = copy.deepcopy(REQUESTS[operation])
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

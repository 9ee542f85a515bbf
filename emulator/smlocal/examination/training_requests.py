"""The requests of an examination's training runs."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smlocal.evidence import Conditions
from smlocal.examination.plan import Plan
from smlocal.storage.interface import ObjectStore

_EXTRA = "smlocal-extra"
_EXTRA_ROW = b"a channel that nobody asked for\n"

# What the sagemaker-training toolkit sets and the platform does not. Source: aws/sagemaker-training-toolkit, params.py.
_TOOLKIT = {
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_OUTPUT_DIR": "/opt/ml/output",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_INPUT_DIR": "/opt/ml/input",
    "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
    "SM_CURRENT_HOST": "algo-1",
    "SM_HOSTS": '["algo-1"]',
    "SM_NUM_GPUS": "0",
}


class TrainingRequests:
    """Makes them of a plan. `addresses` says where the data of a channel lies: (name, whether it is broken)."""

    def __init__(self, plan: Plan, store: ObjectStore, bucket: str, addresses: Mapping[tuple[str, bool], str]) -> None:
        self._plan = plan
        self._store = store
        self._bucket = bucket
        self._addresses = addresses
        self.checkpoints = f"checkpoints/{uuid.uuid4().hex}/"  # the prefix of those of the runs that are stopped

    def of(self, image: str, conditions: Conditions) -> dict[str, Any]:
        """CreateTrainingJob's request for one run."""
        plan = self._plan
        environment = {
            **(_TOOLKIT if conditions.toolkit_variables else {}),
            **plan.training_environment,
            **({"PYTHONUNBUFFERED": "1"} if conditions.unbuffered else {}),
        }
        if conditions.toolkit_variables:
            names = plan.channels
            environment |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in names}
        request = {
            "TrainingJobName": f"check-{uuid.uuid4().hex[:12]}",
            "AlgorithmSpecification": self._algorithm(image),
            "RoleArn": "arn:aws:iam::000000000000:role/smlocal-check",
            "HyperParameters": self._hyperparameters(conditions),
            "InputDataConfig": self._channels(conditions),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/trained"},
            "ResourceConfig": {"InstanceType": plan.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": plan.max_runtime},
            "EnableNetworkIsolation": not conditions.network,
        }
        if conditions.stopped and plan.long and plan.long.resumes:
            request["CheckpointConfig"] = {"S3Uri": f"s3://{self._bucket}/{self.checkpoints}"}
        return {**request, "Environment": environment} if environment else request

    def _algorithm(self, image: str) -> dict[str, Any]:
        algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": "File"}
        definitions = [{"Name": name, "Regex": regex} for name, regex in self._plan.metrics.items()]
        return {**algorithm, "MetricDefinitions": definitions} if definitions else algorithm

    def _hyperparameters(self, conditions: Conditions) -> dict[str, str]:
        plan = self._plan
        if conditions.stopped and plan.long:
            plan = replace(plan, hyperparameters={**plan.hyperparameters, **plan.long.hyperparameters})
        return plan.encoded if conditions.json_hyperparameters else plan.plain

    def _channels(self, conditions: Conditions) -> list[dict[str, Any]]:
        sources = self._plan.broken if conditions.broken_data else {}
        found = []
        for name, source in {**self._plan.channels, **sources}.items():
            address = self._addresses[name, name in sources]
            found.append(_channel(name, address, source.content_type))
        if conditions.extra_channel:
            self._store.put(self._bucket, "extra/row", io.BytesIO(_EXTRA_ROW))
            found.append(_channel(_EXTRA, f"s3://{self._bucket}/extra/", None))
        return found


def _channel(name: str, address: str, content_type: str | None) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": address}}
    channel: dict[str, Any] = {"ChannelName": name, "DataSource": source}
    return {**channel, "ContentType": content_type} if content_type else channel

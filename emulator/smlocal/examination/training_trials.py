"""The training runs of an examination: the hardest that the platform allows, and what tells why it failed.

One run under all hard conditions at once answers for each of them when it passes. When it fails, the same is tried with
all of them lifted, and then with one lifted at a time: the first that passes names the cause.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from smlocal.evidence import Conditions, TrainingTrial
from smlocal.examination.plan import Plan
from smlocal.examination.stopping import Stop
from smlocal.storage.interface import ObjectStore
from smlocal.training import Observer, TrainingResult, TrainingRunner

HARD = "hard"
EASY = "easy"
JSON = "json"
BROKEN = "broken data"
LIFTED = {
    "network": Conditions(network=True),
    "no extra channel": Conditions(extra_channel=False),
    "toolkit": Conditions(toolkit_variables=True),
    "json alone": Conditions(json_hyperparameters=True),
}
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


class TrainingTrials:
    """Makes the training runs of one image."""

    def __init__(
        self,
        runner: TrainingRunner,
        store: ObjectStore,
        bucket: str,
        plan: Plan,
        addresses: Mapping[tuple[str, bool], str],
        on_trial: Callable[[str], None],
        stop: Stop,
    ) -> None:
        self._runner = runner
        self._store = store
        self._bucket = bucket
        self._plan = plan
        self._addresses = addresses
        self._on_trial = on_trial
        self._stop = stop
        self.model: str | None = None  # the address of the first model that was written

    def run(self, image: str) -> dict[str, TrainingTrial]:
        """The trials by name; {} when there is no data to train on."""
        if not self._plan.channels:
            return {}
        made = {HARD: self._trial(image, Conditions())}
        if made[HARD].run.start_error:
            return made
        if not made[HARD].good:
            made |= self._counterfactuals(image)
        easiest = made[HARD] if made[HARD].good else made[EASY]
        if easiest.good:
            if self._plan.plain != self._plan.encoded and not easiest.conditions.json_hyperparameters:
                made[JSON] = self._trial(image, replace(easiest.conditions, json_hyperparameters=True))
            if self._plan.broken:
                made[BROKEN] = self._trial(image, replace(easiest.conditions, broken_data=True))
        return made

    def _counterfactuals(self, image: str) -> dict[str, TrainingTrial]:
        easy = Conditions(network=True, extra_channel=False, toolkit_variables=True)
        found = {EASY: self._trial(image, easy)}
        if not found[EASY].good and self._plan.plain != self._plan.encoded:
            found[EASY] = self._trial(image, replace(easy, json_hyperparameters=True))
        if not found[EASY].good:
            return found
        for name, conditions in LIFTED.items():
            if conditions.json_hyperparameters and self._plan.plain == self._plan.encoded:
                continue
            found[name] = self._trial(image, conditions)
            if found[name].good:
                break
        return found

    def _trial(self, image: str, conditions: Conditions) -> TrainingTrial:
        self._on_trial(f"train {conditions}")
        times: list[float] = []
        clock = self._runner.monotonic
        began = clock()
        observer = Observer(on_line=lambda line: times.append(clock() - began))
        request = self._request(image, conditions)
        stop, hurry = self._stop.event, self._stop.hurry
        result = self._runner.run(request, image, observer=observer, stop=stop, hurry=hurry)
        self._stop.check()
        if result.status == "Completed" and result.evidence.model_files and self.model is None:
            self.model = str(result.description["ModelArtifacts"]["S3ModelArtifacts"])
        return _trial_of(result, conditions, clock() - began, tuple(times))

    def _request(self, image: str, conditions: Conditions) -> dict[str, Any]:
        plan = self._plan
        environment = {**(_TOOLKIT if conditions.toolkit_variables else {}), **plan.training_environment}
        if conditions.toolkit_variables:
            names = plan.channels
            environment |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in names}
        request = {
            "TrainingJobName": f"check-{uuid.uuid4().hex[:12]}",
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/smlocal-check",
            "HyperParameters": plan.encoded if conditions.json_hyperparameters else plan.plain,
            "InputDataConfig": self._channels(conditions),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/trained"},
            "ResourceConfig": {"InstanceType": plan.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": plan.max_runtime},
            "EnableNetworkIsolation": not conditions.network,
        }
        return {**request, "Environment": environment} if environment else request

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


def _trial_of(
    result: TrainingResult, conditions: Conditions, seconds: float, times: tuple[float, ...]
) -> TrainingTrial:
    return TrainingTrial(
        conditions=conditions,
        status=result.status,
        reason=str(result.description.get("FailureReason", "")),
        seconds=seconds,
        run=result.evidence,
        line_times=times,
    )

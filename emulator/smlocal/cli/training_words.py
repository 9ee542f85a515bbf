"""Words that describe a training job, as a CreateTrainingJob request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smlocal.cli import account, sources

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.settings import Settings

INSTANCE_TYPE = "ml.m5.large"
_VOLUME_GIGABYTES = 30  # the SageMaker SDK's default
_MAX_RUNTIME = 86400  # API: StoppingCondition
_WRITTEN = {"image": "IMAGE", "parameter": "-p"}  # all others are written as they are called


@dataclass(frozen=True)
class TrainingWords:
    """The options of `smlocal train` that are parts of a request; None, empty or False: not given."""

    image: str | None
    channel: Sequence[str] | None
    hyperparameters: Path | None
    parameter: Sequence[str] | None
    instance_type: str | None
    env: Sequence[str] | None
    max_runtime: int | None
    network_isolation: bool
    checkpoints: str | None
    output: str | None
    job_name: str | None

    def given(self) -> list[str]:
        """The options that were given, as the user writes them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return [
            _WRITTEN.get(name, f"--{name.replace('_', '-')}")
            for name, value in values.items()
            if value is not None and value is not False and value != []
        ]

    def request(self, image: str, places: Places, settings: Settings) -> dict[str, Any]:
        """The request for a job of `image`. Raises UsageError."""
        bucket = account.default_bucket(settings)
        runtime = _MAX_RUNTIME if self.max_runtime is None else self.max_runtime
        request: dict[str, Any] = {
            "TrainingJobName": self.job_name or sources.generated_name(image),
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": account.role(settings),
            "HyperParameters": sources.hyperparameters(self.hyperparameters, self.parameter or ()),
            "OutputDataConfig": {
                "S3OutputPath": places.target(self.output, "--output") if self.output else f"s3://{bucket}"
            },
            "ResourceConfig": {
                "InstanceType": self.instance_type or INSTANCE_TYPE,
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GIGABYTES,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": runtime},
            "EnableNetworkIsolation": self.network_isolation,
        }
        if self.channel:
            request["InputDataConfig"] = [sources.channel(text, places) for text in self.channel]
        if self.env:
            request["Environment"] = sources.pairs(self.env, "--env")
        if self.checkpoints is not None:
            request["CheckpointConfig"] = {"S3Uri": places.target(self.checkpoints, "--checkpoints")}
        return request

"""Words that describe a transform job, as a CreateTransformJob request, and the model that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smlocal.cli import account, sources

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.hosting import Model
    from smlocal.settings import Settings
    from smlocal.wiring import Program


@dataclass(frozen=True)
class TransformWords:
    """The options of `smlocal transform` that are parts of the job's request; None: not given."""

    input: str
    output: str | None
    content_type: str | None
    accept: str | None
    split_type: str | None
    strategy: str | None
    max_payload: int | None
    concurrency: int | None
    assemble_with: str | None
    env: Sequence[str] | None
    instance_type: str
    job_name: str | None

    def request(self, image: str, model: str, places: Places, settings: Settings) -> dict[str, Any]:
        """The request for a job of the model that is called `model`. Raises UsageError."""
        name = self.job_name or sources.generated_name(image)
        source = places.source(self.input, "--input")
        default = f"s3://{account.default_bucket(settings)}/{name}"
        # a job that is stopped takes back what it has written
        target = places.target(self.output, "--output", deletable=True) if self.output else default
        return _without_none(
            {
                "TransformJobName": name,
                "ModelName": model,
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}},
                    "ContentType": self.content_type,
                    "SplitType": self.split_type,
                },
                "TransformOutput": {
                    "S3OutputPath": target,
                    "Accept": self.accept,
                    "AssembleWith": self.assemble_with,
                },
                "TransformResources": {"InstanceType": self.instance_type, "InstanceCount": 1},
                "BatchStrategy": self.strategy,
                "MaxPayloadInMB": self.max_payload,
                "MaxConcurrentTransforms": self.concurrency,
                "Environment": sources.pairs(self.env, "--env") if self.env else None,
            }
        )


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    """What was not said is not in the request, so that the platform's own defaults hold."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value is not None
    }


def model_to_transform(terminal: Terminal, program: Program, described: dict[str, Any], reference: str) -> Model:
    """The model to transform with. A folder stands for an archive that was unpacked: batch transforms take no other
    form of a model."""
    model = program.hosting.model(described, reference)
    container = described["PrimaryContainer"]
    if "ModelDataSource" not in container:
        return model
    terminal.say("note: the folder stands for a model.tar.gz of it, the only form that a batch transform takes")
    rest = {key: value for key, value in container.items() if key != "ModelDataSource"}
    bare = program.hosting.model({**described, "PrimaryContainer": rest}, reference)
    return replace(bare, contents=model.contents, data_url=model.data_url)

"""Words that describe a model, as a CreateModel request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smlocal.cli import account
from smlocal.cli.places import Places
from smlocal.cli.sources import generated_name, pairs
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.settings import Settings


def create_model(
    places: Places,
    image: str,
    model: str | None,
    environment: Sequence[str],
    settings: Settings,
    *,
    isolated: bool,
) -> dict[str, Any]:
    """The request for an image and a model: an archive, a folder that stands for an unpacked one, an s3:// address of
    an archive, or nothing, when the image brings its weights. Raises UsageError."""
    container: dict[str, Any] = {"Image": image}
    if model is not None:
        container |= _data(places, model)
    if environment:
        container["Environment"] = pairs(environment, "--env")
    return {
        "ModelName": generated_name(image),
        "PrimaryContainer": container,
        "ExecutionRoleArn": account.role(settings),
        "EnableNetworkIsolation": isolated,
    }


def _data(places: Places, model: str) -> dict[str, Any]:
    uri = places.source(model, "--model")
    if not model.startswith("s3://") and Path(model).expanduser().is_dir():
        source = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
        return {"ModelDataSource": {"S3DataSource": source}}
    if model.endswith("/"):
        raise UsageError(f"--model '{model}': an s3:// address names one model.tar.gz")
    return {"ModelDataUrl": uri}

"""Keyword arguments as requests in AWS's shape, by way of the command line's own words."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from smlocal.cli.model_words import create_model
from smlocal.cli.sources import generated_name
from smlocal.cli.training_words import TrainingWords
from smlocal.cli.transform_words import TransformWords
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.settings import Settings

Place = str | PathLike[str]  # a folder, a file or an s3:// address

_SOURCE = {"source", "content_type"}
_UNIQUE = 8  # characters


def unique_name(image: str) -> str:
    """A job's name that no other worker makes at the same millisecond."""
    return f"{generated_name(image)[: 62 - _UNIQUE]}-{secrets.token_hex(_UNIQUE // 2)}"


def training_request(
    places: Places,
    settings: Settings,
    image: str,
    *,
    output: Place,
    instance_type: str,
    channels: Mapping[str, Place | Mapping[str, Any]] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    max_runtime: int | None = None,
    network_isolation: bool = False,
    checkpoints: Place | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """A CreateTrainingJob request. A channel is a folder, a file or an s3:// address, or a mapping with that as
    `source` and a `content_type`; a hyperparameter that is no text becomes its JSON. Raises UsageError."""
    return TrainingWords(
        image=image,
        channel=[_channel(key, source) for key, source in (channels or {}).items()],
        hyperparameters=None,
        parameter=_pairs(
            (key, value if isinstance(value, str) else json.dumps(value))
            for key, value in (hyperparameters or {}).items()
        ),
        instance_type=instance_type,
        env=_pairs((environment or {}).items()),
        max_runtime=max_runtime,
        network_isolation=network_isolation,
        checkpoints=None if checkpoints is None else str(checkpoints),
        output=str(output),
        job_name=name or unique_name(image),
    ).request(image, places, settings)


def model_request(
    places: Places,
    settings: Settings,
    image: str,
    *,
    model: Place | None = None,
    environment: Mapping[str, str] | None = None,
    network_isolation: bool = False,
    name: str | None = None,
) -> dict[str, Any]:
    """A CreateModel request. Raises UsageError."""
    given = None if model is None else str(model)
    variables = _pairs((environment or {}).items())
    request = create_model(places, image, given, variables, settings, isolated=network_isolation)
    return {**request, "ModelName": name or unique_name(image)}


def transform_request(
    places: Places,
    settings: Settings,
    image: str,
    described: str,
    *,
    input: Place,
    output: Place,
    instance_type: str,
    content_type: str | None = None,
    accept: str | None = None,
    split_type: str | None = None,
    strategy: str | None = None,
    max_payload: int | None = None,
    concurrency: int | None = None,
    assemble_with: str | None = None,
    environment: Mapping[str, str] | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    """A CreateTransformJob request for the model that is called `described`. Raises UsageError."""
    return TransformWords(
        input=str(input),
        output=str(output),
        content_type=content_type,
        accept=accept,
        split_type=split_type,
        strategy=strategy,
        max_payload=max_payload,
        concurrency=concurrency,
        assemble_with=assemble_with,
        env=_pairs((environment or {}).items()),
        instance_type=instance_type,
        job_name=name or unique_name(image),
    ).request(image, described, places, settings)


def _channel(name: str, source: Place | Mapping[str, Any]) -> str:
    if not isinstance(source, Mapping):
        return f"{name}={source}"
    if "source" not in source or not set(source) <= _SOURCE:
        raise UsageError(f"channel {name}: a mapping has a source and may have a content_type, not {dict(source)}")
    told = f",content-type={source['content_type']}" if source.get("content_type") else ""
    return f"{name}={source['source']}{told}"


def _pairs(items: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{key}={value}" for key, value in items]

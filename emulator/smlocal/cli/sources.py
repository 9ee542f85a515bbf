"""Words of the command line as parts of requests: channels, pairs, hyperparameters, names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from smlocal.cli.places import Places
from smlocal.errors import UsageError
from smlocal.requests.reading import parse_object, read_text


def channel(text: str, places: Places) -> dict[str, Any]:
    """`NAME=SRC[,content-type=T]` as a Channel of CreateTrainingJob."""
    name, separator, rest = text.partition("=")
    if not separator or not name or not rest:
        raise UsageError(f"--channel '{text}': write NAME=SRC, such as train=./data or train=s3://bucket/train/")
    source, marker, content_type = rest.partition(",content-type=")
    if not marker and "," in rest and not Path(rest).exists():
        raise UsageError(f"--channel '{text}': after the source only ',content-type=TYPE' may follow")
    if marker and not content_type:
        raise UsageError(f"--channel '{text}': no type stands after ',content-type='")
    found = {"S3DataType": "S3Prefix", "S3Uri": places.source(source, f"--channel {name}")}
    request: dict[str, Any] = {"ChannelName": name, "DataSource": {"S3DataSource": found}}
    return {**request, "ContentType": content_type} if content_type else request


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """`KEY=VALUE` words as a map."""
    found: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise UsageError(f"{option} '{text}': write KEY=VALUE")
        if key in found:
            raise UsageError(f"{option}: '{key}' is given twice")
        found[key] = value
    return found


def hyperparameters(path: Path | None, given: Sequence[str]) -> dict[str, str]:
    """The hyperparameters of a JSON file and of -p words, which win. Numbers and the like become their JSON text.

    Source: the CreateTrainingJob API takes strings only; the SageMaker SDK turns other values into JSON text. Raises
    UsageError with the place of a fault.
    """
    found: dict[str, str] = {}
    if path is not None:
        origin = f"--hyperparameters: {path}"
        document = parse_object(read_text(path, origin), origin, "a set of hyperparameters")
        found = {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}
    return {**found, **pairs(given, "-p")}


def generated_name(image: str) -> str:
    """`<image>-<time>`, as the SageMaker SDK names jobs."""
    base = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    clean = "-".join(part for part in "".join(c if c.isalnum() else " " for c in base).split()) or "job"
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d-%H-%M-%S-%f")[:-3]
    return f"{clean[: 62 - len(stamp)]}-{stamp}"

"""Words of the command line as parts of requests: channels, pairs, hyperparameters, names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from smlocal.cli.places import Places
from smlocal.errors import UsageError


def channel(text: str, places: Places) -> dict[str, Any]:
    """`NAME=SRC[,content-type=T]` as a Channel of CreateTrainingJob."""
    name, separator, rest = text.partition("=")
    if not separator or not name or not rest:
        raise UsageError(f"--channel '{text}': write NAME=SRC, such as train=./data or train=s3://bucket/train/")
    source, marker, content_type = rest.partition(",content-type=")
    if not marker and "," in rest and not Path(rest).exists():
        raise UsageError(f"--channel '{text}': after the source only ',content-type=TYPE' may follow")
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

    Source: the CreateTrainingJob API takes strings only; the SageMaker SDK turns other values into JSON text.
    """
    found: dict[str, str] = {}
    if path is not None:
        document = json_file(path, "--hyperparameters")
        found = {key: value if isinstance(value, str) else json.dumps(value) for key, value in document.items()}
    return {**found, **pairs(given, "-p")}


def json_file(path: Path, option: str) -> dict[str, Any]:
    """A file that holds one JSON object. Raises UsageError with the place of the fault."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{option}: {path} is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise UsageError(f"{option}: {path} is not JSON: {error.msg} at {where}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option}: {path} cannot be used: too deep, or a number too long") from error
    if not isinstance(document, dict):
        raise UsageError(f'{option}: {path} must hold a JSON object, such as {{"epochs": "3"}}')
    return document


def generated_name(image: str) -> str:
    """`<image>-<time>`, as the SageMaker SDK names jobs."""
    base = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    clean = "-".join(part for part in "".join(c if c.isalnum() else " " for c in base).split()) or "job"
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d-%H-%M-%S-%f")[:-3]
    return f"{clean[: 62 - len(stamp)]}-{stamp}"

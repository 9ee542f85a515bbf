"""Requests from files: the JSON that `aws sagemaker create-training-job --cli-input-json` takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from smlocal.errors import UsageError

_NAMES = {  # the member that a filled-in request of the operation cannot leave empty
    "CreateTrainingJob": "TrainingJobName",
    "CreateModel": "ModelName",
    "CreateTransformJob": "TransformJobName",
}
_SHOWN = 6


def load_request(operation: str, source: str) -> dict[str, Any]:
    """The request that `source` holds: a file's path, `file://` and a path, or the JSON text itself, as the AWS CLI
    takes it. Raises UsageError, with line and column for bad JSON; whether SageMaker would take it is not asked."""
    if source.lstrip().startswith("{"):
        return parse_request(operation, source, "the JSON given")
    path = Path(source.removeprefix("file://") if source.startswith("file://") else source.removeprefix("file:"))
    return parse_request(operation, read_text(path, str(path)), str(path))


def read_text(path: Path, origin: str) -> str:
    """The text of a file; `origin` names it in errors. Raises UsageError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{origin} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{origin} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def parse_request(operation: str, text: str, origin: str) -> dict[str, Any]:
    """The request in `text`; `origin` names it in errors. Raises UsageError."""
    request = parse_object(text, origin, f"the request of {operation}")
    _refuse_unfilled(operation, request, origin)
    return request


def parse_object(text: str, origin: str, what: str) -> dict[str, Any]:
    """The JSON object in `text`, which `what` is; no key stands twice in it. Raises UsageError."""
    try:
        found = json.loads(
            text, object_pairs_hook=_without_repetition, parse_constant=_no_such_number, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"{origin} is not JSON: {error.msg} at {where}") from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{origin} cannot be used: {reason}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{origin} holds {_kind(found)}, and {what} is a JSON object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"an object of it has the key {', '.join(map(repr, repeated))} more than once")
    return found


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is larger than any number here")
    return number


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _refuse_unfilled(operation: str, request: dict[str, Any], origin: str) -> None:
    """What `aws ... --generate-cli-skeleton` prints has "" for each string and {"KeyName": ""} for each map."""
    empty = list(_placeholders(request, ""))
    if request.get(_NAMES[operation]) != "" and not any(path.endswith(".KeyName") for path in empty):
        return
    shown = ", ".join(empty[:_SHOWN]) + (f" and {len(empty) - _SHOWN} more" if len(empty) > _SHOWN else "")
    raise UsageError(
        f"{origin} still holds placeholders of a generated skeleton: fill in {shown}, and take out what you do not need"
    )


def _placeholders(value: Any, path: str) -> Iterator[str]:
    if value == "":
        yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _placeholders(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _placeholders(item, f"{path}[{index}]")

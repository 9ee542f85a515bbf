"""The shapes of an operation's request and answer, read from the service models that botocore carries.

The model file is read directly and botocore is not imported: 0.03 s instead of 0.17 s on the machine where it was
measured, which every command would pay. A test holds the two ways to the same result.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smlocal.errors import CannotRun

OPERATIONS = ("CreateTrainingJob", "CreateModel", "CreateTransformJob")  # whose requests also come from files
_SERVICE = "sagemaker"
_RUNTIME = "sagemaker-runtime"


@dataclass(frozen=True)
class Shape:
    """One shape of the model; what does not apply to its kind is empty or None."""

    name: str
    kind: str  # structure, list, map, string, integer, long, boolean, float, double, ...
    members: Mapping[str, str]  # of a structure: member name -> shape name
    required: tuple[str, ...]
    member: str | None  # of a list: shape name
    key: str | None  # of a map: shape names
    value: str | None
    enum: tuple[str, ...]
    pattern: str | None  # as the model has it: a Java regular expression that must match the whole value
    minimum: int | None  # of a value, a length or a size, by kind
    maximum: int | None


@dataclass(frozen=True)
class RequestShapes:
    """All shapes that a request of one operation can reach, or an answer."""

    operation: str
    root: str
    shapes: Mapping[str, Shape]

    @property
    def input(self) -> Shape:
        return self.shapes[self.root]

    def member_paths(self) -> Iterator[tuple[str, Shape]]:
        """Every structure member at any depth: ("InputDataConfig[].DataSource.S3DataSource.S3Uri", its shape), ..."""
        yield from self._below(self.input, "", ())

    def _below(self, shape: Shape, path: str, above: tuple[str, ...]) -> Iterator[tuple[str, Shape]]:
        if shape.name in above:
            raise CannotRun(f"the service model of {self.operation} is recursive at {path}")
        above = (*above, shape.name)
        for name, target in shape.members.items():
            here = f"{path}.{name}" if path else name
            yield here, self.shapes[target]
            yield from self._below(self.shapes[target], here, above)
        if shape.member:
            yield from self._below(self.shapes[shape.member], f"{path}[]", above)
        if shape.value:
            yield from self._below(self.shapes[shape.value], f"{path}{{}}", above)


@cache
def request_shapes(operation: str) -> RequestShapes:
    """The shapes of the request of that operation of SageMaker or its runtime. Raises CannotRun without a readable
    model."""
    found = _shapes(operation, "input")
    assert found is not None, f"{operation} takes a request"
    return found


@cache
def answer_shapes(operation: str) -> RequestShapes | None:
    """The shapes of that operation's answer, None when its answer is empty. Raises CannotRun."""
    return _shapes(operation, "output")


@cache
def every_operation() -> frozenset[str]:
    """The names of all SageMaker operations that the installed botocore knows. Raises CannotRun."""
    return frozenset(_service_model(_SERVICE)["operations"])


def _shapes(operation: str, side: str) -> RequestShapes | None:
    model = _service_model(_RUNTIME if operation.startswith("Invoke") else _SERVICE)
    try:
        described = model["operations"][operation].get(side)
    except KeyError as error:
        raise CannotRun(f"the installed botocore has no SageMaker operation {operation}") from error
    if described is None:
        return None
    found: dict[str, Shape] = {}
    _collect(model["shapes"], described["shape"], found)
    return RequestShapes(operation, described["shape"], found)


def _collect(raw: Mapping[str, Any], name: str, found: dict[str, Shape]) -> None:
    if name in found:
        return
    shape = found[name] = _shape(name, raw[name])
    for target in (*shape.members.values(), shape.member, shape.key, shape.value):
        if target is not None:
            _collect(raw, target, found)


def _shape(name: str, raw: Mapping[str, Any]) -> Shape:
    def target(part: str) -> str | None:
        return raw[part]["shape"] if part in raw else None

    return Shape(
        name=name,
        kind=raw["type"],
        members={member: described["shape"] for member, described in raw.get("members", {}).items()},
        required=tuple(raw.get("required", ())),
        member=target("member"),
        key=target("key"),
        value=target("value"),
        enum=tuple(raw.get("enum", ())),
        pattern=raw.get("pattern"),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
    )


@cache
def _service_model(service: str) -> Any:
    path = _model_file(service)
    try:
        data = path.read_bytes()
        return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, ValueError) as error:
        raise CannotRun(f"botocore's service model {path} cannot be read: {error}") from error


def _model_file(service: str) -> Path:
    """The newest model of that service of the installed botocore, found without importing it."""
    spec = importlib.util.find_spec("botocore")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        versions = sorted(Path(folder, "data", service).glob("*/service-2.json*"))
        if versions:
            return versions[-1]
    raise CannotRun(f"botocore's service model of {service} is not installed: install boto3 with pip")

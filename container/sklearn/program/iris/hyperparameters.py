"""Reading hyperparameters, which SageMaker hands over as strings, whatever they mean.

The SageMaker SDK sends some values JSON-encoded (`"\\"gini\\""`, `"5"`) and the API sends them as they were typed
(`gini`, `5`): both read alike. Source: AWS developer guide, your-algorithms-training-algo-running-container; the
encoding is that of the Python SDK's `Estimator`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from iris.optml import JobError

# Keys that SageMaker or its SDK adds by itself; no algorithm owns them.
PLATFORM_PREFIXES = ("sagemaker_", "_tuning_objective_metric")


@dataclass(frozen=True)
class Hyperparameter:
    """One hyperparameter: what it does without being told, and which values it takes."""

    default: Any
    parse: Callable[[Any], Any]
    meaning: str


def whole_number(minimum: int, *, optional: bool = False) -> Callable[[Any], int | None]:
    """A parser of whole numbers from `minimum` up; with `optional`, also of `none` and an empty value."""

    def parse(value: Any) -> int | None:
        if optional and (value is None or str(value).lower() in ("", "none", "null")):
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise ValueError(f"a whole number of at least {minimum}" + (" or none" if optional else ""))
        return value

    return parse


def one_of(choices: Iterable[str]) -> Callable[[Any], str]:
    """A parser of one word out of a few."""
    known = tuple(choices)

    def parse(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return str(value)

    return parse


def decode(value: Any) -> Any:
    """The value behind a hyperparameter's string: its JSON meaning, or the string itself when it is not JSON."""
    for _ in range(2):  # a number that the SDK has JSON-encoded as a string needs two turns: "\"5\"" -> "5" -> 5
        if not isinstance(value, str):
            return value
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return value


def read(raw: Mapping[str, Any], known: Mapping[str, Hyperparameter]) -> dict[str, Any]:
    """Every known hyperparameter with its value; an unknown name or an unfit value raises JobError."""
    given = {name: value for name, value in raw.items() if not name.startswith(PLATFORM_PREFIXES)}
    unknown = sorted(set(given) - set(known))
    if unknown:
        names = ", ".join(repr(name) for name in unknown)
        raise JobError(f"Unknown hyperparameter {names}. This image knows {', '.join(sorted(known))}.")
    values = {}
    for name, parameter in known.items():
        if name not in given:
            values[name] = parameter.default
            continue
        try:
            values[name] = parameter.parse(decode(given[name]))
        except ValueError as error:
            raise JobError(f"Hyperparameter {name!r} is {given[name]!r}; it must be {error}.") from error
    return values

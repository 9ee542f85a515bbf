"""The kinds of hyperparameter: how each is parsed from its string, and which values are in range.

The texts are part of the contract: intervals print as `[0, 1]`, `(0, 1]` or `[1, +inf)`, categories as a Python
list.

Source: aws/sagemaker-xgboost-container, messages observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smlocal_xgboost.errors import UserError


@dataclass(frozen=True)
class Interval:
    """A range of numbers; a missing bound is infinite, and each bound is closed unless said otherwise."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below

    def __str__(self) -> str:
        left = "(-inf" if self.low is None else f"{'(' if self.low_open else '['}{self.low}"
        right = "+inf)" if self.high is None else f"{self.high}{')' if self.high_open else ']'}"
        return f"{left}, {right}"


def at_least(low: float) -> Interval:
    return Interval(low=low)


def between(low: float, high: float) -> Interval:
    return Interval(low=low, high=high)


@dataclass(frozen=True)
class Kind:
    """One kind of value: `parse` raises ValueError, `check` raises UserError."""

    parse: Callable[[Any], Any]
    check: Callable[[str, Any], None]


def _one_in(allowed: Any) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if value not in allowed:
            raise UserError(f"Hyperparameter {name}: {value} is not in {allowed}")

    return check


def _each_in(allowed: Any, flatten: Callable[[Any], Sequence[Any]]) -> Callable[[str, Any], None]:
    def check(name: str, value: Any) -> None:
        if any(element not in allowed for element in flatten(value)):
            raise UserError(f"Hyperparameter {name}: value {value} not in range {allowed}")

    return check


def integer(allowed: Interval) -> Kind:
    return Kind(int, _one_in(allowed))


def continuous(allowed: Interval) -> Kind:
    return Kind(float, _one_in(allowed))


def category(allowed: Sequence[str]) -> Kind:
    return Kind(str, _one_in(list(allowed)))


def comma_list(allowed: Any) -> Kind:
    return Kind(lambda text: str(text).split(","), _each_in(allowed, list))


def integer_tuple(allowed: Sequence[int]) -> Kind:
    """A tuple of integers such as `(1,0,-1)`; read as a literal, never evaluated as code."""
    return Kind(_parse_tuple, _each_in(list(allowed), list))


def nested_list(allowed: Interval) -> Kind:
    """A list of lists of integers such as `[[1,2],[3,4]]`."""
    return Kind(_parse_nested, _each_in(allowed, lambda rows: [cell for row in rows for cell in row]))


def _literal(text: Any) -> Any:
    try:
        return ast.literal_eval(text) if isinstance(text, str) else text
    except (SyntaxError, TypeError, MemoryError, RecursionError) as cause:
        raise ValueError(str(cause)) from cause


def _parse_tuple(text: Any) -> tuple[int, ...]:
    value = _literal(text)
    if not isinstance(value, tuple | list) or not all(isinstance(cell, int) for cell in value):
        raise ValueError("not a tuple of integers")
    return tuple(value)


def _parse_nested(text: Any) -> list[list[int]]:
    value = _literal(text)
    rows = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(row, list | tuple) and all(isinstance(cell, int) for cell in row) for row in rows):
        raise ValueError("not a list of lists of integers")
    return [list(row) for row in rows]

"""Time two things turn by turn, so that a noisy machine is noisy for both, and compare their medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Medians in seconds, and the ratio that may not be exceeded."""

    name: str
    ours: float
    floor: float
    bound: float

    @property
    def ratio(self) -> float:
        return self.ours / self.floor

    @property
    def holds(self) -> bool:
        return self.ratio <= self.bound

    def __str__(self) -> str:
        verdict = "ok" if self.holds else "MISSED"
        return (
            f"{self.name:10} ours {self.ours * 1000:9.1f} ms  floor {self.floor * 1000:9.1f} ms"
            f"  ratio {self.ratio:5.2f}  bound {self.bound:5.2f}  {verdict}"
        )


def timed(action: Callable[[], object]) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def compare(
    name: str, ours: Callable[[], float], floor: Callable[[], float], *, bound: float, turns: int
) -> Comparison:
    """Each gives the seconds of one turn; the first turn of both is not counted."""
    rows = [(ours(), floor()) for _ in range(turns + 1)][1:]
    return Comparison(name, statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows), bound)

"""What the labs did, step by step, and what they came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from smlocal.demo.iris import ROWS

ACCURACY = 0.9  # at least


@dataclass(frozen=True)
class Step:
    """One step of a lab: what was done, how long it took, what came of it."""

    lab: str
    name: str
    seconds: float
    result: str
    keys: tuple[str, ...] = ()  # S3 keys that it wrote


@dataclass
class Outcome:
    """What the labs came to."""

    bucket: str
    steps: list[Step] = field(default_factory=list)
    accuracies: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    leftovers: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """Why this is no success; empty when it is one."""
        found = [
            f"{lab}: accuracy {accuracy:.2f} is below {ACCURACY}"
            for lab, accuracy in self.accuracies.items()
            if accuracy < ACCURACY
        ]
        if self.rows != ROWS:
            found.append(f"Lab 2: {self.rows} of {ROWS} rows came back")
        if self.leftovers:
            found.append(f"still there: {', '.join(self.leftovers)}")
        return found


@dataclass
class Notes:
    """What a step in progress has to say."""

    result: str = ""
    keys: list[str] = field(default_factory=list)
    tell: Callable[[str], None] = lambda news: None  # what it is about just now

"""What a comparison of two reports is about: the two, what became of each clause, and how far they can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from smlocal.contract import Comparison, compare
from smlocal.report.measures import Duration, durations, runs_of_one
from smlocal.report.saved import SavedReport

_WORDS = {
    "architecture": "the instances' architecture",
    "isolated": "network isolation",
    "training": "whether it is to train",
    "serving": "whether it is to serve",
    "samples": "sample requests",
    "model_given": "whether a model was given",
}


@dataclass(frozen=True)
class Difference:
    """Something in which the two examinations themselves differ. `measured`: times are not comparable for it."""

    what: str
    old: Any
    new: Any
    measured: bool = True


@dataclass(frozen=True)
class ComparisonReport:
    """Two reports side by side."""

    old: SavedReport
    new: SavedReport
    version: str  # of smlocal
    strict: bool = False  # a new warning counts as a new error

    @cached_property
    def comparison(self) -> Comparison:
        return compare(self.old.findings, self.new.findings)

    @property
    def passed(self) -> bool:
        return self.comparison.holds(self.strict)

    @cached_property
    def durations(self) -> tuple[Duration, ...]:
        return durations(self.old, self.new)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        return tuple(_differences(self.old, self.new))

    @property
    def comparable(self) -> bool:
        """Whether times say something of the images, and not of what was asked of them."""
        return not any(difference.measured for difference in self.differences)

    def told(self) -> tuple[Duration, ...]:
        """What is slower or faster by more than noise."""
        return tuple(item for item in self.durations if item.change) if self.comparable else ()


def _differences(old: SavedReport, new: SavedReport) -> Iterator[Difference]:
    if old.smlocal != new.smlocal:
        yield Difference("smlocal", old.smlocal, new.smlocal, measured=False)
    if old.scaled_limits != new.scaled_limits:
        yield Difference("limits that are not SageMaker's", list(old.scaled_limits), list(new.scaled_limits))
    if None not in (old.architecture, new.architecture) and old.architecture != new.architecture:
        yield Difference("the image's architecture", old.architecture, new.architecture)
    yield from _asked(old, new)
    before_only, after_only = runs_of_one(old, new)
    if before_only or after_only:
        yield Difference("runs of one only", before_only, after_only, measured=False)


def _asked(old: SavedReport, new: SavedReport) -> Iterator[Difference]:
    """Where they were not asked the same, as far as both know what they were asked."""
    if bool(old.asked) != bool(new.asked):  # the smlocal of one did not write it down yet
        words = ["not told", "told"]
        yield Difference("what was asked", words[bool(old.asked)], words[bool(new.asked)])
    for name, before in old.asked.items():
        if name in new.asked and before != new.asked[name]:
            yield Difference(_WORDS.get(name, name.replace("_", " ")), before, new.asked[name])

"""How long two images took, as ratios, and what of a difference is more than noise.

Every time was measured once, on a machine that may have been busy with other things: the same training took 1.3 s, and
2.3 s while others used the two cores as well. What does not reach both thresholds of a quantity is noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

from smlocal.report.saved import SavedReport, SavedRun


@dataclass(frozen=True)
class Noise:
    """What a difference must reach to be told."""

    ratio: float  # of the longer to the shorter
    seconds: float


@dataclass(frozen=True)
class Duration:
    """One quantity of both: the mean, in seconds, over the runs that both made under the same conditions, each alone on
    the machine, and that went well."""

    name: str
    noise: Noise
    old: float
    new: float
    runs: int

    @property
    def ratio(self) -> float | None:
        """The new one to the old one, where that is something."""
        return self.new / self.old if self.old else None

    @property
    def change(self) -> str:
        """ "slower", "faster", or "" for what may be noise."""
        less, more = sorted((self.old, self.new))
        if more - less < self.noise.seconds or more < less * self.noise.ratio:
            return ""
        return "slower" if self.new > self.old else "faster"


_JOB = Noise(1.5, 2.0)
_ANSWER = Noise(2.0, 0.02)
_Of = Callable[[SavedRun], "float | None"]
_QUANTITIES: tuple[tuple[str, Noise, tuple[_Of, ...]], ...] = (
    # the program's own time; reports of older versions have that of the whole job only
    ("training", _JOB, (lambda run: run.program, lambda run: run.job)),
    ("start", _JOB, (lambda run: run.start,)),
    ("answers", _ANSWER, (lambda run: run.answers,)),
)


def durations(old: SavedReport, new: SavedReport) -> tuple[Duration, ...]:
    """What both took for training, for coming up, and for answering samples one at a time; a quantity that no run of
    both tells is not there."""
    pairs = list(_pairs(old, new))
    found = []
    for name, noise, ways in _QUANTITIES:
        measured = next((both for of in ways if (both := _both(pairs, of))), None)
        if measured:
            before, after = (fmean(pair[side] for pair in measured) for side in (0, 1))
            found.append(Duration(name, noise, before, after, len(measured)))
    return tuple(found)


def runs_of_one(old: SavedReport, new: SavedReport) -> tuple[list[str], list[str]]:
    """The runs that only one of them made, in words."""
    before, after = (list(_by_conditions(report)) for report in (old, new))
    return (
        [" ".join(key) for key in before if key not in after],
        [" ".join(key) for key in after if key not in before],
    )


def _pairs(old: SavedReport, new: SavedReport) -> Iterator[tuple[SavedRun, SavedRun]]:
    after = _by_conditions(new)
    for key, run in _by_conditions(old).items():
        if key in after and all(side.good and side.alone for side in (run, after[key])):
            yield run, after[key]


def _by_conditions(report: SavedReport) -> dict[tuple[str, str], SavedRun]:
    return {(run.word, run.conditions): run for run in report.runs}


def _both(pairs: list[tuple[SavedRun, SavedRun]], of: _Of) -> list[tuple[float, float]]:
    """A quantity of the runs where both have it."""
    found = [(of(old), of(new)) for old, new in pairs]
    return [(before, after) for before, after in found if before is not None and after is not None]

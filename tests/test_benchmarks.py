"""What counts as a missed bound, and that a missed one is told by the exit code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from benchmarks.__main__ import main
from benchmarks.measure import Comparison, compare


class Timed:
    """Benchmarks whose ratios are given; the rest are on their floor."""

    def __init__(self, **ratios: float) -> None:
        self._ratios = ratios

    def __getattr__(self, name: str) -> object:
        return lambda: Comparison(name, self._ratios.get(name, 1.0), 1.0, bound=1.10)

    @contextlib.contextmanager
    def open(self) -> Iterator[Timed]:
        yield self


@pytest.mark.parametrize(
    ("ours", "holds", "verdict"),
    [(0.9, True, "ok"), (1.10, True, "ok"), (1.11, False, "MISSED"), (50, False, "MISSED")],
)
def test_a_bound_holds_up_to_its_ratio(ours: float, holds: bool, verdict: str) -> None:
    comparison = Comparison("train", ours, 1.0, bound=1.10)
    assert comparison.holds is holds
    assert str(comparison).split()[-1] == verdict


def test_medians_are_compared_and_the_first_turn_is_not_counted() -> None:
    ours, floor = iter([90.0, 1.0, 9.0, 2.0]), iter([0.1, 1.0, 1.0, 3.0])
    comparison = compare("pack", lambda: next(ours), lambda: next(floor), bound=2.0, turns=3)
    assert (comparison.ours, comparison.floor, comparison.holds) == (2.0, 1.0, True)


@pytest.mark.parametrize(
    ("ratios", "code"),
    [({}, 0), ({"train": 1.2}, 1), ({"pack": 1.2}, 1), ({"train": 1.2, "serve": 1.3, "pack": 1.2}, 1)],
)
def test_a_missed_bound_is_told_by_the_exit_code(
    ratios: dict[str, float], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "serve", "pack"], Timed(**ratios).open) == code
    verdicts = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert verdicts == {name: "MISSED" if name in ratios else "ok" for name in ("train", "serve", "pack")}

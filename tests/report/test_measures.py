"""Times of two reports: which runs are compared, and what of a difference is more than noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.report import SavedReport
from smlocal.report.measures import Duration, durations, runs_of_one
from tests.report.saved import saved, served, trained

Runs = dict[str, Any]


def of(training: Runs | None = None, serving: Runs | None = None) -> SavedReport:
    return saved(training=training or {}, serving=serving or {})


def found(old: SavedReport, new: SavedReport) -> dict[str, Duration]:
    return {item.name: item for item in durations(old, new)}


EVERYTHING = of({"hard": trained(2.0)}, {"hard": served(1.0)})
NOISES = {name: item.noise for name, item in found(EVERYTHING, EVERYTHING).items()}

TRAINING: list[tuple[str, Runs, Runs, tuple[float, float, int] | None]] = [
    ("one run of each", {"hard": trained(2.0)}, {"hard": trained(6.0)}, (2.0, 6.0, 1)),
    (
        "the mean of those that both made",
        {"hard": trained(2.0), "json": trained(4.0, json_hyperparameters=True)},
        {"hard": trained(1.0), "json": trained(2.0, json_hyperparameters=True), "easy": trained(9.0, network=True)},
        (3.0, 1.5, 2),
    ),
    ("other conditions", {"hard": trained(2.0)}, {"hard": trained(2.0, network=True)}, None),
    ("one failed", {"hard": trained(2.0)}, {"hard": trained(0.5, status="Failed")}, None),
    ("one was stopped", {"a": trained(2.0, status="Stopped")}, {"a": trained(0.5)}, None),
    ("one ran beside another", {"a": trained(2.0)}, {"a": trained(4.0, alone=False)}, None),
    ("none was made", {}, {}, None),
]


@pytest.mark.parametrize(("name", "old", "new", "expected"), TRAINING, ids=[name for name, *_ in TRAINING])
def test_trainings_are_compared_that_both_made_alike_and_that_went_well(
    name: str, old: Runs, new: Runs, expected: tuple[float, float, int] | None
) -> None:
    item = found(of(training=old), of(training=new)).get("training")
    assert (None if item is None else (item.old, item.new, item.runs)) == expected


def test_the_jobs_are_compared_where_a_report_does_not_know_its_programs_time() -> None:
    new = of(training={"hard": trained(2.0)})
    old = replace(new, runs=tuple(replace(run, program=None) for run in new.runs))
    item = found(old, new)["training"]
    assert (item.old, item.new) == (3.0, 3.0)


def test_servers_are_compared_by_their_start_and_their_answers() -> None:
    old, new = of(serving={"hard": served(1.0, 0.1)}), of(serving={"hard": served(3.0, 0.4)})
    start, answers = (found(old, new)[name] for name in ("start", "answers"))
    assert (start.old, start.new, start.ratio, start.change) == (1.0, 3.0, 3.0, "slower")
    assert (answers.old, answers.new, answers.ratio, answers.change) == (0.1, 0.4, 4.0, "slower")


def test_a_server_that_did_not_come_up_has_no_times() -> None:
    assert found(of(serving={"hard": served(1.0)}), of(serving={"hard": served(None)})) == {}


NOISE = [
    ("training", 1.31, 2.33, ""),  # under two seconds
    ("training", 9.4, 13.4, ""),  # under 50%
    ("training", 4.0, 6.0, "slower"),
    ("training", 6.0, 4.0, "faster"),
    ("training", 0.0, 3.0, "slower"),
    ("start", 1.1, 3.0, ""),
    ("start", 1.0, 3.0, "slower"),
    ("answers", 0.002, 0.021, ""),  # under 20 ms
    ("answers", 0.1, 0.19, ""),  # under twice as long
    ("answers", 0.1, 0.2, "slower"),
    ("answers", 0.3, 0.1, "faster"),
]


@pytest.mark.parametrize(("name", "old", "new", "change"), NOISE)
def test_a_difference_is_told_from_both_thresholds_on(name: str, old: float, new: float, change: str) -> None:
    assert Duration(name, NOISES[name], old, new, 1).change == change


def test_runs_of_one_report_only_are_named() -> None:
    old = of({"hard": trained(1.0)}, {"hard": served(1.0)})
    new = of({}, {"hard": served(1.0), "batch": served(1.0, batch=True)})
    assert runs_of_one(old, new) == (["train without network"], ["serve without network, for a batch transform"])


times = st.floats(0, 1e6)


@given(times, times)
def test_what_is_slower_one_way_is_faster_the_other(old: float, new: float) -> None:
    for name, noise in NOISES.items():
        there, back = Duration(name, noise, old, new, 1).change, Duration(name, noise, new, old, 1).change
        assert {"slower": "faster", "faster": "slower", "": ""}[there] == back
        assert Duration(name, noise, old, old, 1).change == ""

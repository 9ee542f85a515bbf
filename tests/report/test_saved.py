"""Reports read back: what is compared of them, and what is refused by name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from smlocal.contract import Outcome, Reason
from smlocal.errors import UsageError
from smlocal.report import saved_report
from smlocal.report.saved import SavedRun
from tests.report.reports import ONE_OF_EACH, REPORTS, finding, report
from tests.report.saved import document, saved, served, trained


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_read_back_with_all_that_is_compared_of_a_finding(name: str) -> None:
    made = REPORTS[name]
    found = saved_report(document(made), "old.json")
    assert (found.source, found.image, found.image_id, found.passed) == (
        "old.json", made.image, "sha256:1e59", made.passed,
    )  # fmt: skip
    assert (found.smlocal, found.size_bytes, found.architecture) == ("0.1.0", 1, "amd64")
    assert found.scaled_limits == made.examination.asked.scaled_limits
    for back, whole in zip(found.findings, made.verdict.findings, strict=True):
        assert (back.rule, back.name, back.title) == (whole.rule, whole.name, whole.title)
        assert (back.outcome, back.severity, back.seen) == (whole.outcome, whole.severity, whole.seen)


def test_why_something_was_not_judged_is_told_in_a_few_words() -> None:
    follows = finding("SM201", Outcome.NOT_JUDGED, seen=(), reason=Reason.FOLLOWS, follows="SM103")
    found = saved(finding("SM101"), follows, finding("SM307", Outcome.NOT_JUDGED))
    assert [item.why_not for item in found.findings] == ["", "it follows from SM103", Reason.NO_SAMPLE.value]


def test_runs_are_read_back_with_their_times() -> None:
    runs = saved(
        training={"hard": trained(2.5), "broken": trained(1.0, status="Failed", broken_data=True)},
        serving={"hard": served(None, alone=False), "easy": served(1.5, 0.25, network=True)},
    ).runs
    assert runs == (
        SavedRun("train", "without network", True, job=3.5, program=2.5),
        SavedRun("train", "without network, on broken data", False, job=2.0, program=1.0),
        SavedRun("serve", "without network", False, alone=False),
        SavedRun("serve", "with network", True, start=1.5, answers=0.25),
    )


def test_a_report_of_an_older_smlocal_lacks_some_members() -> None:
    older = document(REPORTS["one of each outcome"])
    del older["asked"], older["image"]["size_bytes"], older["image"]["architecture"]
    for run in older["runs"]:
        for name in ("alone", "program_seconds", "sample_seconds"):
            run.pop(name, None)
    found = saved_report(older, "old.json")
    assert (found.asked, found.size_bytes, found.architecture) == ({}, None, None)
    assert found.runs[0] == SavedRun("train", "without network", False, job=2.25)


def test_what_later_versions_add_is_let_be() -> None:
    newer = document(REPORTS["one of each outcome"])
    newer["mood"] = "good"
    newer["findings"][0] |= {"rule": "SM699", "colour": "red"}
    newer["findings"][1]["reason"] = "a reason of its own"
    found = saved_report(newer, "new.json").findings
    assert (found[0].rule, found[1].why_not) == ("SM699", "a reason of its own")


NO_REPORT = "old.json: it is no JSON report of `smlocal check`: "
REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda found: found.clear(), f"{NO_REPORT}'kind' is missing"),
    (
        lambda found: found.update(kind="compare"),
        "old.json is an answer of kind 'compare', and only reports of `smlocal check` can be compared",
    ),
    (
        lambda found: found.update(version=2),
        "old.json is a report of version 2, and this smlocal reads up to version 1: compare it with a newer smlocal",
    ),
    (lambda found: found.pop("version"), f"{NO_REPORT}'version' is missing"),
    (lambda found: found.update(version=True), f"{NO_REPORT}'version' is no whole number of a sensible size"),
    (lambda found: found.update(version="1"), f"{NO_REPORT}'version' is not a whole number"),
    (lambda found: found.update(image="x"), f"{NO_REPORT}'image' is not an object"),
    (lambda found: found["image"].update(size_bytes=-1), f"{NO_REPORT}'image.size_bytes' is no whole number of a "),
    (
        lambda found: found["image"].update(size_bytes=10**400),
        f"{NO_REPORT}'image.size_bytes' is no whole number of a ",
    ),
    (lambda found: found.update(passed="yes"), f"{NO_REPORT}'passed' is not true or false"),
    (lambda found: found.update(asked=[]), f"{NO_REPORT}'asked' is not an object"),
    (lambda found: found.update(scaled_limits=[1]), f"{NO_REPORT}'scaled_limits' holds what is no string"),
    (lambda found: found.update(runs={}), f"{NO_REPORT}'runs' is not a list"),
    (lambda found: found["runs"].insert(0, 1), f"{NO_REPORT}'runs[0]' is no object"),
    (
        lambda found: found["runs"][0].update(word="dance"),
        f"{NO_REPORT}'runs[0].word' is 'dance', which is none of train, serve",
    ),
    (lambda found: found["runs"][0].update(seconds=-1), f"{NO_REPORT}'runs[0].seconds' is no time in seconds"),
    (lambda found: found["runs"][0].update(seconds=10**400), f"{NO_REPORT}'runs[0].seconds' is no time in seconds"),
    (lambda found: found["runs"][0].update(seconds=True), f"{NO_REPORT}'runs[0].seconds' is no time in seconds"),
    (lambda found: found["runs"][0].update(seconds="2"), f"{NO_REPORT}'runs[0].seconds' is not a number"),
    (lambda found: found["runs"][2].update(sample_seconds=2), f"{NO_REPORT}'runs[2].sample_seconds' is not an object"),
    (lambda found: found["findings"][1].pop("title"), f"{NO_REPORT}'findings[1].title' is missing"),
    (
        lambda found: found["findings"][1].update(rule="101"),
        f"{NO_REPORT}'findings[1].rule' is '101', and does not look like one",
    ),
    (
        lambda found: found["findings"][1].update(outcome="skipped"),
        f"{NO_REPORT}'findings[1].outcome' is 'skipped', which is none of kept, broken, not applicable, not judged",
    ),
    (
        lambda found: found["findings"][1].update(severity="fatal"),
        f"{NO_REPORT}'findings[1].severity' is 'fatal', which is none of error, warning",
    ),
    (lambda found: found["findings"].append(found["findings"][0]), f"{NO_REPORT}'findings' names a rule twice"),
]


@pytest.mark.parametrize(("spoil", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_is_no_report_is_refused_by_the_member_that_is_wrong(
    spoil: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    found = copy.deepcopy(document(report(*ONE_OF_EACH)))
    saved_report(found, "old.json")
    spoil(found)
    with pytest.raises(UsageError) as refused:
        saved_report(found, "old.json")
    assert str(refused.value).startswith(sentence)

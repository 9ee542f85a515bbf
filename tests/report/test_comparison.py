"""A comparison: in what two examinations differ, the JSON with its schema, and what a reader of 80 columns sees."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Change, Finding, Outcome, Reason, Severity
from smlocal.report import (
    ComparisonReport,
    SavedReport,
    comparison_as_document,
    comparison_as_text,
    comparison_schema,
)
from tests.report.reports import HOSTILE, finding
from tests.report.saved import saved, served, trained

VALIDATOR = jsonschema.Draft202012Validator(comparison_schema())
BROKEN, NOT_JUDGED = Outcome.BROKEN, Outcome.NOT_JUDGED
FAST = {"training": {"hard": trained(2.0)}, "serving": {"hard": served(1.0, 0.004)}}
SLOW = {"training": {"hard": trained(6.0)}, "serving": {"hard": served(1.2, 0.1)}}
OLD = (
    finding("SM101"),
    finding("SM107", BROKEN),
    finding("SM110", BROKEN),
    finding("SM201", BROKEN, seen=("exit code 1",)),
    finding("SM305"),
    finding("SM307", BROKEN),
    finding("SM308"),
    finding("SM309"),
)
NEW = (
    finding("SM101"),
    finding("SM110", BROKEN),
    finding("SM201"),
    finding("SM305", BROKEN, seen=("GET /ping: 200 in 9.80 s", "| Traceback", "a", "b")),
    finding("SM307", NOT_JUDGED, seen=()),
    finding("SM308", NOT_JUDGED, seen=(), reason=Reason.FOLLOWS, follows="SM305"),
    finding("SM309", NOT_JUDGED, seen=(), reason=Reason.FOLLOWS, follows="SM305"),
    finding("SM402", BROKEN),
    finding("SM403"),
)


def compared(old: SavedReport, new: SavedReport, strict: bool = False) -> ComparisonReport:
    return ComparisonReport(old, replace(new, source="new.json"), "0.1.0", strict)


def of_findings(*findings: Finding) -> SavedReport:
    return saved(*findings, training={}, serving={})


SAMPLE = saved(*OLD, **FAST)
COMPARISONS = {
    "one of each change": compared(SAMPLE, saved(*NEW, **SLOW)),
    "the other way": compared(saved(*NEW, **SLOW), SAMPLE),
    "the same twice": compared(SAMPLE, SAMPLE),
    "asked differently": compared(
        SAMPLE,
        replace(
            saved(*OLD, **SLOW),
            smlocal="0.2.0",
            scaled_limits=("ping_timeout=0.5",),
            architecture="arm64",
            asked={**SAMPLE.asked, "hyperparameters": {"a": "b"}, "samples": 2, "isolated": True, "channels": []},
        ),
    ),
    "older reports": compared(*(replace(SAMPLE, asked={}, size_bytes=None, architecture=None) for _ in "ab")),
    "one older report": compared(replace(SAMPLE, asked={}, size_bytes=None), SAMPLE),
    "the new one older": compared(SAMPLE, replace(SAMPLE, asked={}, size_bytes=None)),
    "a member that one knows": compared(replace(SAMPLE, asked={**SAMPLE.asked, "mood": "good"}), SAMPLE),
    "nothing in common": compared(of_findings(finding("SM101")), of_findings(finding("SM107"))),
    "nothing at all": compared(of_findings(), of_findings()),
    "only warnings": compared(of_findings(finding("SM110")), of_findings(finding("SM110", BROKEN))),
    "only warnings, which count": compared(of_findings(finding("SM110")), of_findings(finding("SM110", BROKEN)), True),
    "hostile text": compared(
        replace(of_findings(finding("SM305")), source="a\x1b[2J b\n"),
        replace(of_findings(*HOSTILE), image="\u2028x\udc80" * 40),
    ),
    "everything unjudged": compared(
        of_findings(*(finding(rule.id) for rule in RULES)),
        of_findings(*(finding(rule.id, NOT_JUDGED, seen=()) for rule in RULES)),
    ),
}


def document(report: ComparisonReport) -> dict[str, Any]:
    """As the command writes it."""
    whole = {"version": 1, "kind": "compare", **comparison_as_document(report)}
    found: dict[str, Any] = json.loads(json.dumps(whole, ensure_ascii=False))
    return found


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(comparison_schema())


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_keeps_to_the_schema_which_describes_every_member(name: str) -> None:
    whole = document(COMPARISONS[name])
    VALIDATOR.validate(whole)
    parts = comparison_schema()["$defs"]
    assert set(whole) == set(comparison_schema()["properties"])
    assert all(set(whole[side]) == set(parts["side"]["properties"]) for side in ("old", "new"))
    assert all(set(pair) == set(parts["pair"]["properties"]) for pair in whole["findings"])
    assert all(set(item) == set(parts["duration"]["properties"]) for item in whole["durations"])
    sides = [pair[side] for pair in whole["findings"] for side in ("old", "new") if pair[side] is not None]
    assert all(set(side) == set(parts["finding"]["properties"]) for side in sides)


def test_the_schema_knows_every_change() -> None:
    members = comparison_schema()["$defs"]["pair"]["properties"]
    assert members["change"]["enum"] == [change.value for change in Change]
    assert set(comparison_schema()["properties"]["counts"]["required"]) == set(
        document(COMPARISONS["nothing at all"])["counts"]
    )


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("another version", lambda found: found.update(version=2)),
    ("a report of a check", lambda found: found.update(kind="check")),
    ("no verdict", lambda found: found.pop("passed")),
    ("a change of its own", lambda found: found["findings"][0].update(change="nicer")),
    ("a change of what is not there", lambda found: found["findings"][0].update(old=None)),
    ("a rule of both that is in one", lambda found: found["findings"][0].update(change="in one only")),
    ("an outcome of its own", lambda found: found["findings"][0]["old"].update(outcome="skipped")),
    ("a duration of what nobody measures", lambda found: found["durations"][0].update(name="mood")),
    ("a time before the start", lambda found: found["durations"][0].update(old_seconds=-1)),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_the_schema_refuses(name: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    found = copy.deepcopy(document(COMPARISONS["one of each change"]))
    spoil(found)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(found)


def test_the_json_tells_what_became_of_each_rule_and_how_long_it_took() -> None:
    found = document(COMPARISONS["one of each change"])
    assert {pair["rule"]: pair["change"] for pair in found["findings"]} == {
        "SM101": "same",
        "SM107": "in one only",
        "SM110": "same",
        "SM201": "better",
        "SM305": "worse",
        "SM307": "judged in one only",
        "SM308": "judged in one only",
        "SM309": "judged in one only",
        "SM402": "in one only",
        "SM403": "in one only",
    }
    assert found["counts"] == {"worse": 1, "better": 1, "judged_in_one_only": 3, "in_one_only": 3, "same": 2}
    assert (found["passed"], found["times_comparable"]) == (False, True)
    assert [(item["name"], item["change"], item["runs"]) for item in found["durations"]] == [
        ("training", "slower", 1), ("start", None, 1), ("answers", "slower", 1),
    ]  # fmt: skip
    assert [(item["old_seconds"], item["new_seconds"], item["ratio"]) for item in found["durations"]] == [
        (2.0, 6.0, 3.0), (1.0, 1.2, 1.2), (0.004, 0.1, 25.0),
    ]  # fmt: skip
    follows = next(pair for pair in found["findings"] if pair["rule"] == "SM308")["new"]
    assert (follows["outcome"], follows["reason"]) == ("not judged", "it follows from SM305")


def test_times_of_examinations_that_were_asked_differently_are_not_judged() -> None:
    found = document(COMPARISONS["asked differently"])
    assert {item["what"]: (item["old"], item["new"], item["affects_times"]) for item in found["differences"]} == {
        "smlocal": ("0.1.0", "0.2.0", False),
        "limits that are not SageMaker's": ([], ["ping_timeout=0.5"], True),
        "the image's architecture": ("amd64", "arm64", True),
        "network isolation": (False, True, True),
        "channels": (["train"], [], True),
        "hyperparameters": ({"n_estimators": "20"}, {"a": "b"}, True),
        "sample requests": (1, 2, True),
    }
    assert not found["times_comparable"] and {item["change"] for item in found["durations"]} == {None}


ALIKE = [
    ("older reports", []),
    ("the same twice", []),
    ("a member that one knows", []),
    ("one older report", [("what was asked", "not told", "told")]),
    ("the new one older", [("what was asked", "told", "not told")]),
]


@pytest.mark.parametrize(("name", "expected"), ALIKE)
def test_a_difference_is_one_that_both_know_of(name: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(item.what, item.old, item.new) for item in COMPARISONS[name].differences] == expected


def test_runs_that_only_one_made_are_a_difference_that_spoils_no_time() -> None:
    report = compared(saved(**FAST), saved(training=FAST["training"], serving={"hard": served(9.0, network=True)}))
    (difference,) = report.differences
    assert (difference.old, difference.new) == (["serve without network"], ["serve with network"])
    assert report.comparable and [item.name for item in report.durations] == ["training"]


@pytest.mark.parametrize("every", [False, True], ids=["short", "everything"])
@pytest.mark.parametrize("name", COMPARISONS)
def test_no_line_is_wider_than_a_terminal_nor_obeyed_by_one(name: str, every: bool) -> None:
    for line in comparison_as_text(COMPARISONS[name], every=every).split("\n"):
        assert len(line) <= 80, line
        assert line.isprintable()


@given(st.text(alphabet=st.characters(), max_size=200))
def test_whatever_a_container_writes_stays_in_its_lines(text: str) -> None:
    old, new = finding("SM305"), finding("SM305", BROKEN, seen=(text, f"| {text}"))
    unjudged = finding("SM307", NOT_JUDGED, seen=(text,))
    said = comparison_as_text(compared(of_findings(old, finding("SM307")), of_findings(new, unjudged)), every=True)
    assert said.replace("\n", "").isprintable()
    assert max(len(line) for line in said.split("\n")) <= 80
    marks = [line[:15] for line in said.split("\n") if line.startswith(("WORSE", "BETTER", "NO CHANGE"))]
    assert marks == ["WORSE   SM305 k", "WORSE new.json:"]


VERDICTS = [
    (
        "one of each change",
        "WORSE new.json: 1 worse, 1 better, 3 judged in one only, 3 in one report only, slower training, slower"
        " answers",
    ),
    ("the same twice", "NO CHANGE new.json: 0 worse, 0 better"),
    ("nothing in common", "UNCLEAR new.json: 0 worse, 0 better, 2 in one report only"),
    ("nothing at all", "UNCLEAR new.json: 0 worse, 0 better"),
    ("only warnings", "WORSE new.json: 1 worse, 0 better; new warnings fail nothing without --strict"),
    ("only warnings, which count", "WORSE new.json: 1 worse, 0 better"),
    ("everything unjudged", f"UNCLEAR new.json: 0 worse, 0 better, {len(RULES)} judged in one only"),
    ("asked differently", "NO CHANGE new.json: 0 worse, 0 better"),
]


@pytest.mark.parametrize(("name", "verdict"), VERDICTS)
def test_the_verdict_comes_last(name: str, verdict: str) -> None:
    said = comparison_as_text(COMPARISONS[name]).splitlines()
    begin = max(number for number, line in enumerate(said) if not line.startswith("  "))
    assert " ".join(line.strip() for line in said[begin:]) == verdict


PASSED = {name: report.passed for name, report in COMPARISONS.items()}


def test_only_new_errors_fail_and_new_warnings_where_they_count() -> None:
    failed = {name for name, passed in PASSED.items() if not passed}
    assert failed == {"one of each change", "the other way", "only warnings, which count", "hostile text"}


def test_the_whole_text() -> None:
    assert comparison_as_text(COMPARISONS["one of each change"]).splitlines() == [
        "WORSE   SM305 kept -> error: GET /ping waits until a running invocation is over",
        "        GET /ping: 200 in 9.80 s",
        "        | Traceback",
        "        a",
        "BETTER  SM201 error -> kept: Training fails on good data",
        "",
        "judged in one only, which counts neither as better nor as worse:",
        "  SM307 error -> not judged: A sample request is not answered as it should be",
        "        (no sample request is configured)",
        "  kept -> not judged (it follows from SM305): SM308, SM309",
        "",
        "broken as before: SM110 (warning)",
        "rules that only the old report has: SM107 (warning)",
        "rules that only the new report has: SM402 (error), SM403",
        "",
        "                     old         new",
        "training          2.00 s      6.00 s  slower: 3.0 times as long",
        "start             1.00 s      1.20 s",
        "answers           4.0 ms      0.10 s  slower: 25.0 times as long",
        "image size        0.0 MB      0.0 MB",
        "measured once; a difference is noise below 2 s or 50% (training, start), 20 ms",
        "  or 100% (answers)",
        "",
        "old: old.json, a report on shop/model:1 (failed)",
        "new: new.json, a report on shop/model:1 (failed)",
        "WORSE new.json: 1 worse, 1 better, 3 judged in one only, 3 in one report only,",
        "  slower training, slower answers",
    ]


def test_what_is_allowed_and_the_runs_of_one_only_are_told_apart() -> None:
    allowed = compared(saved(finding("SM110")), saved(finding("SM110", Outcome.BROKEN, allowed="not ours")))
    assert comparison_as_text(allowed).startswith("WORSE   SM110 kept -> warning, allowed: USER is not root\n")
    said = comparison_as_text(compared(SAMPLE, replace(SAMPLE, runs=())))
    assert "runs of one only: train without network; serve with" in " ".join(said.split())


def test_everything_names_all_rules_and_all_that_was_seen() -> None:
    short, whole = (comparison_as_text(COMPARISONS["everything unjudged"], every=every) for every in (False, True))
    assert f"kept -> not judged (no sample request is configured): {len(RULES)} rules" in " ".join(short.split())
    assert all(rule.id in whole for rule in RULES)
    assert "\n        b\n" in comparison_as_text(COMPARISONS["one of each change"], every=True)


def test_how_the_examinations_differ_is_told_and_times_are_not_compared_then() -> None:
    said = comparison_as_text(COMPARISONS["asked differently"])
    assert "  limits that are not SageMaker's: none -> ping_timeout=0.5\n" in said
    assert '  hyperparameters: {"n_estimators": "20"} -> {"a": "b"}\n' in said
    assert "  network isolation: no -> yes\n" in said
    assert "times of examinations that differ so are not compared\n" in said
    assert "slower" not in said and "noise" not in said


SIZES = [
    (100_000_000, 150_000_000, "image size      100.0 MB    150.0 MB  50% larger"),
    (100_000_000, 99_000_000, "image size      100.0 MB     99.0 MB  1% smaller"),
    (100_000_000, 100_900_000, "image size      100.0 MB    100.9 MB"),
    (0, 100_000_000, "image size        0.0 MB    100.0 MB"),
]


@pytest.mark.parametrize(("old", "new", "line"), SIZES)
def test_a_size_is_told_and_its_change_from_one_per_cent_on(old: int, new: int, line: str) -> None:
    report = compared(replace(SAMPLE, size_bytes=old), replace(SAMPLE, size_bytes=new))
    assert line in comparison_as_text(report).splitlines()


def test_a_time_of_nothing_has_no_ratio() -> None:
    old = replace(SAMPLE, runs=tuple(replace(run, program=0.0) for run in SAMPLE.runs))
    assert "training          0.0 ms      2.00 s  slower\n" in comparison_as_text(compared(old, SAMPLE))


states = st.sampled_from(
    [
        {"outcome": Outcome.KEPT},
        {"outcome": BROKEN, "severity": Severity.ERROR},
        {"outcome": BROKEN, "severity": Severity.WARNING},
        {"outcome": NOT_JUDGED, "seen": ()},
        {"outcome": Outcome.NOT_APPLICABLE, "seen": ()},
    ]
)
verdicts = st.dictionaries(st.sampled_from([rule.id for rule in RULES]), states, max_size=15).map(
    lambda found: of_findings(*(finding(rule, **state) for rule, state in found.items()))
)


@given(verdicts, verdicts)
def test_every_change_is_in_the_text_and_all_of_it_keeps_to_the_schema(old: SavedReport, new: SavedReport) -> None:
    report = compared(old, new)
    VALIDATOR.validate(document(report))
    said = comparison_as_text(report, every=True)
    for pair in report.comparison.pairs:
        if pair.change is not Change.SAME or pair.latest.outcome is BROKEN:
            assert pair.rule in said
    assert sorted(line[8:13] for line in said.splitlines() if line.startswith(("WORSE   ", "BETTER  "))) == sorted(
        pair.rule for change in (Change.WORSE, Change.BETTER) for pair in report.comparison.of(change)
    )


def test_new_errors_come_first_then_new_warnings_then_what_is_better() -> None:
    old = of_findings(finding("SM101", BROKEN), finding("SM110"), finding("SM305"))
    new = of_findings(finding("SM101"), finding("SM110", BROKEN), finding("SM305", BROKEN))
    said = comparison_as_text(compared(old, new)).splitlines()
    marked = [line[:13] for line in said if line.startswith(("WORSE   ", "BETTER  "))]
    assert marked == ["WORSE   SM305", "WORSE   SM110", "BETTER  SM101"]


@given(verdicts)
def test_a_report_beside_itself_tells_of_no_change(verdict: SavedReport) -> None:
    report = compared(verdict, verdict)
    word = "NO CHANGE" if report.comparison.says_something else "UNCLEAR"
    assert comparison_as_text(report).splitlines()[-1] == f"{word} new.json: 0 worse, 0 better"
    assert report.passed and report.differences == () and report.told() == ()

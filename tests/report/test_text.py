"""The report for a terminal: short, of 80 columns, the verdict last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Outcome, Reason
from smlocal.report import as_text
from tests.report.reports import REPORTS, finding, report


def lines(name: str, every: bool = False) -> list[str]:
    return as_text(REPORTS[name], every=every).splitlines()


@pytest.mark.parametrize("every", [False, True], ids=["short", "everything"])
@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_a_terminal_nor_obeyed_by_one(name: str, every: bool) -> None:
    for line in lines(name, every):
        assert len(line) <= 80, line
        assert line.isprintable()


@given(st.text(alphabet=st.characters(), max_size=200))
def test_whatever_a_container_writes_stays_in_its_lines(text: str) -> None:
    unjudged = finding("SM307", Outcome.NOT_JUDGED, seen=(text,))
    broken = finding("SM305", Outcome.BROKEN, seen=(text, f"| {text}"), sagemaker=text)
    said = as_text(report(broken, unjudged), every=True)
    assert said.replace("\n", "").isprintable()
    assert max(len(line) for line in said.split("\n")) <= 80
    assert [line for line in said.split("\n") if line.startswith(("ERROR", "FAILED", "PASSED"))] == [
        "ERROR SM305 GET /ping waits until a running invocation is over",
        "ERROR   SM305 GET /ping waits until a running invocation is over",
        "FAILED shop/model:1: 1 error, 0 warnings (9 s)",
    ]


VERDICTS = [
    ("one of each outcome", "FAILED shop/model:1: 1 error, 1 warning (9 s)"),
    ("warnings only", "PASSED shop/model:1: 0 errors, 1 warning (9 s)"),
    ("warnings that count", "FAILED shop/model:1: 0 errors, 1 warning, and warnings count (--strict) (9 s)"),
    ("nothing configured", "PASSED shop/model:1: 0 errors, 0 warnings, 1 not judged (9 s)"),
    ("everything kept", "PASSED shop/model:1: 0 errors, 0 warnings (9 s)"),
]


@pytest.mark.parametrize(("name", "verdict"), VERDICTS)
def test_the_verdict_is_the_last_line(name: str, verdict: str) -> None:
    assert lines(name)[-1] == verdict


def test_a_good_image_takes_two_lines() -> None:
    assert lines("everything kept") == [
        f"{len(RULES)} clauses kept, 0 not applicable, 0 not judged",
        "PASSED shop/model:1: 0 errors, 0 warnings (9 s)",
    ]


def test_what_is_broken_comes_first_with_what_was_seen_what_sagemaker_says_and_the_fix() -> None:
    said = lines("one of each outcome")
    assert said[:5] == [
        "ERROR SM305 GET /ping waits until a running invocation is over",
        "  seen      GET /ping: 200 in 9.80 s",
        "            | Traceback",
        "  SageMaker 424 ModelError",
        "  fix       Answer /ping from another thread, worker or process than",
    ]
    assert said.index("WARNING SM110 USER is not root") > 5


def test_a_container_keeps_the_columns_of_its_lines() -> None:
    said = as_text(report(finding("SM201", Outcome.BROKEN, seen=("exit code 1", "|   File x", "| a\tb"))))
    assert "            |   File x\n            | a     b\n" in said


def test_what_was_not_judged_says_what_was_seen_and_names_a_few_rules() -> None:
    follows = {"reason": Reason.FOLLOWS, "follows": "SM104", "seen": ()}
    served = [rule.id for rule in RULES if rule.id.startswith("SM3")]
    findings = [
        finding("SM307", Outcome.NOT_JUDGED, seen=("the sample itself fails",), reason=Reason.INCONCLUSIVE),
        finding("SM201", Outcome.NOT_JUDGED, seen=(), reason=Reason.NO_TRAINING_DATA),
        finding("SM202", Outcome.NOT_JUDGED, seen=(), reason=Reason.NO_TRAINING_DATA),
        *(finding(identifier, Outcome.NOT_JUDGED, **follows) for identifier in served),
    ]
    assert as_text(report(*findings)).splitlines()[:4] == [
        "not judged:",
        "  what was seen does not decide it (the sample itself fails): SM307",
        "  no training data is configured (check.training.channels): SM201, SM202",
        f"  it follows from SM104: {len(served)} rules",
    ]
    assert f"  it follows from SM104: {', '.join(served)[:20]}" in as_text(report(*findings), every=True)


def test_many_findings_are_listed_once_more_before_the_verdict() -> None:
    broken = [finding(rule.id, Outcome.BROKEN) for rule in RULES[:4]]
    said = as_text(report(*broken)).splitlines()
    listed = [line for line in said if line.startswith("ERROR   SM")]
    assert [line[8:13] for line in listed] == [rule.id for rule in RULES[:4]]
    assert said.index(listed[-1]) > len(said) - 6


def test_everything_tells_why_the_runs_and_what_is_kept() -> None:
    said = "\n".join(lines("one of each outcome", every=True))
    assert "  why       SageMaker goes on pinging while it sends invocations." in said
    assert "kept:\n  SM101 architecture-is-not-the-targets: what was seen" in said
    assert "not applicable:\n  SM107 entrypoint-in-shell-form: the image gives no occasion for it" in said
    assert "runs:\n  train without network: Failed in 2.2 s\n  serve without network: not healthy, 0 requests" in said


def test_scaled_limits_are_told() -> None:
    assert "limits that are not SageMaker's: ping_timeout=0.5, start_window=3.0" in lines("scaled limits")

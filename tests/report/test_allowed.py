"""What is broken and may be, in every form of a report: with its reason, and as no failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from smlocal.contract import Outcome
from smlocal.report import Report, as_code_quality, as_document, as_html, as_junit, as_markdown, as_sarif, as_text
from tests.report.reports import ALLOWANCES, REPORTS, finding, report

REASON = "the base image is not ours"
REPORT = REPORTS["what is broken and may be"]
FORMS: list[Callable[[Report], str]] = [as_text, as_html, as_junit, as_markdown, as_sarif]


def test_it_fails_nothing_even_where_warnings_count() -> None:
    assert REPORT.passed
    assert not report(*REPORT.verdict.findings, finding("SM302", Outcome.BROKEN), allowances=ALLOWANCES).passed


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_the_reason(form: Callable[[Report], str]) -> None:
    assert REASON in form(REPORT)


@pytest.mark.parametrize("form", [as_text, as_html, as_markdown])
def test_an_allowance_that_is_not_needed_is_told(form: Callable[[Report], str]) -> None:
    (line,) = [line for line in form(REPORT).splitlines() if "llowed, but not" in line]
    assert "SM101" in line and "SM110" not in line.partition("llowed, but not")[2].partition("</p>")[0]


def test_text_says_it_last_with_a_mark_of_its_own() -> None:
    lines = as_text(REPORT).splitlines()
    assert "ALLOWED SM110 " in lines[0]
    assert "  allowed   the base image is not ours" in lines
    assert lines[-1] == "PASSED shop/model:1: 0 errors, 0 warnings, 2 allowed (9 s)"


def test_text_tells_which_unjudged_rules_an_allowed_one_hides() -> None:
    hidden = [finding(f"SM20{last}", Outcome.NOT_JUDGED, seen=(), follows="SM110") for last in (1, 2)]
    said = as_text(report(finding("SM110", Outcome.BROKEN, allowed=REASON), *hidden, allowances=ALLOWANCES))
    assert "  it follows from SM110, which is allowed: SM201, SM202\n" in said
    assert "which is allowed" not in as_text(report(finding("SM110", Outcome.BROKEN), *hidden))


def test_json_has_the_allowances_and_the_reasons() -> None:
    found = as_document(REPORT)
    assert [(item["rule"], item["needed"]) for item in found["allowances"]] == [
        ("SM101", False),
        ("SM110", True),
        ("SM305", True),
    ]
    assert [item["allowed"] for item in found["findings"]][:2] == [None, REASON]
    assert (found["counts"]["errors"], found["counts"]["warnings"], found["counts"]["allowed"]) == (0, 0, 2)


def test_junit_skips_it_and_keeps_what_was_seen() -> None:
    suite = ElementTree.fromstring(as_junit(REPORT).encode())[0]
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("0", "2")
    skipped = suite[1].find("skipped")
    assert skipped is not None and skipped.attrib["message"] == f"broken, allowed: {REASON}"
    assert "what was seen" in (skipped.text or "")


def test_sarif_has_it_as_suppressed_and_the_others_as_not() -> None:
    found = json.loads(as_sarif(report(*REPORT.verdict.findings, finding("SM302", Outcome.BROKEN))))
    suppressions = {item["ruleId"]: item["suppressions"] for item in found["runs"][0]["results"]}
    assert suppressions["SM110"] == [{"kind": "external", "status": "accepted", "justification": REASON}]
    assert suppressions["SM302"] == []


def test_markdown_has_its_row_after_what_counts() -> None:
    rows = [line for line in as_markdown(REPORT).splitlines() if line.startswith("| SM")]
    assert rows[0].startswith("| SM110 | warning, allowed |") and rows[0].endswith(f"| Allowed: {REASON} |")


def test_code_quality_which_has_no_word_for_it_leaves_it_out() -> None:
    assert json.loads(as_code_quality(REPORT)) == []

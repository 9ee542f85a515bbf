"""GitLab's Code Quality report: what its page asks of each object."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import Outcome
from smlocal.report import Report, as_code_quality
from tests.report.reports import REPORTS, finding, report

# https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
TEXT = {"type": "string", "minLength": 1}
LINES = {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}
ISSUE = {
    "type": "object",
    "required": ["description", "check_name", "fingerprint", "severity", "location"],
    "properties": {
        "description": TEXT,
        "check_name": TEXT,
        "fingerprint": TEXT,
        "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
        "location": {
            "type": "object",
            "required": ["path", "lines"],
            "properties": {"path": {"type": "string", "pattern": "^(?!\\./|/)."}, "lines": LINES},
        },
    },
}
VALIDATOR = jsonschema.Draft202012Validator({"type": "array", "items": ISSUE})


def issues(of: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(as_code_quality(of))
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_what_gitlab_asks_for_with_fingerprints_of_their_own(name: str) -> None:
    found = issues(REPORTS[name])
    VALIDATOR.validate(found)
    assert len({issue["fingerprint"] for issue in found}) == len(found)


def test_only_what_is_broken_is_told_at_the_file_that_the_image_is_built_from() -> None:
    found = issues(replace(REPORTS["one of each outcome"], file="images/model/Dockerfile"))
    assert [(issue["check_name"], issue["severity"]) for issue in found] == [
        ("smlocal/SM110", "minor"),
        ("smlocal/SM305", "critical"),
    ]
    assert {issue["location"]["path"] for issue in found} == {"images/model/Dockerfile"}
    assert found[1]["description"] == (
        "SM305 GET /ping waits until a running invocation is over: GET /ping: 200 in 9.80 s (shop/model:1)"
    )


@given(st.text(max_size=20))
def test_a_description_is_one_visible_line(text: str) -> None:
    (issue,) = issues(report(finding("SM305", Outcome.BROKEN, seen=(text,))))
    assert issue["description"].isprintable()

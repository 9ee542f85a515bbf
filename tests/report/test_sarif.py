"""The SARIF report against the schema of SARIF 2.1.0."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Outcome
from smlocal.report import Report, as_sarif
from tests.report.reports import REPORTS, finding, report

_SCHEMAS = Path(__file__).resolve().parents[2] / "fixtures" / "schemas"
VALIDATOR = jsonschema.Draft4Validator(json.loads((_SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")))


def sarif(report: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_sarif(report))
    return found


def results(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sarif(report)["runs"][0]["results"]
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_to_the_schema_and_its_references_lead_somewhere(name: str) -> None:
    log = sarif(REPORTS[name])
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = (inner for location in result["locations"] for inner in location["logicalLocations"])
        assert run["logicalLocations"][place.pop("index")] == place


def test_every_result_has_what_github_asks_for() -> None:
    """A physical location with all four numbers, a fingerprint of its own name, texts of 1024 letters at most."""
    (run,) = sarif(replace(REPORTS["one of each outcome"], file="images/my model/Dockerfile"))["runs"]
    for result in run["results"]:
        (location,) = result["locations"]
        assert location["physicalLocation"] == {
            "artifactLocation": {"uri": "images/my%20model/Dockerfile"},
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
        }
        assert re.fullmatch("[0-9a-f]{32}:1", result["partialFingerprints"]["primaryLocationLineHash"])
    described = run["tool"]["driver"]["rules"]
    texts = [rule[part]["text"] for rule in described for part in ("shortDescription", "fullDescription")]
    assert max(len(text) for text in texts) <= 1024


def test_an_alert_outlives_the_images_tag_but_not_its_name_or_rule() -> None:
    def hashes(image: str, *rules: str) -> list[str]:
        found = results(report(*(finding(rule, Outcome.BROKEN) for rule in rules), image=image))
        return [result["partialFingerprints"]["primaryLocationLineHash"] for result in found]

    first = hashes("host:5000/shop/model:1", "SM110", "SM305")
    assert first == hashes("host:5000/shop/model:2", "SM110", "SM305") != hashes("shop/model", "SM110", "SM305")
    assert len(set(first)) == 2


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("another version", lambda log: log.update(version="2.0.0")),
    ("no tool", lambda log: log["runs"][0].pop("tool")),
    ("a level of its own", lambda log: log["runs"][0]["results"][0].update(level="fatal")),
    ("a result that says nothing", lambda log: log["runs"][0]["results"][0].pop("message")),
    ("a member of its own", lambda log: log["runs"][0]["results"][0].update(fix="f")),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_the_schema_refuses(name: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    log = sarif(REPORTS["one of each outcome"])
    spoil(log)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(log)


def test_every_rule_is_described_with_its_help() -> None:
    described = sarif(REPORTS["nothing selected"])["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in described] == [rule.id for rule in RULES]
    assert [rule["defaultConfiguration"]["level"] for rule in described] == [rule.severity.value for rule in RULES]
    texts = [rule[part]["text"] for rule in described for part in ("shortDescription", "fullDescription", "help")]
    assert all(text.strip() for text in texts)
    assert all("Fix: " in rule["help"]["text"] and "Source: " in rule["help"]["text"] for rule in described)


def test_only_what_is_broken_is_a_result_with_the_level_that_was_found() -> None:
    found = results(REPORTS["one of each outcome"])
    assert [(item["ruleId"], item["level"]) for item in found] == [("SM110", "warning"), ("SM305", "error")]
    said = found[1]["message"]["text"].splitlines()
    assert said[0] == "GET /ping waits until a running invocation is over."
    assert said[1:4] == ["GET /ping: 200 in 9.80 s", "| Traceback", "SageMaker: 424 ModelError"]
    assert said[4].startswith("Fix: Answer /ping from another thread")


def test_a_result_is_the_same_one_in_the_next_report() -> None:
    first, second = (report(finding("SM110", Outcome.BROKEN, seen=(seen,))) for seen in ("uid 1", "uid 2"))
    assert results(first)[0]["partialFingerprints"] == results(second)[0]["partialFingerprints"]


@given(st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="{}[]()0\\a\x1b", max_size=20))
def test_what_a_container_writes_is_neither_placeholder_nor_link(text: str) -> None:
    (result,) = results(report(finding("SM305", Outcome.BROKEN, seen=(text,), sagemaker=text, fix="f")))
    said = result["message"]["text"]
    assert re.sub(r"\{\{|\}\}", "", said).count("{") == re.sub(r"\{\{|\}\}", "", said).count("}") == 0
    assert "](" not in said
    assert all(line.isprintable() for line in said.split("\n"))

"""The JSON report against the schema that is published with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from smlocal.contract import Outcome, Reason, Severity
from smlocal.report import Report, as_document, schema
from tests.report.reports import REPORTS

VALIDATOR = jsonschema.Draft202012Validator(schema())


def document(report: Report) -> dict[str, Any]:
    """As the command writes it."""
    text = json.dumps({"version": 1, "kind": "check", **as_document(report)}, ensure_ascii=False)
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_to_the_schema(name: str) -> None:
    VALIDATOR.validate(document(REPORTS[name]))


@pytest.mark.parametrize("name", REPORTS)
def test_the_schema_describes_every_member_that_is_written(name: str) -> None:
    whole = document(REPORTS[name])
    parts = schema()["$defs"]
    assert set(whole) == set(schema()["properties"])
    assert all(set(item) == set(parts["finding"]["properties"]) for item in whole["findings"])
    kinds = {"train": "training", "serve": "serving"}
    assert all(set(run) == set(parts[kinds[run["word"]]]["properties"]) for run in whole["runs"])


def test_the_schema_knows_every_outcome_and_severity() -> None:
    members = schema()["$defs"]["finding"]["properties"]
    assert members["outcome"]["enum"] == [outcome.value for outcome in Outcome]
    assert members["severity"]["enum"] == [severity.value for severity in Severity]


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("another version", lambda found: found.update(version=2)),
    ("no verdict", lambda found: found.pop("passed")),
    ("a rule without its number", lambda found: found["findings"][0].update(rule="SM")),
    ("an outcome of its own", lambda found: found["findings"][0].update(outcome="skipped")),
    ("kept for a reason", lambda found: found["findings"][0].update(reason="because")),
    ("not applicable without a reason", lambda found: found["findings"][1].update(reason=None)),
    ("broken without a fix", lambda found: found["findings"][2].update(fix=None)),
    ("broken and nothing seen", lambda found: found["findings"][2].update(seen=[])),
    ("a run that neither trains nor serves", lambda found: found["runs"][0].update(word="dance")),
    ("a count that is none", lambda found: found["counts"].update(kept=-1)),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_the_schema_refuses(name: str, spoil: Callable[[dict[str, Any]], object]) -> None:
    found = copy.deepcopy(document(REPORTS["one of each outcome"]))
    spoil(found)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(found)


def test_the_counts_and_findings_are_the_verdicts() -> None:
    found = document(REPORTS["one of each outcome"])
    assert found["passed"] is False
    assert found["image"] == {"reference": "shop/model:1", "id": "sha256:1e59"}
    assert found["counts"] == {"errors": 1, "warnings": 1, "kept": 1, "not_applicable": 1, "not_judged": 2}
    explained = next(item for item in found["findings"] if item["rule"] == "SM201")
    assert (explained["outcome"], explained["reason"], explained["follows"]) == (
        "not judged", Reason.FOLLOWS.value, "SM103",
    )  # fmt: skip


def test_the_runs_say_what_became_of_them() -> None:
    trained, sick, served = document(REPORTS["warnings only"])["runs"]
    assert (trained["status"], trained["exit_code"], trained["failure_reason"], trained["seconds"]) == (
        "Failed", 1, "AlgorithmError: , exit code: 1", 2.25,
    )  # fmt: skip
    assert (sick["status"], sick["seconds_to_healthy"], sick["failure_reason"]) == ("Failed", None, "sick")
    assert (served["name"], served["conditions"], served["status"]) == ("easy", "with network", "InService")


@pytest.mark.parametrize(
    ("name", "passed"), [("warnings only", True), ("warnings that count", False), ("everything kept", True)]
)
def test_warnings_fail_an_image_only_where_they_count(name: str, passed: bool) -> None:
    assert document(REPORTS[name])["passed"] is passed

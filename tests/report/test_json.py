"""The JSON report against the schema that is published with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from smlocal.contract import Outcome, Reason, Severity
from smlocal.evidence import Asked, Examination, Exchange
from smlocal.report import schema
from tests.report.reports import IMAGE, REPORTS, SERVED
from tests.report.saved import document, trained

NEWER = {
    "alone",
    "program_seconds",
    "sample_seconds",
    "seconds",
}  # of runs; a training's `seconds` were there from the first
VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_to_the_schema(name: str) -> None:
    VALIDATOR.validate(document(REPORTS[name]))


@pytest.mark.parametrize("name", REPORTS)
def test_the_schema_describes_every_member_that_is_written(name: str) -> None:
    whole = document(REPORTS[name])
    parts = schema()["$defs"]
    members = schema()["properties"]
    assert set(whole) == set(members)
    assert all(set(whole[part]) == set(members[part]["properties"]) for part in ("image", "asked"))
    assert all(set(item) == set(parts["finding"]["properties"]) for item in whole["findings"])
    kinds = {"train": "training", "serve": "serving"}
    assert all(set(run) == set(parts[kinds[run["word"]]]["properties"]) for run in whole["runs"])


def test_the_schema_knows_every_outcome_and_severity() -> None:
    members = schema()["$defs"]["finding"]["properties"]
    assert members["outcome"]["enum"] == [outcome.value for outcome in Outcome]
    assert members["severity"]["enum"] == [severity.value for severity in Severity]


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_lacks_what_came_later_keeps_to_the_schema_too(name: str) -> None:
    whole = document(REPORTS[name])
    del whole["asked"], whole["examined_at"], whole["configuration"], whole["allowances"], whole["counts"]["allowed"]
    for item in whole["findings"]:
        del item["allowed"]
    del whole["image"]["size_bytes"], whole["image"]["architecture"]
    for run in whole["runs"]:
        for member in NEWER & set(run):
            if not (run["word"] == "train" and member == "seconds"):
                del run[member]
    VALIDATOR.validate(whole)


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
    ("times of no answer", lambda found: found["runs"][2]["sample_seconds"].update(count=0)),
    ("a size in words", lambda found: found["image"].update(size_bytes="1 GB")),
    ("kept, and allowed to be broken", lambda found: found["findings"][0].update(allowed="because")),
    ("allowed for no reason", lambda found: found["findings"][2].update(allowed="")),
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
    assert found["image"] == {
        "reference": "shop/model:1", "id": "sha256:1e59", "architecture": "amd64", "size_bytes": 1,
    }  # fmt: skip
    assert found["counts"] == {
        "errors": 1,
        "warnings": 1,
        "kept": 1,
        "not_applicable": 1,
        "not_judged": 2,
        "allowed": 0,
    }
    explained = next(item for item in found["findings"] if item["rule"] == "SM201")
    assert (explained["outcome"], explained["reason"], explained["follows"]) == (
        "not judged", Reason.FOLLOWS.value, "SM103",
    )  # fmt: skip


def test_the_runs_say_what_became_of_them() -> None:
    failed, sick, served = document(REPORTS["warnings only"])["runs"]
    assert (failed["status"], failed["exit_code"], failed["failure_reason"], failed["seconds"]) == (
        "Failed", 1, "AlgorithmError: , exit code: 1", 2.25,
    )  # fmt: skip
    assert (sick["status"], sick["seconds_to_healthy"], sick["failure_reason"]) == ("Failed", None, "sick")
    assert (served["name"], served["conditions"], served["status"]) == ("easy", "with network", "InService")
    assert (failed["program_seconds"], sick["seconds"], served["seconds"]) == (None, None, 4.0)


def test_a_programs_own_time_is_that_from_its_start_to_its_exit() -> None:
    examination = Examination(Asked(), IMAGE, {"hard": trained(1.75)}, {})
    (run,) = document(replace(REPORTS["warnings only"], examination=examination))["runs"]
    assert (run["seconds"], run["program_seconds"]) == (2.75, 1.75)


def test_what_was_asked_is_told_as_far_as_times_depend_on_it() -> None:
    assert document(REPORTS["warnings only"])["asked"] == {
        "architecture": "amd64",
        "instance_type": "ml.m5.large",
        "isolated": False,
        "training": True,
        "serving": True,
        "channels": ["train"],
        "hyperparameters": {"n_estimators": "20"},
        "samples": 1,
        "model_given": False,
    }


def of_sample(seconds: float, probe: str = "sample", **changes: Any) -> Exchange:
    return Exchange(**{"probe": probe, "request": "r", "began": 0.0, "seconds": seconds, "status": 200, **changes})


TIMES: list[tuple[str, list[Exchange], dict[str, Any] | None]] = [
    ("none was sent", [], None),
    ("samples", [of_sample(0.1), of_sample(0.25)], {"count": 2, "median": 0.175, "most": 0.25}),
    (
        "one caller's, too",
        [of_sample(0.1), of_sample(0.2, "one caller", sample=0), of_sample(0.6, "one caller", sample=0)],
        {"count": 3, "median": 0.2, "most": 0.6},
    ),
    (
        "not the longer body",
        [of_sample(0.1), of_sample(9.0, "one caller", sample=1)],
        {"count": 1, "median": 0.1, "most": 0.1},
    ),
    ("not what many callers wait", [of_sample(0.1, "many callers", sample=0)], None),
    (
        "not what is refused",
        [of_sample(0.1, status=415), of_sample(0.1, status=500), of_sample(9.0, status=None)],
        None,
    ),
]


@pytest.mark.parametrize(("name", "exchanges", "expected"), TIMES, ids=[name for name, *_ in TIMES])
def test_the_seconds_of_samples_are_those_of_good_answers_sent_alone(
    name: str, exchanges: list[Exchange], expected: dict[str, Any] | None
) -> None:
    served = replace(SERVED, exchanges=tuple(exchanges))
    examination = Examination(Asked(samples=1), IMAGE, {}, {"hard": served})
    whole = document(replace(REPORTS["warnings only"], examination=examination))
    VALIDATOR.validate(whole)
    assert whole["runs"][0]["sample_seconds"] == expected


@pytest.mark.parametrize(
    ("name", "passed"), [("warnings only", True), ("warnings that count", False), ("everything kept", True)]
)
def test_warnings_fail_an_image_only_where_they_count(name: str, passed: bool) -> None:
    assert document(REPORTS[name])["passed"] is passed

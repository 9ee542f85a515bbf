"""The built-in XGBoost algorithm gets the service's own metric definitions, and they match what it prints.

Source: DescribeTrainingJob of a 1.5-1 job, observed 2025-05.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from smlocal.metrics import MetricScanner, escape
from smlocal.training.built_in import with_metric_definitions


def definitions(**parameters: str) -> dict[str, str]:
    request: dict[str, Any] = {"AlgorithmSpecification": {"TrainingImage": "x"}, "HyperParameters": parameters}
    found = with_metric_definitions(request)["AlgorithmSpecification"].get("MetricDefinitions", [])
    return {item["Name"]: item["Regex"] for item in found}


@pytest.mark.parametrize(
    ("objective", "names"),
    [
        ("reg:squarederror", {"train:rmse", "validation:r2"}),
        ("binary:logistic", {"train:auc", "validation:aucpr"}),
        ("multi:softmax", {"train:merror", "validation:mlogloss"}),
    ],
)
def test_the_objective_chooses_the_definitions(objective: str, names: set[str]) -> None:
    found = definitions(objective=objective)
    assert names <= found.keys()
    assert len(found) <= 40  # API: MetricDefinitionList


def test_the_regex_is_the_services_own_byte_for_byte() -> None:
    assert definitions()["train:rmse"] == (r".*\[[0-9]+\].*#011train-rmse:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*")


def test_they_match_the_lines_that_the_container_prints() -> None:
    found = definitions(objective="multi:softmax")
    scanner = MetricScanner({"Name": name, "Regex": regex} for name, regex in found.items())
    line = escape("[3]\ttrain-merror:0.00833\tvalidation-merror:0.06667")
    values = {metric.name: metric.value for metric in scanner.scan(line, datetime.now(timezone.utc))}
    assert values == {"train:merror": 0.00833, "validation:merror": 0.06667}


def test_definitions_of_the_user_are_left_alone() -> None:
    mine = [{"Name": "mine", "Regex": "x=(.*)"}]
    request = {"AlgorithmSpecification": {"MetricDefinitions": mine}}
    assert with_metric_definitions(request)["AlgorithmSpecification"]["MetricDefinitions"] == mine


def test_a_script_of_the_users_gets_none() -> None:
    assert definitions(sagemaker_program="train.py") == {}

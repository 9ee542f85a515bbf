"""The three labs: what is held out, what counts as right, and the whole of it on real containers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smlocal.demo import Outcome, agreement, features, split, xgboost_uri
from smlocal.images.aws_registries import parse_ecr
from smlocal.shipped import iris_csv
from tests.cli.conftest import Said, host, smlocal

__all__ = ["host", "smlocal"]

ROWS = iris_csv().read_text().splitlines()


def test_thirty_rows_are_held_out_ten_of_each_class() -> None:
    train, test = split(ROWS)
    assert (len(train), len(test)) == (120, 30)
    assert sorted(train + test) == sorted(ROWS)
    assert [sum(row.startswith(label) for row in test) for label in "012"] == [10, 10, 10]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"0.0,1.0,2.0", 1.0),
        (b"0\n1\n2\n", 1.0),
        (b"0.0,1.0,1.0", 2 / 3),
        (b"0,1", 2 / 3),
        (b"0,1,2,2", 3 / 4),
        (b"", 0.0),
    ],
)
def test_missing_and_surplus_predictions_count_as_wrong(answer: bytes, expected: float) -> None:
    assert agreement(answer, ["0,1.0", "1,1.0", "2,1.0"]) == expected


def test_features_are_a_row_without_its_label() -> None:
    assert features("2,5.9,3.0,5.1,1.8") == "5.9,3.0,5.1,1.8"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_the_built_in_algorithm_is_named_by_awss_own_uri(region: str) -> None:
    found = parse_ecr(xgboost_uri(region))
    assert found is not None
    assert (found.region, found.repository) == (region, "sagemaker-xgboost")


@pytest.mark.parametrize(
    ("outcome", "problems"),
    [
        (Outcome("b", accuracies={"Lab 1": 0.95}, rows=150), []),
        (Outcome("b", accuracies={"Lab 1": 0.85}, rows=150), ["Lab 1: accuracy 0.85 is below 0.9"]),
        (Outcome("b", rows=149), ["Lab 2: 149 of 150 rows came back"]),
        (Outcome("b", rows=150, leftovers=("volume x",)), ["still there: volume x"]),
    ],
)
def test_the_demo_fails_for_low_accuracy_lost_rows_and_leftovers(outcome: Outcome, problems: list[str]) -> None:
    assert outcome.problems == problems


@pytest.mark.engine
def test_the_three_labs_run_on_real_containers(smlocal: Callable[..., Said], tmp_path: Path) -> None:
    said = smlocal("demo", "--format", "json")
    assert said.code == 0, said
    found = said.json
    assert found["problems"] == []
    assert found["rows"] == 150
    assert min(found["accuracies"].values()) >= 0.9
    keys = {key for step in found["steps"] for key in step["keys"]}
    assert "iris/batch_output/iris.csv.out" in keys
    assert sum(key.endswith("/output/model.tar.gz") for key in keys) == 2
    bucket = tmp_path / "state" / "s3" / found["bucket"]
    assert all((bucket / key).is_file() for key in keys)
    assert len((bucket / "iris/batch_output/iris.csv.out").read_bytes().splitlines()) == 150

"""Every recorded training case of AWS's container, run by our package in this process."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from smlocal_xgboost import training
from xgboost_golden import GOLDEN, SHIPPED, TRAINING_DIFFERENCES, Failure, expected_training, training_ids, write_job

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CASES = GOLDEN["training"]
_NUMBER = re.compile(r":(nan|[-+]?[0-9.]+)")


@pytest.mark.parametrize("case", CASES, ids=training_ids())
def test_a_training_job_ends_as_on_aws(case: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    base = tmp_path / "ml"
    write_job(base, case)
    expected = expected_training(case)

    assert training.run({"SAGEMAKER_BASE_DIR": str(base)}) == expected.exit_code

    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("[")]
    files = sorted(f"model/{path.name}" for path in base.glob("model/*"))
    if expected.error_class is None:
        assert not (base / "output" / "failure").exists()
        assert files == case["model_files"]
        assert_same_lines(lines, case["metric_lines"], case["version"] == SHIPPED)
        return
    failure = Failure.read(base / "output" / "failure", base)
    assert failure.first_line == "framework error: "
    assert failure.error_class == expected.error_class
    said, wanted = (without_clock(text) for text in (failure.message.split("\n")[0], expected.message))
    assert said.startswith(wanted) if expected.reason else said == wanted
    assert files == []
    assert lines == []


def without_clock(text: str) -> str:
    """The text without xgboost's time stamp, and with the place of one release for another's."""
    return re.sub(r"^\[\d\d:\d\d:\d\d\] \S+", "[clock] place", text)


def assert_same_lines(ours: list[str], theirs: list[str], numbers: bool) -> None:
    """The same lines, TAB for TAB; the figures only where both come from the same xgboost."""
    assert [_NUMBER.sub(":#", line) for line in ours] == [_NUMBER.sub(":#", line) for line in theirs]
    if numbers:
        assert ours == theirs


def test_every_difference_of_training_names_a_recorded_case_and_a_reason() -> None:
    recorded = {(case["version"], case["case"]) for case in CASES}
    assert set(TRAINING_DIFFERENCES) <= recorded
    assert all(difference.reason for difference in TRAINING_DIFFERENCES.values())


def test_no_recorded_training_case_is_left_out() -> None:
    assert len(CASES) == 99

"""All of the output arrives, in order, escaped as CloudWatch has it, and metric definitions see it so."""

from __future__ import annotations

import pytest

from tests.training.conftest import Jobs

pytestmark = pytest.mark.engine


def test_ten_megabytes_in_a_second_arrive_whole_and_in_order(jobs: Jobs) -> None:
    result = jobs.run("prints_10_mb")
    for stream in ("out", "err"):
        numbers = [line.split()[1] for line in jobs.lines if line.startswith(f"{stream} ")]
        assert numbers == [f"{number:08d}" for number in range(50_000)]
    kept = jobs.program.journal.find(result.description["TrainingJobName"])
    assert kept is not None
    assert kept.log_path.read_text().splitlines() == jobs.lines


def test_control_characters_are_escaped_before_metrics_are_looked_for(jobs: Jobs) -> None:
    algorithm = {
        "TrainingImage": jobs.image,
        "TrainingInputMode": "File",
        "MetricDefinitions": [
            {"Name": "escaped", "Regex": r"train:loss=#011([0-9.]+)"},
            {"Name": "raw", "Regex": r"train:loss=\t([0-9.]+)"},
        ],
    }
    result = jobs.run("prints_control_characters", AlgorithmSpecification=algorithm)
    assert jobs.lines[:4] == [
        "tab#011here train:loss=#0110.5",
        "10%#01550%#015100%",
        "#033[31mred#033[0m",
        "nul#000bell#007",
    ]
    found = {metric["MetricName"]: metric["Value"] for metric in result.description["FinalMetricDataList"]}
    assert found == {"escaped": 0.5}


def test_a_last_line_without_newline_is_told_too(jobs: Jobs) -> None:
    jobs.run("prints_control_characters")
    assert jobs.lines[-1] == "no newline at the end"


def test_a_very_long_line_loses_nothing(jobs: Jobs) -> None:
    jobs.run("prints_control_characters")
    assert sum(line.count("x") for line in jobs.lines if set(line) == {"x"}) == 300_000

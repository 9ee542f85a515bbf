"""Control characters are escaped as CloudWatch has them, and only then are metric definitions matched."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import InvalidRequest
from smlocal.metrics import MetricScanner, escape

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[0]\ttrain-rmse:1.5", "[0]#011train-rmse:1.5"),
        ("50%\r100%", "50%#015100%"),
        ("\x1b[31mred", "#033[31mred"),
        ("delete\x7f", "delete#177"),
        ("Grüße 火", "Grüße 火"),
    ],
)
def test_a_control_character_becomes_a_hash_and_three_octal_digits(line: str, expected: str) -> None:
    assert escape(line) == expected


@given(st.text())
def test_an_escaped_line_has_no_control_character_and_loses_nothing(line: str) -> None:
    escaped = escape(line)
    assert not re.search(r"[\x00-\x1f\x7f]", escaped)
    if "#" not in line:
        assert re.sub(r"#(\d{3})", lambda found: chr(int(found[1], 8)), escaped) == line


def values(regex: str, *lines: str) -> list[float]:
    scanner = MetricScanner([{"Name": "m", "Regex": regex}])
    return [metric.value for line in lines for metric in scanner.scan(line, NOW)]


@pytest.mark.parametrize(
    ("regex", "line", "expected"),
    [
        (r"acc=([0-9.]+)", "acc=0.5 acc=0.7", [0.5]),
        (r"loss: (\S+)", "loss: 1e-05", [1e-05]),
        (r"loss: ([0-9\.]+)", "loss: 1e-05", [1.0]),
        (r"F1=(.*?)", "F1=0.9", []),
        (r"loss: (\S+);", "loss: abc;", []),
        (r"[0-9]+", "epoch 7", [7.0]),
        (r"x=(\d+)|y", "y", []),
    ],
)
def test_the_first_group_of_the_first_match_is_the_value_when_it_is_a_number(
    regex: str, line: str, expected: list[float]
) -> None:
    assert values(regex, line) == expected


def test_the_last_value_of_each_metric_is_final() -> None:
    scanner = MetricScanner([{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "none", "Regex": "none=(.*)"}])
    for value in ("3", "2", "1"):
        scanner.scan(f"loss={value}", NOW)
    assert scanner.final() == [{"MetricName": "loss", "Value": 1.0, "Timestamp": NOW}]


def test_a_documented_regex_of_the_built_in_algorithm_matches_an_escaped_line() -> None:
    regex = r".*\[[0-9]+\].*#011validation-merror:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"
    assert values(regex, escape("[9]\ttrain-merror:0.00833\tvalidation-merror:0.06667")) == [0.06667]


def test_a_regex_that_is_none_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidRequest, match="'broken'"):
        MetricScanner([{"Name": "broken", "Regex": "("}])

"""Metric definitions applied to log lines, after the log shipper's escapes.

Sources: developer guide, training-metrics and automatic-model-tuning-define-metrics-variables; the escapes were
observed in CloudWatch (a TAB arrives as `#011`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smlocal.errors import InvalidRequest

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def escape(line: str) -> str:
    """A line as CloudWatch holds it: each control character is `#` and three octal digits (rsyslog's convention)."""
    return _CONTROL.sub(lambda match: f"#{ord(match.group()):03o}", line)


@dataclass(frozen=True)
class Metric:
    """One value that a definition found."""

    name: str
    value: float
    time: datetime


class MetricScanner:
    """Finds metrics in lines as they come: the first group of the first match of each definition, as a number."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        self._patterns = [(item["Name"], _compiled(item["Name"], item["Regex"])) for item in definitions]
        self._last: dict[str, Metric] = {}

    def scan(self, line: str, time: datetime) -> list[Metric]:
        """The metrics of one escaped line."""
        found = []
        for name, pattern in self._patterns:
            value = _number(pattern, line)
            if value is not None:
                found.append(Metric(name, value, time))
        self._last.update({metric.name: metric for metric in found})
        return found

    def final(self) -> list[dict[str, Any]]:
        """`FinalMetricDataList`: the last value of each metric that was seen."""
        return [
            {"MetricName": metric.name, "Value": metric.value, "Timestamp": metric.time}
            for metric in self._last.values()
        ]


def _compiled(name: str, regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except (re.error, OverflowError) as error:
        raise InvalidRequest(f"the regex of metric definition '{name}' is not one: {error}") from error


def _number(pattern: re.Pattern[str], line: str) -> float | None:
    match = pattern.search(line)
    if match is None:
        return None
    try:
        return float(match.group(1) if pattern.groups else match.group())
    except (ValueError, TypeError):
        return None

"""A comparison as JSON, version 1, written field by field. Its schema is `compare.schema.json` beside this module."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from smlocal.contract import Change, Pair
from smlocal.contract.comparison import Compared
from smlocal.report.comparison import ComparisonReport
from smlocal.report.measures import Duration
from smlocal.report.saved import SavedReport

_COUNTS = {change: change.value.replace(" ", "_") for change in Change}


def comparison_schema() -> dict[str, Any]:
    """The JSON schema of the whole document, with the version and the kind that its writer adds."""
    found: dict[str, Any] = json.loads(
        resources.files("smlocal.report").joinpath("compare.schema.json").read_text(encoding="utf-8")
    )
    return found


def comparison_as_document(report: ComparisonReport) -> dict[str, Any]:
    """The document without its version and kind, which the writer adds."""
    return {
        "passed": report.passed,
        "strict": report.strict,
        "smlocal": report.version,
        "old": _side(report.old),
        "new": _side(report.new),
        "counts": {name: len(report.comparison.of(change)) for change, name in _COUNTS.items()},
        "findings": [_pair(pair) for pair in report.comparison.pairs],
        "differences": [
            {"what": item.what, "old": item.old, "new": item.new, "affects_times": item.measured}
            for item in report.differences
        ],
        "times_comparable": report.comparable,
        "durations": [_duration(item, report.comparable) for item in report.durations],
    }


def _side(side: SavedReport) -> dict[str, Any]:
    return {
        "source": side.source,
        "image": {"reference": side.image, "id": side.image_id, "size_bytes": side.size_bytes},
        "smlocal": side.smlocal,
        "passed": side.passed,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "rule": pair.rule,
        "name": pair.latest.name,
        "title": pair.latest.title,
        "change": pair.change.value,
        "old": _finding(pair.old),
        "new": _finding(pair.new),
    }


def _finding(finding: Compared | None) -> dict[str, Any] | None:
    if finding is None:
        return None
    return {
        "outcome": finding.outcome.value,
        "severity": finding.severity.value,
        "seen": list(finding.seen),
        "reason": finding.why_not or None,
    }


def _duration(item: Duration, comparable: bool) -> dict[str, Any]:
    return {
        "name": item.name,
        "runs": item.runs,
        "old_seconds": round(item.old, 6),
        "new_seconds": round(item.new, 6),
        "ratio": None if item.ratio is None else round(item.ratio, 6),
        "change": (item.change or None) if comparable else None,
        "noise": {"seconds": item.noise.seconds, "ratio": item.noise.ratio},
    }

"""A report as GitLab's Code Quality report: what is broken, at the first line of the file that the image is built from.

Source: GitLab, https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format: a list of objects with
`description`, `check_name`, `fingerprint`, `severity` and `location.path`, `location.lines.begin`; the widget of a
merge request stops at an object without a severity (issue 340000).
"""

from __future__ import annotations

import json
from typing import Any

from smlocal.contract import Finding, Outcome, Severity
from smlocal.report.escaping import one_line
from smlocal.report.report import Report
from smlocal.report.sarif import fingerprint

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor"}


def as_code_quality(report: Report) -> str:
    """The JSON document: a list, without version or kind, for it is GitLab's."""
    # GitLab has no word for what may be broken: it is left out, and stands in the other reports
    broken = [item for item in report.verdict.findings if item.outcome is Outcome.BROKEN and not item.allowed]
    return json.dumps([_issue(report, finding) for finding in broken], indent=2, ensure_ascii=False) + "\n"


def _issue(report: Report, finding: Finding) -> dict[str, Any]:
    seen = f": {finding.seen[0]}" if finding.seen else ""
    return {
        "description": one_line(f"{finding.rule} {finding.title}{seen} ({report.image})"),
        "check_name": f"smlocal/{finding.rule}",
        "fingerprint": fingerprint(report, finding),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": report.file, "lines": {"begin": 1}},
    }

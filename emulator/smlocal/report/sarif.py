"""A report as SARIF 2.1.0, for pages of code analysis: every rule with its help, a result for what is broken.

What is broken and may be is a result that is suppressed, with the reason.

An image has no lines, so that a result's place is the image by name (a logical location), and the first line of the
file that it is built from: GitHub refuses a whole upload for one result without a physical location, and tells by
`primaryLocationLineHash` alone whether a result is one that it knows. That one leaves out the image's tag, which is a
new one for each build. Sources: OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; GitHub,
"SARIF support for code scanning" (`location` and `result` objects).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from smlocal.contract import RULES, Finding, Outcome, Rule
from smlocal.report.escaping import lines_of, one_line
from smlocal.report.report import Report, name_of

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INDEX = {rule.id: number for number, rule in enumerate(RULES)}


def as_sarif(report: Report) -> str:
    """The SARIF document."""
    broken = [finding for finding in report.verdict.findings if finding.outcome is Outcome.BROKEN]
    driver = {"name": "smlocal", "version": report.version, "rules": [_rule(rule) for rule in RULES]}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "logicalLocations": [_place(report)],
        "results": [_result(report, finding) for finding in broken],
        "columnKind": "unicodeCodePoints",
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    sources = "; ".join(rule.sources)
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": _literal(f"{rule.title}.")},
        "fullDescription": {"text": _literal(rule.why)},
        "help": {"text": _literal(f"{rule.why}\n\nFix: {rule.fix}\n\nSource: {sources}")},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(report: Report, finding: Finding) -> dict[str, Any]:
    parts = [
        f"{finding.title}.",
        *finding.seen,
        f"SageMaker: {finding.sagemaker}" if finding.sagemaker else "",
        f"Fix: {finding.fix}",
    ]
    return {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "kind": "fail",
        "level": finding.severity.value,
        "message": {"text": _literal("\n".join(part for part in parts if part))},
        "locations": [{"physicalLocation": _line(report), "logicalLocations": [{**_place(report), "index": 0}]}],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{fingerprint(report, finding)}:1",
            "imageAndRule/v1": f"{one_line(report.image)} {finding.rule}",
        },
        "suppressions": [_suppression(finding)] if finding.allowed else [],
    }


def fingerprint(report: Report, finding: Finding) -> str:
    """32 hexadecimal digits for a rule, the image's name without tag or digest, and the file that stands for it."""
    what = "\0".join([finding.rule, name_of(report.image), report.file])
    return hashlib.sha256(what.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _line(report: Report) -> dict[str, Any]:
    """The first line of the file. All four numbers are asked for."""
    region = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2}
    return {"artifactLocation": {"uri": quote(report.file, errors="backslashreplace")}, "region": region}


def _suppression(finding: Finding) -> dict[str, Any]:
    """Outside of the image itself, by whoever had it checked. Source: SARIF 2.1.0, 3.35."""
    return {"kind": "external", "status": "accepted", "justification": one_line(finding.allowed)}


def _place(report: Report) -> dict[str, Any]:
    name = one_line(report.image)
    return {"name": name, "fullyQualifiedName": name, "kind": "image"}


def _literal(text: str) -> str:
    """Text without placeholders and links, whatever a container wrote. Source: SARIF 2.1.0, 3.11.5 and 3.11.6."""
    plain = "\n".join(lines_of(text))
    return plain.replace("{", "{{").replace("}", "}}").replace("](", "] (")

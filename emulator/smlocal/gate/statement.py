"""The verdict on a published image as an in-toto statement: which image it is about, and what every rule said.

Sources: in-toto attestation framework, spec/v1/statement.md (fields; subjects are matched by digest alone) and
spec/v1/README.md (predicates have names in lower camel case). Nothing in a statement depends on when it was written, so
that the same verdict on the same image is the same bytes. Its schema is `statement.schema.json` beside this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import resources
from typing import Any

from smlocal.contract import Finding, Outcome, Severity
from smlocal.errors import UsageError
from smlocal.registry.refusals import printable
from smlocal.report import Report
from smlocal.report.members import Members

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:smlocal:verdict:v1"
IN_TOTO = "application/vnd.in-toto+json"
LONGEST = 4 * 1024 * 1024  # bytes; ours have some ten thousand
_RULE = re.compile(r"SM\d{3}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 2000, 9000  # beyond, other time zones may have no such time
_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


class NoStatement(Exception):
    """Something that is no statement of ours that can be read; the text says why."""


@dataclass(frozen=True)
class RuleSaid:
    """What one rule said; `allowed` is the reason for which it may be broken, "" when it may not."""

    rule: str
    outcome: Outcome
    severity: Severity
    allowed: str


@dataclass(frozen=True)
class Statement:
    """A verdict as it was stated. `content` is the document's bytes."""

    content: bytes
    subject: str  # the digest of the image that it is about
    image_id: str
    smlocal: str  # the version
    configuration: str
    examined_at: datetime
    passed: bool  # as it says itself: what its rules say counts as well
    strict: bool
    scaled_limits: tuple[str, ...]
    rules: tuple[RuleSaid, ...]

    def broken(self, severity: Severity) -> tuple[RuleSaid, ...]:
        """What is broken and was not allowed to be."""
        return tuple(
            item
            for item in self.rules
            if item.outcome is Outcome.BROKEN and item.severity is severity and not item.allowed
        )

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome is outcome for item in self.rules)


def schema() -> dict[str, Any]:
    """The JSON schema of a statement."""
    found: dict[str, Any] = json.loads(
        resources.files("smlocal.gate").joinpath("statement.schema.json").read_text(encoding="utf-8")
    )
    return found


def statement_of(report: Report, name: str, digest: str) -> bytes:
    """The statement on the image that a repository of this name has under this digest."""
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": _predicate(report),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _predicate(report: Report) -> dict[str, Any]:
    examination, when = report.examination, report.examined_at
    assert when is not None, "a statement is made of a finished examination"
    return {
        "smlocal": report.version,
        "image": {
            "reference": report.image,
            "id": examination.image.id,
            "architecture": examination.image.architecture,
        },
        "configuration": report.configuration,
        "examinedAt": when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passed": report.passed,
        "strict": report.strict,
        "scaledLimits": list(examination.asked.scaled_limits),
        "allowances": [{"rule": item.rule, "reason": item.reason} for item in report.verdict.allowances],
        "rules": [_rule(finding) for finding in report.verdict.findings],
    }


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule,
        "name": finding.name,
        "severity": finding.severity.value,
        "outcome": finding.outcome.value,
        "reason": finding.why_not or None,
        "allowed": finding.allowed or None,
    }


def read_statement(content: bytes, source: str) -> Statement:
    """Raises NoStatement, in one line of moderate length, for what is no statement of ours, or a newer one; `source`
    names it."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoStatement(f"{source} is no JSON") from error
    if not isinstance(document, Mapping) or document.get("_type") != STATEMENT_TYPE:
        raise NoStatement(f"{source} is no in-toto statement of version 1")
    if document.get("predicateType") != PREDICATE_TYPE:
        kind = document.get("predicateType")
        raise NoStatement(printable(f"{source} states '{kind!s:.200}', and this smlocal reads {PREDICATE_TYPE}"))
    try:
        return _read(Members(document, source, "it is no verdict of smlocal's"), content)
    except (UsageError, ValueError) as error:
        raise NoStatement(printable(str(error))) from error


def _read(whole: Members, content: bytes) -> Statement:
    subjects = whole.parts("subject")
    if len(subjects) != 1:
        raise whole.wrong("subject", f"names {len(subjects)} artifacts instead of one")
    predicate = whole.part("predicate")
    rules = tuple(_said(part) for part in predicate.parts("rules"))
    if len({item.rule for item in rules}) != len(rules):
        raise predicate.wrong("rules", "names a rule twice")
    examined_at = datetime.fromisoformat(predicate.text("examinedAt").replace("Z", "+00:00"))
    if examined_at.tzinfo is None:
        raise predicate.wrong("examinedAt", "has no time zone")
    if not _FIRST_YEAR <= examined_at.year <= _LAST_YEAR:
        raise predicate.wrong("examinedAt", "is no time at which anything was examined")
    return Statement(
        content=content,
        subject=f"sha256:{subjects[0].part('digest').matching('sha256', _HEXADECIMAL)}",
        image_id=predicate.part("image").text("id"),
        smlocal=predicate.text("smlocal"),
        configuration=predicate.text("configuration"),
        examined_at=examined_at,
        passed=predicate.flag("passed"),
        strict=predicate.flag("strict"),
        scaled_limits=predicate.texts("scaledLimits"),
        rules=rules,
    )


def _said(part: Members) -> RuleSaid:
    return RuleSaid(
        rule=part.matching("id", _RULE),
        outcome=Outcome(part.one_of("outcome", [item.value for item in Outcome])),
        severity=Severity(part.one_of("severity", [item.value for item in Severity])),
        allowed=part.text_or_none("allowed") or "",
    )

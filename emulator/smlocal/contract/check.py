"""The verdict: every wanted rule on one examination, with causes before what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smlocal.contract.finding import Finding, Judgement, Outcome, Reason, Severity
from smlocal.contract.precedence import FOLLOWS, NO_MODEL
from smlocal.contract.rule import Rule
from smlocal.contract.selection import Selection
from smlocal.evidence import Examination


@dataclass(frozen=True)
class Verdict:
    """All findings, in the order of the rules' ids."""

    findings: tuple[Finding, ...]

    def broken(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(item for item in self.findings if item.outcome is Outcome.BROKEN and item.severity is severity)

    def holds(self, strict: bool = False) -> bool:
        """Whether no error was found; `strict`: nor a warning."""
        return not self.broken(Severity.ERROR) and not (strict and self.broken(Severity.WARNING))

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome is outcome for item in self.findings)


def judge(
    examination: Examination,
    rules: Sequence[Rule],
    selection: Selection | None = None,
    follows: Mapping[str, Sequence[str]] = FOLLOWS,
) -> Verdict:
    """Judge all rules, explain consequences by their causes, and keep what was selected.

    Causes are judged also when they were not selected: what follows from them is no finding of its own.
    """
    judged = {rule.id: rule.judge(examination) for rule in rules}
    found = {rule.id: _finding(rule, judged[rule.id]) for rule in rules}
    for cause, consequences in follows.items():
        if cause in found and found[cause].outcome is Outcome.BROKEN:
            for consequence in consequences:
                if consequence.startswith(judged[cause].explains) and _may_follow(found.get(consequence)):
                    found[consequence] = _explained(found[consequence], cause)
    no_model = _why_no_model(found, judged)
    for finding in list(found.values()):
        if no_model and finding.reason is Reason.NO_MODEL:
            found[finding.rule] = _explained(finding, no_model)
    selection = selection or Selection()
    return Verdict(tuple(found[rule.id] for rule in rules if selection.has(rule.id)))


def _why_no_model(found: Mapping[str, Finding], judged: Mapping[str, Judgement]) -> str:
    """The finding for which no model was trained, "" when there is none."""
    for cause in NO_MODEL:
        if cause in found and found[cause].outcome is Outcome.BROKEN and "SM201".startswith(judged[cause].explains):
            return cause
    return ""


def _finding(rule: Rule, judgement: Judgement) -> Finding:
    is_broken = judgement.outcome is Outcome.BROKEN
    return Finding(
        rule=rule.id,
        name=rule.name,
        title=rule.title,
        outcome=judgement.outcome,
        severity=judgement.severity or rule.severity,
        seen=judgement.seen,
        sagemaker=judgement.sagemaker,
        fix=(judgement.fix or rule.fix) if is_broken else "",
        reason=judgement.reason,
    )


def _may_follow(finding: Finding | None) -> bool:
    """Whether a cause elsewhere may explain it: it is broken, or what would tell was not to be had."""
    if finding is None or finding.follows:
        return False
    return finding.outcome is Outcome.BROKEN or finding.reason in (Reason.RUN_MISSING, Reason.INCONCLUSIVE)


def _explained(finding: Finding, cause: str) -> Finding:
    return replace(
        finding, outcome=Outcome.NOT_JUDGED, reason=Reason.FOLLOWS, follows=cause, sagemaker="", fix="", seen=()
    )

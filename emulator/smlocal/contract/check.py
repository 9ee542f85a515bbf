"""The verdict: every wanted rule on one examination, with causes before what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from smlocal.contract.allowance import Allowance
from smlocal.contract.finding import Finding, Judgement, Outcome, Reason, Severity
from smlocal.contract.precedence import FOLLOWS, Link
from smlocal.contract.rule import Rule
from smlocal.contract.selection import Selection
from smlocal.evidence import Examination


@dataclass(frozen=True)
class Verdict:
    """All findings, in the order of the rules' ids."""

    findings: tuple[Finding, ...]
    allowances: tuple[Allowance, ...] = ()  # that were given, needed or not

    def broken(self, severity: Severity) -> tuple[Finding, ...]:
        """What is broken and was not allowed to be."""
        return tuple(
            item
            for item in self.findings
            if item.outcome is Outcome.BROKEN and item.severity is severity and not item.allowed
        )

    @property
    def allowed(self) -> tuple[Finding, ...]:
        """What is broken, and may be: each with its reason."""
        return tuple(item for item in self.findings if item.allowed)

    @property
    def needless(self) -> tuple[Allowance, ...]:
        """The allowances of rules that were not found broken."""
        used = {item.rule for item in self.allowed}
        return tuple(item for item in self.allowances if item.rule not in used)

    def holds(self, strict: bool = False) -> bool:
        """Whether no error was found but allowed ones; `strict`: nor a warning."""
        return not self.broken(Severity.ERROR) and not (strict and self.broken(Severity.WARNING))

    def count(self, outcome: Outcome) -> int:
        return sum(item.outcome is outcome for item in self.findings)


def judge(
    examination: Examination,
    rules: Sequence[Rule],
    selection: Selection | None = None,
    follows: Sequence[Link] = FOLLOWS,
    allowances: Sequence[Allowance] = (),
) -> Verdict:
    """Judge all rules, explain consequences by their causes, and keep what was selected.

    Causes are judged also when they were not selected: what follows from them is no finding of its own. What is
    allowed stays broken, and the cause of what could not be judged for it; but who lets one rule be broken has not let
    another one: what was seen broken besides stays a finding, which needs an allowance of its own.
    """
    reasons = {item.rule: item.reason for item in allowances}
    judged = {rule.id: rule.judge(examination) for rule in rules}
    found = {rule.id: _finding(rule, judged[rule.id]) for rule in rules}
    for link in follows:
        root = _root(link, found.get(link.cause))
        if root:
            may_follow = judged[link.cause].explains
            found |= {
                name: _explained(finding, root)
                for name, finding in found.items()
                if name.startswith(may_follow) and _explains(link, finding, root in reasons)
            }
    selection = selection or Selection()
    wanted = (found[rule.id] for rule in rules if selection.has(rule.id))
    return Verdict(tuple(_allowed(item, reasons) for item in wanted), tuple(allowances))


def _allowed(finding: Finding, reasons: Mapping[str, str]) -> Finding:
    may = finding.outcome is Outcome.BROKEN and finding.rule in reasons
    return replace(finding, allowed=reasons[finding.rule]) if may else finding


def _root(link: Link, cause: Finding | None) -> str:
    """What the consequences of a cause follow from: itself, or what it follows from; "" when it was not found."""
    if cause is None or (link.only_broken and cause.outcome is not Outcome.BROKEN):
        return ""
    return cause.rule if cause.outcome is Outcome.BROKEN else cause.follows


def _explains(link: Link, finding: Finding, is_allowed: bool) -> bool:
    if finding.outcome is Outcome.BROKEN:
        return finding.rule in link.seen_as and not is_allowed
    if finding.reason is Reason.RUN_MISSING:
        return finding.rule in link.hides
    return finding.reason is Reason.NO_MODEL and link.leaves_no_model


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


def _explained(finding: Finding, cause: str) -> Finding:
    return replace(
        finding, outcome=Outcome.NOT_JUDGED, reason=Reason.FOLLOWS, follows=cause, sagemaker="", fix="", seen=()
    )

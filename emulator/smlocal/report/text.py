"""A report for a terminal of 80 columns: what is broken first, with what was seen and how to fix it; the rest in a few
lines; the verdict last, where the eye is when a command ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Set

from smlocal.contract import RULES, Finding, Outcome, Severity
from smlocal.report.escaping import one_line, visible
from smlocal.report.report import Report

_WIDTH = 80
_HEAD = 12  # columns that "SageMaker" and its like stand in
_MOST_WITHOUT_OVERVIEW = 2  # broken rules that fit a screen with all that is said of them
_MOST_NAMED = 6  # rules of one reason
_MARKS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING"}
_WHY = {rule.id: rule.why for rule in RULES}


def as_text(report: Report, *, every: bool = False) -> str:
    """The report; with `every`, also why each broken clause matters, the runs, and the clauses that are kept and those
    that do not apply."""
    return "\n".join(_lines(report, every)) + "\n"


def finding_as_text(finding: Finding) -> str:
    """All that is said of one broken clause: what was seen, what SageMaker would do, why it matters, the fix."""
    return "\n".join(_broken(finding, every=True))


def _lines(report: Report, every: bool) -> Iterator[str]:
    findings = report.verdict.findings
    broken = [item for severity in Severity for item in report.verdict.broken(severity)]
    for finding in broken:
        yield from _broken(finding, every)
        yield ""
    for finding in report.verdict.allowed:
        yield from _broken(finding, every)
        yield ""
    unjudged = [finding for finding in findings if finding.outcome is Outcome.NOT_JUDGED]
    if unjudged:
        yield "not judged:"
        yield from _unjudged(unjudged, {finding.rule for finding in report.verdict.allowed}, every)
        yield ""
    if every:
        yield from _details(report)
    if len(broken) > _MOST_WITHOUT_OVERVIEW or (broken and every):
        yield from (_cut(f"{_MARKS[finding.severity]:7} {finding.rule} {finding.title}") for finding in broken)
        yield ""
    yield from _summary(report, broken)


def _broken(finding: Finding, every: bool) -> Iterator[str]:
    title = f"{_mark(finding)} {finding.rule} {finding.title}"
    yield from textwrap.wrap(title, _WIDTH, subsequent_indent=" " * _HEAD)
    for number, line in enumerate(finding.seen):
        yield from _wrapped("" if number else "seen", line)
    for head, text in (
        ("SageMaker", finding.sagemaker),
        ("why", _WHY.get(finding.rule, "") if every else ""),
        ("fix", finding.fix if every or not finding.allowed else ""),
        ("allowed", finding.allowed),
    ):
        if text:
            yield from _wrapped(head, text)


def _mark(finding: Finding) -> str:
    return "ALLOWED" if finding.allowed else _MARKS[finding.severity]


def _wrapped(head: str, text: str) -> list[str]:
    head = f"  {head}".ljust(_HEAD)
    if text.startswith("| "):  # a line of the container's output: as it is, but for what a terminal would obey
        return [_cut(f"{head}{visible(text)}")]
    return textwrap.wrap(
        one_line(text), _WIDTH, initial_indent=head, subsequent_indent=" " * _HEAD, break_on_hyphens=False
    )


def _follows(cause: str, allowed: Set[str]) -> str:
    """What is allowed may hide all that would have been found behind it."""
    return f"it follows from {cause}{', which is allowed' if cause in allowed else ''}"


def _unjudged(findings: list[Finding], allowed: Set[str], every: bool) -> Iterator[str]:
    """What was seen where something was, and the ids of the same reason together, when they are few enough to read."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        seen = f" ({one_line('; '.join(finding.seen))})" if finding.seen else ""
        reason = _follows(finding.follows, allowed) if finding.follows else finding.why_not
        key = f" ({finding.key})" if finding.key else ""
        reasons.setdefault(f"{reason}{key}{seen}", []).append(finding.rule)
    for reason, rules in reasons.items():
        named = ", ".join(rules) if every or len(rules) <= _MOST_NAMED else f"{len(rules)} rules"
        yield from textwrap.wrap(
            f"{reason}: {named}", _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )


def _details(report: Report) -> Iterator[str]:
    for outcome in (Outcome.NOT_APPLICABLE, Outcome.KEPT):
        found = [finding for finding in report.verdict.findings if finding.outcome is outcome]
        yield from _listed(outcome.value, (f"{item.rule} {item.name}: {_detail(item)}" for item in found))
    yield from _listed("runs", report.runs())


def _listed(head: str, lines: Iterable[str]) -> Iterator[str]:
    found = [_cut(f"  {one_line(line)}") for line in lines]
    if found:
        yield from (f"{head}:", *found, "")


def _detail(finding: Finding) -> str:
    return "; ".join([*([finding.why_not] if finding.why_not else []), *finding.seen])


def _cut(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _summary(report: Report, broken: list[Finding]) -> Iterator[str]:
    verdict = report.verdict
    errors, warnings = (len(verdict.broken(severity)) for severity in (Severity.ERROR, Severity.WARNING))
    yield (
        f"{counted(verdict.count(Outcome.KEPT), 'clause')} kept,"
        f" {verdict.count(Outcome.NOT_APPLICABLE)} not applicable, {verdict.count(Outcome.NOT_JUDGED)} not judged"
    )
    if broken:
        yield f"`smlocal explain {broken[0].rule}` says why it matters and by which source"
    if verdict.needless:
        named = ", ".join(item.rule for item in verdict.needless)
        yield from textwrap.wrap(f"allowed, but not found broken: {named}", _WIDTH, subsequent_indent="  ")
    if report.examination.asked.scaled_limits:
        limits = ", ".join(report.examination.asked.scaled_limits)
        yield from textwrap.wrap(f"limits that are not SageMaker's: {limits}", _WIDTH, subsequent_indent="  ")
    strict = ", and warnings count (--strict)" if report.strict and warnings and not errors else ""
    # whoever reads this line alone must not take for kept what could not be tried
    untried = verdict.count(Outcome.NOT_JUDGED) if report.passed else 0
    unjudged = f", {untried} not judged" if untried else ""
    allowed = f", {len(verdict.allowed)} allowed" if verdict.allowed else ""
    counts = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}{strict}{allowed}{unjudged}"
    yield f"{'PASSED' if report.passed else 'FAILED'} {one_line(report.image)}: {counts} ({report.seconds:.0f} s)"


def counted(number: int, word: str) -> str:
    """A number with its word: "1 error", "2 errors"."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

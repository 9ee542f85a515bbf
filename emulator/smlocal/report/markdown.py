"""A report as Markdown, for a comment of a pull request or a job summary: the verdict and what is broken as a table,
what was seen folded below it."""

from __future__ import annotations

from collections.abc import Iterator

from smlocal.contract import Finding, Outcome, Severity
from smlocal.report.escaping import markdown_code, markdown_prose, markdown_text
from smlocal.report.pull_request import bounded, cut, fenced, folded, marker
from smlocal.report.report import Report, name_of
from smlocal.report.text import counted


def as_markdown(report: Report) -> str:
    """The report, what is broken first. Its first line is the same for every tag of the image."""
    verdict = report.verdict
    broken = [*verdict.broken(Severity.ERROR), *verdict.broken(Severity.WARNING)]
    return bounded(list(_head(report, broken)), _parts(report, broken))


def _head(report: Report, broken: list[Finding]) -> Iterator[str]:
    yield marker("check", name_of(report.image))
    yield f"### {'✅ passed' if report.passed else '❌ failed'}: {markdown_code(cut(report.image))}"
    yield ""
    yield _counts(report)
    if report.examination.asked.scaled_limits:
        yield ""
        yield f"Limits that are not SageMaker's: {markdown_text(', '.join(report.examination.asked.scaled_limits))}."
    if report.verdict.needless:
        yield ""
        yield f"Allowed, but not broken: {markdown_text(', '.join(item.rule for item in report.verdict.needless))}."
    if broken or report.verdict.allowed:
        yield ""
        yield "| rule | severity | what | fix |"
        yield "|---|---|---|---|"
    for finding in (*broken, *report.verdict.allowed):
        severity = f"{finding.severity.value}, allowed" if finding.allowed else finding.severity.value
        fix = f"Allowed: {markdown_text(finding.allowed)}" if finding.allowed else markdown_prose(finding.fix)
        yield f"| {finding.rule} | {severity} | {markdown_prose(finding.title)} | {fix} |"


def _counts(report: Report) -> str:
    verdict = report.verdict
    errors, warnings = (len(verdict.broken(severity)) for severity in (Severity.ERROR, Severity.WARNING))
    strict = " (warnings count: `--strict`)" if report.strict else ""
    allowed = f", {len(verdict.allowed)} allowed" if verdict.allowed else ""
    return (
        f"{counted(errors, 'error')}, {counted(warnings, 'warning')}{strict}{allowed};"
        f" {counted(verdict.count(Outcome.KEPT), 'clause')} kept,"
        f" {verdict.count(Outcome.NOT_APPLICABLE)} not applicable, {verdict.count(Outcome.NOT_JUDGED)} not judged."
        f" smlocal {report.version}, {report.seconds:.0f} s."
    )


def _parts(report: Report, broken: list[Finding]) -> Iterator[str]:
    for finding in (*broken, *report.verdict.allowed):
        told = [f"SageMaker: {finding.sagemaker}"] if finding.sagemaker else []
        if finding.seen or told:
            yield folded(f"{finding.rule}: what was seen", fenced([*finding.seen, *told]))
    unjudged = [finding for finding in report.verdict.findings if finding.outcome is Outcome.NOT_JUDGED]
    if unjudged:
        yield folded(f"{len(unjudged)} not judged", fenced(_unjudged(unjudged), most_lines=len(unjudged)))
    runs = report.runs()
    if runs:
        yield folded("the runs", fenced(runs))


def _unjudged(findings: list[Finding]) -> Iterator[str]:
    """Why, each reason once, with its rules."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        key = f" ({finding.key})" if finding.key else ""
        reasons.setdefault(f"{finding.why_not}{key}", []).append(finding.rule)
    for reason, rules in reasons.items():
        yield f"{', '.join(rules)}: {' '.join(reason.split())}"

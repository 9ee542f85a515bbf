"""A report as Markdown, for a pull request or a job summary."""

from __future__ import annotations

from collections.abc import Iterator

from smlocal.contract import Finding, Outcome, Severity
from smlocal.report.escaping import markdown_code, markdown_prose, markdown_text
from smlocal.report.report import Report


def as_markdown(report: Report) -> str:
    """The report, what is broken first."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    verdict = report.verdict
    yield f"### {'✅ passed' if report.passed else '❌ failed'}: {markdown_code(report.image)}"
    yield ""
    broken = [*verdict.broken(Severity.ERROR), *verdict.broken(Severity.WARNING)]
    if broken or verdict.allowed:
        yield "| rule | severity | what | fix |"
        yield "|---|---|---|---|"
        for finding in broken:
            yield f"| {finding.rule} | {finding.severity.value} | {_what(finding)} | {markdown_prose(finding.fix)} |"
        for finding in verdict.allowed:
            why = f"Allowed: {markdown_text(finding.allowed)}"
            yield f"| {finding.rule} | {finding.severity.value}, allowed | {_what(finding)} | {why} |"
        yield ""
    yield (
        f"{verdict.count(Outcome.KEPT)} clauses kept, {verdict.count(Outcome.NOT_APPLICABLE)} not applicable,"
        f" {verdict.count(Outcome.NOT_JUDGED)} not judged. smlocal {report.version}, {report.seconds:.0f} s."
    )
    if verdict.needless:
        yield ""
        yield f"Allowed, but not broken: {markdown_text(', '.join(item.rule for item in verdict.needless))}."
    untold = [finding for finding in verdict.findings if finding.outcome is Outcome.NOT_JUDGED]
    if untold:
        yield ""
        yield f"Not judged: {markdown_text(', '.join(finding.rule for finding in untold))}."
    if report.examination.asked.scaled_limits:
        yield ""
        yield f"Limits that are not SageMaker's: {markdown_text(', '.join(report.examination.asked.scaled_limits))}."


def _what(finding: Finding) -> str:
    """The cell that says what is broken: the fault, what was seen, what SageMaker would say."""
    seen = "".join(f"<br>{markdown_code(line)}" for line in finding.seen)
    told = f"<br>SageMaker: {markdown_code(finding.sagemaker)}" if finding.sagemaker else ""
    return f"{markdown_prose(finding.title)}{seen}{told}"

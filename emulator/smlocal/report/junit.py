"""A report as JUnit XML, for the test pages of CI servers: a test case for each rule.

An error is a failure; a warning is one only where warnings count (--strict), and otherwise stands in the case's
output. What was not judged, does not apply, or is broken and may be is skipped with its reason. The elements and
attributes are those of the schema of Jenkins's xunit plugin: https://github.com/jenkinsci/xunit-plugin, junit-10.xsd.
"""

from __future__ import annotations

from xml.etree import ElementTree

from smlocal.contract import Finding, Outcome, Severity
from smlocal.report.escaping import lines_of, one_line
from smlocal.report.report import Report

_PHASES = {"1": "image", "2": "training", "3": "hosting", "4": "batch", "5": "multi_model"}


def as_junit(report: Report) -> str:
    """The XML document."""
    findings = report.verdict.findings
    failures = sum(_fails(finding, report.strict) for finding in findings)
    skipped = sum(_is_skipped(finding) for finding in findings)
    counts = {"tests": str(len(findings)), "failures": str(failures), "errors": "0", "time": f"{report.seconds:.3f}"}
    root = ElementTree.Element("testsuites", {"name": "smlocal check", **counts})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": one_line(report.image), **counts, "skipped": str(skipped)}
    )
    for finding in findings:
        name = {"classname": f"smlocal.{_PHASES[finding.rule[2]]}", "name": f"{finding.rule} {finding.name}"}
        _tell(ElementTree.SubElement(suite, "testcase", name), finding, report.strict)
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _fails(finding: Finding, strict: bool) -> bool:
    counts = finding.outcome is Outcome.BROKEN and not finding.allowed
    return counts and (strict or finding.severity is Severity.ERROR)


def _is_skipped(finding: Finding) -> bool:
    return finding.outcome in (Outcome.NOT_JUDGED, Outcome.NOT_APPLICABLE) or bool(finding.allowed)


def _tell(case: ElementTree.Element, finding: Finding, strict: bool) -> None:
    if _fails(finding, strict):
        title = {"message": one_line(finding.title), "type": finding.severity.value}
        ElementTree.SubElement(case, "failure", title).text = _text(finding)
    elif finding.allowed:
        allowed = {"message": one_line(f"broken, allowed: {finding.allowed}")}
        said = f"{finding.severity.value}: {one_line(finding.title)}\n{_text(finding)}"
        ElementTree.SubElement(case, "skipped", allowed).text = said
    elif _is_skipped(finding):
        message = f"{finding.outcome.value}: {'; '.join([finding.why_not, *finding.seen])}"
        ElementTree.SubElement(case, "skipped", {"message": one_line(message)})
    elif finding.outcome is Outcome.BROKEN:
        ElementTree.SubElement(case, "system-out").text = f"warning: {one_line(finding.title)}\n{_text(finding)}"
    elif finding.seen:
        ElementTree.SubElement(case, "system-out").text = _text(finding)


def _text(finding: Finding) -> str:
    """What was seen, what SageMaker would say, and the fix."""
    parts = [
        *finding.seen,
        f"SageMaker: {finding.sagemaker}" if finding.sagemaker else "",
        f"fix: {finding.fix}" if finding.fix else "",
    ]
    return "\n".join(line for part in parts for line in lines_of(part))

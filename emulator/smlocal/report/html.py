"""A report as one HTML page that needs nothing else: no script, no request, light and dark.

The verdict comes first; then what is broken, what was not judged, the runs as charts, and the rest folded up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from xml.etree.ElementTree import Element

from smlocal.contract import RULES, Finding, Outcome, Severity
from smlocal.report.chart import chart
from smlocal.report.elements import block, element, prose, serialized
from smlocal.report.report import Report
from smlocal.report.timeline import of_serving, of_training

# A browser that honours it fetches and runs nothing, whatever the page held.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WHY = {rule.id: rule.why for rule in RULES}
_KEY = (
    ("good", "healthy ping, or answered"),
    ("plain", "phase, or refused with 4xx"),
    ("slow", "ping over 2 s, or stopping"),
    ("bad", "unhealthy ping, 5xx or no answer"),
)


def as_html(report: Report) -> str:
    """The page."""
    style = element("style")
    style.text = resources.files("smlocal.report").joinpath("page.css").read_text(encoding="utf-8")
    word = "passed" if report.passed else "failed"
    head = element(
        "head",
        None,
        element("meta", {"charset": "utf-8"}),
        element("meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", None, f"{word}: {report.image} - smlocal check"),
        style,
    )
    page = element("html", {"lang": "en"}, head, element("body", None, *_body(report)))
    return f"<!DOCTYPE html>\n{serialized(page)}\n"


def _body(report: Report) -> Iterator[Element]:
    findings = report.verdict.findings
    broken = [item for severity in Severity for item in report.verdict.broken(severity)]
    yield element("header", None, *_verdict(report, broken))
    if broken:
        yield _section("What is broken", *(_broken(finding) for finding in broken))
    if report.verdict.allowed:
        yield _section("What is broken, and may be", *(_broken(finding) for finding in report.verdict.allowed))
    unjudged = _of(findings, Outcome.NOT_JUDGED)
    if unjudged:
        yield _section("What was not judged, and why", _listed(unjudged))
    runs = list(_runs(report))
    if runs:
        yield _section("The runs", _key(), *runs)
    for outcome, title in ((Outcome.KEPT, "Clauses kept"), (Outcome.NOT_APPLICABLE, "Clauses that do not apply")):
        found = _of(findings, outcome)
        if found:
            summary = element("summary", None, f"{len(found)} of {len(findings)}")
            yield _section(title, element("details", None, summary, _listed(found)))


def _of(findings: Sequence[Finding], outcome: Outcome) -> list[Finding]:
    return [finding for finding in findings if finding.outcome is outcome]


def _section(title: str, *children: Element) -> Element:
    return element("section", None, element("h2", None, title), *children)


def _verdict(report: Report, broken: Sequence[Finding]) -> Iterator[Element]:
    word = "passed" if report.passed else "failed"
    mark = element("span", {"class": f"verdict {word}"}, word.upper())
    yield element("h1", None, mark, element("code", None, report.image))
    yield element("p", {"class": "dim"}, f"smlocal {report.version}, {report.seconds:.0f} s. {_strictness(report)}")
    limits = report.examination.asked.scaled_limits
    if limits:
        yield element("p", None, "Limits that are not SageMaker's: ", element("code", None, ", ".join(limits)))
    if report.verdict.needless:
        rules = ", ".join(item.rule for item in report.verdict.needless)
        yield element("p", None, "Allowed, but not found broken: ", element("code", None, rules))
    yield element("ul", {"class": "counts"}, *_counts(report))
    if broken:
        yield element("ul", {"class": "overview"}, *(_named(finding) for finding in broken))


def _strictness(report: Report) -> str:
    return "Warnings count as errors (--strict)." if report.strict else "Warnings fail nothing."


def _counts(report: Report) -> Iterator[Element]:
    verdict = report.verdict
    counts = (
        ("error", "errors", len(verdict.broken(Severity.ERROR))),
        ("warning", "warnings", len(verdict.broken(Severity.WARNING))),
        *([("", "allowed", len(verdict.allowed))] if verdict.allowed else []),
        ("", "not judged", verdict.count(Outcome.NOT_JUDGED)),
        ("", "kept", verdict.count(Outcome.KEPT)),
        ("", "not applicable", verdict.count(Outcome.NOT_APPLICABLE)),
    )
    for name, words, count in counts:
        marked = {"class": name} if name and count else {}
        yield element("li", marked, element("b", None, str(count)), words)


def _named(finding: Finding) -> Element:
    link = element("a", {"href": f"#{finding.rule}"}, finding.rule)
    severity = finding.severity.value
    return element("li", {"class": severity}, element("b", None, severity), link, " ", prose("span", finding.title))


def _broken(finding: Finding) -> Element:
    title = prose("span", finding.title)
    severity = finding.severity.value
    head = element("h3", None, element("b", None, f"{severity} {finding.rule}"), " ", title)
    told = element("dl")
    if finding.allowed:
        told.extend(_term("allowed", element("p", None, finding.allowed)))
    told.extend(_term("seen", block("\n".join(finding.seen))))
    if finding.sagemaker:
        told.extend(_term("SageMaker", block(finding.sagemaker)))
    if finding.rule in _WHY:
        told.extend(_term("why", prose("span", _WHY[finding.rule])))
    told.extend(_term("fix", prose("span", finding.fix)))
    return element("article", {"class": f"finding {severity}", "id": finding.rule}, head, told)


def _term(name: str, said: Element) -> tuple[Element, Element]:
    return element("dt", None, name), element("dd", None, said)


def _listed(findings: Sequence[Finding]) -> Element:
    """A table with a row for each clause: what it is about, why it was not judged, what was seen."""
    head = element("tr", None, *(element("th", {"scope": "col"}, name) for name in ("rule", "clause", "")))
    rows = (
        element(
            "tr",
            {"id": finding.rule},
            element("th", {"scope": "row", "class": "rule"}, finding.rule),
            element("td", None, finding.name),
            element("td", None, *([prose("p", _why_not(finding))] if finding.why_not else []), *_seen(finding)),
        )
        for finding in findings
    )
    return element("table", None, element("thead", None, head), element("tbody", None, *rows))


def _why_not(finding: Finding) -> str:
    return f"{finding.why_not} ({finding.key})" if finding.key else finding.why_not


def _seen(finding: Finding) -> list[Element]:
    return [block("\n".join(finding.seen))] if finding.seen else []


def _key() -> Element:
    """What the colours and shapes of the charts mean."""
    shapes = (element("li", None, element("i", {"class": kind}), words) for kind, words in _KEY)
    return element("ul", {"class": "key"}, *shapes)


def _runs(report: Report) -> Iterator[Element]:
    examination = report.examination
    told = [
        *((of_training(trial), trial.reason) for trial in examination.training.values()),
        *((of_serving(trial), trial.reason) for trial in examination.serving.values()),
    ]
    for number, (timeline, reason) in enumerate(told, 1):
        said = [element("dl", None, *_term("SageMaker", block(reason)))] if reason else []
        head = element("h3", None, timeline.title)
        yield element("article", {"class": "finding"}, head, *said, chart(timeline, f"run-{number}"))

"""A comparison as Markdown, for a comment of a pull request: what got worse and better as a table, all else folded."""

from __future__ import annotations

from collections.abc import Iterator

from smlocal.contract import RULES, Change, Pair
from smlocal.report.comparison import ComparisonReport
from smlocal.report.comparison_text import changed_pairs, comparison_as_text, states, verdict_on
from smlocal.report.escaping import markdown_code, markdown_prose
from smlocal.report.pull_request import bounded, cut, fenced, folded, marker
from smlocal.report.report import name_of

_MOST_LINES = 400  # of the whole text
_OURS = frozenset(rule.title for rule in RULES)


def comparison_as_markdown(report: ComparisonReport) -> str:
    """The comparison. Its first line is the same for every tag of the new image."""
    return bounded(list(_head(report)), _parts(report))


def _head(report: ComparisonReport) -> Iterator[str]:
    word, counts = verdict_on(report)
    yield marker("compare", name_of(report.new.image))
    yield f"### {'✅' if report.passed else '❌'} {word.lower()}: {markdown_code(cut(report.new.source))}"
    yield ""
    yield f"{counts}, compared with {markdown_code(cut(report.old.source))}."
    pairs = changed_pairs(report)
    if pairs:
        yield ""
        yield "| rule | change | from and to | what |"
        yield "|---|---|---|---|"
    for pair in pairs:
        yield f"| {pair.rule} | {pair.change.value} | {states(pair)} | {_title(pair)} |"


def _title(pair: Pair) -> str:
    """What only a saved report says stands as code, in which nobody is mentioned."""
    title = pair.latest.title
    return markdown_prose(title) if title in _OURS else markdown_code(cut(title))


def _parts(report: ComparisonReport) -> Iterator[str]:
    for pair in changed_pairs(report):
        if pair.change is Change.WORSE and pair.latest.seen:
            yield folded(f"{pair.rule}: what was seen", fenced(pair.latest.seen))
    yield folded("the whole comparison", fenced([comparison_as_text(report, every=True)], _MOST_LINES))

"""The Markdown report, read by a Markdown parser."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from smlocal.contract import RULES, Outcome, Rule
from smlocal.report import as_markdown
from smlocal.report.escaping import one_line
from tests.report.reports import REPORTS, finding, report

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"<br>", "<code>", "</code>"}

hostile = st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="|`\\<>*_[]()~&;#!a \n\r-:", max_size=20)


def inline(text: str) -> list[Token]:
    return [token for token in READER.parse(text) if token.type == "inline"]


def rows(text: str) -> list[list[Token]]:
    """The cells of the table's rows, the head left out."""
    found: list[list[Token]] = []
    for token in READER.parse(text):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and len(found[-1]) < 5 and token.level > 2:
            found[-1].append(token)
    return found[1:]


def shown(cell: Token) -> str:
    """What a reader sees of a cell."""
    return "".join(
        child.content if child.type == "text" else {"<br>": "\n"}.get(child.content, "")
        for child in cell.children or ()
    )


@given(hostile, hostile, hostile, hostile)
def test_hostile_text_neither_breaks_the_table_nor_means_anything(seen: str, told: str, title: str, fix: str) -> None:
    first = finding("SM305", Outcome.BROKEN, seen=(seen, "second"), sagemaker=told, title=title, fix=fix)
    text = as_markdown(report(first, finding("SM307", Outcome.BROKEN), image=f"shop/{seen}"))
    found = rows(text)
    assert [len(row) for row in found] == [4, 4]
    assert [row[0].content for row in found] == ["SM305", "SM307"]
    kinds = {child.type for token in inline(text) for child in token.children or ()}
    assert kinds <= {"text", "html_inline"}
    tags = [child.content for token in inline(text) for child in token.children or () if child.type == "html_inline"]
    assert set(tags) <= OURS
    assert [token.type for token in READER.parse(text)].count("table_open") == 1


@given(hostile)
def test_a_reader_sees_what_the_container_wrote(seen: str) -> None:
    text = as_markdown(report(finding("SM110", Outcome.BROKEN, seen=(f"<{seen}>",))))
    assert shown(rows(text)[0][2]) == f"USER is not root\n{one_line(f'<{seen}>')}"


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("one of each outcome", "### ❌ failed: <code>shop/model:1</code>"),
        ("warnings only", "### ✅ passed: <code>shop/model:1</code>"),
        ("warnings that count", "### ❌ failed: <code>shop/model:1</code>"),
    ],
)
def test_the_verdict_comes_first(name: str, head: str) -> None:
    assert as_markdown(REPORTS[name]).splitlines()[0] == head


def test_what_is_broken_is_a_row_errors_first() -> None:
    found = rows(as_markdown(REPORTS["one of each outcome"]))
    assert [(row[0].content, row[1].content) for row in found] == [("SM305", "error"), ("SM110", "warning")]
    assert shown(found[0][2]).split("\n")[1:] == [
        "GET /ping: 200 in 9.80 s",
        "| Traceback",
        "SageMaker: 424 ModelError",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_reader_sees_the_words_of_the_rule(rule: Rule) -> None:
    (row,) = rows(as_markdown(report(finding(rule.id, Outcome.BROKEN))))
    assert shown(row[2]) == f"{rule.title}\nwhat was seen".replace("`", "")
    assert shown(row[3]) == rule.fix.replace("`", "")


def test_without_findings_there_is_no_table() -> None:
    assert rows(as_markdown(REPORTS["everything kept"])) == []


def test_scaled_limits_are_told() -> None:
    said = html.unescape(as_markdown(REPORTS["scaled limits"])).splitlines()[-1]
    assert said == "Limits that are not SageMaker's: ping_timeout=0.5, start_window=3.0."

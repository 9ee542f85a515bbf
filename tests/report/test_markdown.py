"""The Markdown report, read by a Markdown parser."""

from __future__ import annotations

import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from smlocal.contract import RULES, Outcome, Rule
from smlocal.report import as_markdown
from smlocal.report.escaping import lines_of
from smlocal.report.pull_request import MOST, bounded, fenced, marker
from tests.report.reports import REPORTS, finding, report

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {"<code>", "</code>"}
BLOCKS = {"<details>", "</details>"}

hostile = st.text(alphabet=st.characters(), max_size=20) | st.text(alphabet="|`\\<>*_[]()~&;#!@a \n\r-:", max_size=20)


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
    return "".join(child.content for child in cell.children or () if child.type == "text")


def fences(text: str) -> list[str]:
    """The blocks of code."""
    return [token.content for token in READER.parse(text) if token.type == "fence"]


def words_outside_of_code(text: str) -> list[str]:
    """What a code host looks for mentions, issues and links in: the page's text but for its code."""
    inside, found = False, []
    for token in READER.parse(text):
        for child in token.children or ():
            inside = child.content == "<code>" or (inside and child.content != "</code>")
            if child.type == "text" and not inside:
                found.append(child.content)
    return found


@given(hostile, hostile, hostile)
def test_hostile_text_breaks_neither_table_nor_fence_and_means_nothing(seen: str, told: str, image: str) -> None:
    first = finding("SM305", Outcome.BROKEN, seen=(seen, "second"), sagemaker=told)
    text = as_markdown(report(first, finding("SM307", Outcome.BROKEN), image=f"shop/{image}"))
    found = rows(text)
    assert [(len(row), row[0].content) for row in found] == [(4, "SM305"), (4, "SM307")]
    tokens = READER.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {child.type for child in inline} <= {"text", "html_inline"}
    assert {child.content for child in inline if child.type == "html_inline"} <= OURS
    assert [token.type for token in tokens].count("table_open") == 1
    blocks = [line for token in tokens if token.type == "html_block" for line in token.content.splitlines()]
    assert len([line for line in blocks if line in BLOCKS]) == len([line for line in blocks if "details" in line]) == 6
    lines = fences(text)[0].split("\n")
    assert lines == [*lines_of(seen), "second", *lines_of(f"SageMaker: {told}" if told else ""), ""]


@given(st.lists(hostile, max_size=4))
@example(["```", "@team"])
@example(["a\n````\n", "  ```", "~~~"])
def test_no_text_ends_a_fence(texts: list[str]) -> None:
    (content,) = fences("\n".join(["before", "", *fenced(texts), "", "after"]))
    assert content.split("\n")[:-1] == [line for text in texts for line in lines_of(text)]


@given(hostile)
def test_nobody_is_mentioned_outside_of_code(text: str) -> None:
    hostile_text = f"@team {text} #1 https://evil.example"
    broken = finding("SM305", Outcome.BROKEN, seen=(hostile_text,), sagemaker=hostile_text)
    made = as_markdown(report(broken, image=f"shop/{hostile_text}"))
    assert [words for words in words_outside_of_code(made) if "@" in words or "evil" in words or "#1" in words] == []


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("one of each outcome", "### ❌ failed: <code>shop/model:1</code>"),
        ("warnings only", "### ✅ passed: <code>shop/model:1</code>"),
        ("warnings that count", "### ❌ failed: <code>shop/model:1</code>"),
    ],
)
def test_a_marker_that_nobody_sees_comes_first_and_then_the_verdict(name: str, head: str) -> None:
    assert as_markdown(REPORTS[name]).splitlines()[:2] == ["<!-- smlocal check shop/model -->", head]


@pytest.mark.parametrize(
    "image", ["host:5000/shop/model:1", "host:5000/shop/model@sha256:1e59", "host:5000/shop/model"]
)
def test_the_marker_is_the_same_for_every_tag_of_an_image(image: str) -> None:
    assert as_markdown(report(image=image)).splitlines()[0] == "<!-- smlocal check host:5000/shop/model -->"


@given(hostile)
@example("a--b")
@example("a-->@team<!--")
@example("-")
def test_a_marker_is_one_comment_whatever_the_name_is(name: str) -> None:
    made = marker("check", name)
    assert "--" not in made.removeprefix("<!--").removesuffix("-->")
    assert ">" not in made[:-1] and "\n" not in made and made.isprintable()


def test_what_is_broken_is_a_row_errors_first_and_what_was_seen_is_folded() -> None:
    made = as_markdown(REPORTS["one of each outcome"])
    found = rows(made)
    assert [(row[0].content, row[1].content) for row in found] == [("SM305", "error"), ("SM110", "warning")]
    assert fences(made)[0] == "GET /ping: 200 in 9.80 s\n| Traceback\nSageMaker: 424 ModelError\n"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_reader_sees_the_words_of_the_rule(rule: Rule) -> None:
    (row,) = rows(as_markdown(report(finding(rule.id, Outcome.BROKEN))))
    assert shown(row[2]) == rule.title.replace("`", "")
    assert shown(row[3]) == rule.fix.replace("`", "")


def test_why_something_is_not_judged_is_folded_each_reason_once() -> None:
    unjudged = [finding(rule, Outcome.NOT_JUDGED, seen=()) for rule in ("SM305", "SM307")]
    made = as_markdown(report(finding("SM101"), *unjudged))
    assert "<summary>2 not judged</summary>" in made
    assert fences(made)[0] == "SM305, SM307: no sample request is configured (check.serving.samples)\n"


def test_without_findings_there_is_no_table() -> None:
    assert rows(as_markdown(REPORTS["everything kept"])) == []


def test_counts_and_scaled_limits_are_told_unfolded() -> None:
    said = html.unescape(as_markdown(REPORTS["scaled limits"])).split("|")[0].splitlines()[3:]
    assert said[0] == "1 error, 1 warning; 1 clause kept, 1 not applicable, 2 not judged. smlocal 0.1.0, 9 s."
    assert said[2] == "Limits that are not SageMaker's: ping_timeout=0.5, start_window=3.0."


@pytest.mark.parametrize("letter", ["a", "`", "𝔸"])
def test_the_longest_report_fits_a_comment_and_says_what_it_leaves_out(letter: str) -> None:
    seen = (letter * 1000,) * 20
    made = as_markdown(
        report(*(finding(rule.id, Outcome.BROKEN, seen=seen, sagemaker=letter * 1000) for rule in RULES))
    )
    assert len(made.encode("utf-16-le")) / 2 <= MOST
    assert len(rows(made)) == len(RULES)
    assert made.endswith("\nNot everything fits here: the other reports (text, html, json) tell all of it.\n")
    assert made.count("<details>") == made.count("</details>") == len(fences(made)) > 0


def test_long_output_is_cut_by_lines_and_letters() -> None:
    (content,) = fences("\n".join(fenced(["a" * 401, *["b"] * 50], 3)))
    assert content.splitlines() == ["a" * 399 + "…", "b", "b", "… and 48 more lines"]


def test_what_fits_to_the_letter_is_whole() -> None:
    parts = ["x" * 10, "y" * 10]
    whole = bounded(["head"], parts)
    assert "Not everything" not in whole
    assert "Not everything" in bounded(["head"], parts, 100)
    assert len(bounded(["head"], ["x" * 300], 100)) <= 100

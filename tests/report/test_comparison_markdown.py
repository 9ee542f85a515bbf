"""A comparison as Markdown, read by a Markdown parser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.contract import RULES, Outcome
from smlocal.report import comparison_as_markdown, comparison_as_text
from smlocal.report.pull_request import MOST
from tests.report.reports import HOSTILE, finding
from tests.report.saved import saved
from tests.report.test_comparison import COMPARISONS, compared
from tests.report.test_markdown import READER, fences, rows, shown, words_outside_of_code


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_is_a_marker_a_verdict_and_all_of_it_folded(name: str) -> None:
    made = comparison_as_markdown(COMPARISONS[name])
    first, second = made.splitlines()[:2]
    assert first.startswith("<!-- smlocal compare ") and first.endswith(" -->")
    assert second.startswith(f"### {'✅' if COMPARISONS[name].passed else '❌'} ")
    assert fences(made)[-1] == comparison_as_text(COMPARISONS[name], every=True)


def test_the_marker_names_the_new_image_without_its_tag() -> None:
    made = comparison_as_markdown(COMPARISONS["one of each change"])
    assert made.splitlines()[:2] == ["<!-- smlocal compare shop/model -->", "### ❌ worse: <code>new.json</code>"]


def test_what_got_worse_is_a_row_then_what_got_better() -> None:
    found = rows(comparison_as_markdown(COMPARISONS["one of each change"]))
    assert [[shown(cell) for cell in row[:3]] for row in found] == [
        ["SM305", "worse", "kept -> error"],
        ["SM201", "better", "error -> kept"],
    ]


def test_without_changes_there_is_no_table() -> None:
    made = comparison_as_markdown(COMPARISONS["the same twice"])
    assert rows(made) == [] and "### ✅ no change: " in made


@given(st.text(alphabet="|`\\<>*_[]()~&;#!@a \n\r-:", max_size=20))
def test_a_hostile_report_mentions_nobody_and_breaks_nothing(text: str) -> None:
    said = f"@team {text}"
    (broken,) = HOSTILE
    new = replace(saved(replace(broken, seen=(said,), title=said)), image=f"shop/{said}", source=said)
    made = comparison_as_markdown(replace(compared(saved(finding("SM305")), new), new=new))
    assert [len(row) for row in rows(made)] == [4]
    assert [words for words in words_outside_of_code(made) if "@" in words] == []
    assert [token.type for token in READER.parse(made)].count("fence") == 2


def test_the_longest_comparison_fits_a_comment() -> None:
    old = saved(*(finding(rule.id) for rule in RULES))
    new = saved(*(finding(rule.id, Outcome.BROKEN, seen=("x" * 1000,) * 20) for rule in RULES))
    made = comparison_as_markdown(compared(old, new))
    assert len(made) <= MOST and "Not everything fits here" in made

"""docs/rules.md is the rules' own text."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from smlocal.contract import RULES, Rule
from smlocal.report.rules_page import rules_page

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
READER = MarkdownIt("commonmark").enable("table")


def shown(text: str) -> str:
    """What a reader of the page sees, code and all, with a line for each block."""
    return "\n".join(
        "".join(child.content for child in token.children or ())
        for token in READER.parse(text)
        if token.type == "inline"
    )


def test_the_page_in_the_repository_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == rules_page(), "run `python -m smlocal.report.rules_page > docs/rules.md`"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_reader_sees_all_of_a_rules_page(rule: Rule) -> None:
    seen = shown(rules_page()).splitlines()
    for text in (f"Why: {rule.why}", f"Fix: {rule.fix}", f"Source: {'; '.join(rule.sources)}", rule.id):
        assert text.replace("`", "") in seen


def test_nothing_on_the_page_is_html() -> None:
    kinds = {child.type for token in READER.parse(rules_page()) for child in token.children or ()}
    assert not {kind for kind in kinds if kind.startswith("html")} and "em_open" not in kinds

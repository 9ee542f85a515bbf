"""docs/operations.md is the tables' own text."""

from __future__ import annotations

from pathlib import Path

from markdown_it import MarkdownIt

from smlocal.aws.operations_page import operations_page
from smlocal.requests import table_rows
from smlocal.requests.shapes import every_operation

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
READER = MarkdownIt("commonmark").enable("table")


def test_the_page_in_the_repository_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == operations_page(), "run `python -m smlocal.aws.operations_page > docs/operations.md`"


def _seen() -> list[str]:
    return [
        "".join(child.content for child in token.children or () if not child.type.startswith("html"))
        for token in READER.parse(operations_page())
        if token.type == "inline"
    ]


def test_every_member_and_every_operation_of_the_model_is_on_it() -> None:
    seen = _seen()
    assert {row.path for row in table_rows()} <= set(seen)
    text = "\n".join(seen)
    assert [name for name in every_operation() if name not in text] == []

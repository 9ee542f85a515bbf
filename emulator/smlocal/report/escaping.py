"""Text that containers wrote, made harmless for whoever reads a report: a terminal, a browser, an XML parser."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What begins something in Markdown, in HTML, or on the pages that show both (mentions, issues, formulas, links).
_SPECIAL = re.compile(r"[&<>|`\\*_\[\]()~@#!${}]|:(?=//)|(?<=www)\.")
_CODE = re.compile(r"`([^`]+)`")


def visible(text: str) -> str:
    """Every character that a terminal would obey, or XML has no place for, as its escape sequence."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text.expandtabs()
    )


def one_line(text: str) -> str:
    """Any text as one visible line, its white space as single spaces."""
    return visible(" ".join(text.split()))


def lines_of(text: str) -> Iterator[str]:
    """The visible lines of a text."""
    return (visible(line) for line in text.splitlines())


def markdown_text(text: str) -> str:
    """Any text as one line of a Markdown table that means nothing to Markdown or HTML."""
    return _meaningless(one_line(text))


def markdown_code(text: str) -> str:
    """Any text as code. Not between backticks: there is no way to write a backslash before a pipe between them."""
    return f"<code>{markdown_text(text)}</code>"


def markdown_prose(text: str) -> str:
    """A sentence of ours as one line of a Markdown table: what stands between backticks is code."""
    parts = [_meaningless(part) for part in _CODE.split(one_line(text))]
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _meaningless(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match.group())};", text)

"""What commands print: answers on standard output, everything about the way there on standard error."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

FORMAT_VERSION = 1
_UNBOUNDED = 10_000  # columns
_SHOWN_VALUES = 8
_WIDTH = 80
_HEAD = 8  # columns
_VALUE_SET = re.compile(
    r"(?P<head>Value '(?P<given>[^']*)' at '[^']*' failed to satisfy constraint: Member must satisfy enum value set: )"
    r"\[(?P<values>[^\]]*)\]"
)


class Format(str, Enum):
    """How a command answers. Every one has `text` and `json`; the others are forms of a report."""

    text = "text"
    json = "json"
    junit = "junit"
    sarif = "sarif"
    markdown = "markdown"
    html = "html"
    codequality = "codequality"


ANSWERS = (Format.text, Format.json)


class Terminal:
    """Standard output and standard error of one command. Colours only on a terminal, and NO_COLOR is honoured."""

    def __init__(self, output: Format, verbosity: int) -> None:
        self.format = output
        self.verbosity = verbosity  # -1 quiet, 0 usual, 1 more
        self._deaf: set[TextIO] = set()  # who took no more of what is told on the way

    @property
    def json(self) -> bool:
        return self.format is Format.json

    @property
    def shows_lines(self) -> bool:
        """Whether the lines of a container are shown as they come."""
        return self.verbosity >= 0

    @property
    def shows_details(self) -> bool:
        return self.verbosity > 0

    def say(self, text: str) -> None:
        """Something about the way: not with -q."""
        if self.verbosity >= 0:
            self._tell(text, sys.stderr)

    def detail(self, text: str) -> None:
        """Something about the way that only -v shows."""
        if self.shows_details:
            self._tell(text, sys.stderr)

    def log_line(self, text: str) -> None:
        """A line of a container's output."""
        if self.shows_lines:
            self._tell(text, sys.stdout if self.format is Format.text else sys.stderr)

    def _tell(self, text: str, stream: TextIO) -> None:
        """A reader that has left (`| head`) or a full disk ends the telling, never the run."""
        if stream in self._deaf:
            return
        try:
            print(text, file=stream, flush=True)
        except OSError:
            self._deaf.add(stream)

    def last_lines(self, lines: Sequence[str]) -> None:
        """The end of a failed container's output, which was not shown while it ran."""
        print_last_lines(lines)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[Callable[[str], None]]:
        """While something long goes on: a spinner with its latest news on a terminal, a plain line elsewhere.

        Gives a function that takes the news; nothing at all is shown with -q.
        """
        if self.verbosity != 0 or not sys.stderr.isatty():
            self.say(text)
            yield self.detail
            return
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        with console.status(text, spinner="dots") as status:
            yield lambda news: status.update(f"{text}: {_short(news, console.width - len(text) - 6)}")

    def answer(self, text: str) -> None:
        """The answer itself, as text."""
        print(text, flush=True)

    def marked(self, text: str, styles: Mapping[str, str]) -> None:
        """The answer as text; on a terminal, the words that lines of it begin with in their styles."""
        from rich.text import Text

        styled = Text(text)
        for mark in re.finditer(rf"^({'|'.join(map(re.escape, styles))})(?= )", text, re.MULTILINE):
            styled.stylize(styles[mark[0]], *mark.span())
        self.console().print(styled, soft_wrap=True)

    def file(self, text: str) -> None:
        """The answer itself, as the file that it would be: in UTF-8, which its own head may name, wherever it goes."""
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()

    def document(self, kind: str, content: Mapping[str, Any]) -> None:
        """The answer itself, as JSON with a version."""
        whole = {"version": FORMAT_VERSION, "kind": kind, **content}
        self.file(json.dumps(whole, indent=2, default=_plain, ensure_ascii=False) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
        """The answer as a table."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")  # a name that is cut off cannot be used in another command
        for row in rows:
            table.add_row(*row)
        self.console().print(table)

    def console(self) -> Console:
        from rich.console import Console

        # what reads a pipe wants whole names, however long
        return Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)


def print_last_lines(lines: Sequence[str]) -> None:
    """The end of a container's output on standard error, each line marked as the container's."""
    from smlocal.metrics import escape

    for line in lines:
        print(f"container: {escape(line)}", file=sys.stderr, flush=True)


def headed(head: str, text: str) -> list[str]:
    """A line of a result for 80 columns, below its head of eight; a name or digest that is longer stays whole."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"{head:{_HEAD}}", subsequent_indent=" " * _HEAD, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def brief(text: str) -> str:
    """AWS's text with its longer lists of allowed values cut down to those that are like the one that was given."""
    return _VALUE_SET.sub(_like_the_given, text)


def _like_the_given(match: re.Match[str]) -> str:
    import difflib

    values = match["values"].split(", ")
    if len(values) <= _SHOWN_VALUES:
        return match[0]
    like = difflib.get_close_matches(match["given"], values, _SHOWN_VALUES, 0.5) or values[:_SHOWN_VALUES]
    return f"{match['head']}[{', '.join(like)}, … and {len(values) - len(like)} more]"


def _short(news: str, width: int) -> str:
    from rich.markup import escape

    line = " ".join(news.split())
    return escape(line if len(line) <= width else f"{line[: max(width - 1, 0)]}…")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)

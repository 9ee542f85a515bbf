"""Markdown as pull requests take it: bounded, folded, with a first line by which a bot finds its comment again.

What a container wrote stands in fences, where nothing is a mention, a link, an issue or the end of anything: a mention
is looked for in the page that was made of the Markdown, so that `&#64;` alone would not keep one from being made, and
is never looked for in code.

Limits: a comment of GitHub takes 65,536 characters ("Body is too long (maximum is 65536 characters)"), a job summary
1 MiB (GitHub's page on workflow commands, "Step isolation and limits"), a note of GitLab 1,000,000 characters. The
first is kept to, for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from smlocal.report.escaping import lines_of

MOST = 65_536  # UTF-16 code units, the longest way in which anybody counts characters
_MOST_NAME = 300  # letters of a name in a marker or a heading
_MOST_LINES = 40
_MOST_LETTERS = 400  # of one line
_LEFT_OUT = "Not everything fits here: the other reports (text, html, json) tell all of it."


def marker(kind: str, name: str) -> str:
    """A comment that no reader sees, the same for the same name: `<!-- smlocal check shop/model -->`."""
    plain = quote(cut(name, _MOST_NAME), safe="/:@", errors="backslashreplace").replace("--", "-%2D")
    return f"<!-- smlocal {kind} {plain.removesuffix('-')} -->"


def cut(text: str, most: int = _MOST_NAME) -> str:
    """A text that is not longer than `most` letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def folded(summary: str, body: Iterable[str]) -> str:
    """A part that a reader opens. `summary` is harmless HTML, `body` lines of Markdown."""
    return "\n".join(["<details>", f"<summary>{summary}</summary>", "", *body, "", "</details>"])


def fenced(texts: Iterable[str], most_lines: int = _MOST_LINES) -> Iterator[str]:
    """Any texts as a block of code that none of their lines can end; long lines and the last of many are cut."""
    lines = [cut(line, _MOST_LETTERS) for text in texts for line in lines_of(text)]
    shown = lines[:most_lines]
    if len(lines) > most_lines:
        shown.append(f"… and {len(lines) - most_lines} more lines")
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}text", *shown, fence)


def bounded(head: Sequence[str], parts: Iterable[str], most: int = MOST) -> str:
    """The head and as many of the parts, in their order, as fit; what does not fit is said to be elsewhere.

    A head that is itself too long loses its last lines.
    """
    room = most - _size(_LEFT_OUT) - 3
    found: list[str] = []
    complete = True
    for piece in (*head, *(f"\n{part}" for part in parts)):
        size = _size(piece) + 1
        if size > room:
            complete = False
            break
        found.append(piece)
        room -= size
    return "\n".join([*found, *([] if complete else ["", _LEFT_OUT])]) + "\n"


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2

"""Words of a command line that no command can mean: empty ones, and bytes that are no text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smlocal.errors import UsageError

_NOTHING_GIVEN = re.compile(r"(--[a-z0-9-]+=)?")


def refuse_meaningless(words: Sequence[str]) -> None:
    """Raises UsageError for the first such word.

    An empty value is almost always a variable of the shell that is not set: `--output "$OUT"`. Bytes that are no text
    could not be written into a request, a record or a container's environment. What stands behind `exec --` is another
    program's to judge.
    """
    before = "smlocal"
    for word in words:
        if word == "--" and "exec" in words[: words.index("--")]:
            return
        if _NOTHING_GIVEN.fullmatch(word):
            raise UsageError(
                f"an empty value stands after {word or before}: give one, or leave it out (is a variable of the shell"
                " not set?)"
            )
        text = word.encode("utf-8", "backslashreplace").decode("utf-8")
        if text != word:
            raise UsageError(f"the word '{text}' of the command line is not UTF-8 text")
        before = word

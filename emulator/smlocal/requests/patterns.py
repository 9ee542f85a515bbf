r"""Whether a value matches a pattern of the service model, as Java's `Pattern.matches` decides it.

The models' patterns are Java's. Where Python's `re` reads them otherwise they are rewritten first: `.` stops at every
line terminator, `\d`, `\w` and `\s` are ASCII, `\p{...}` exists. What `re` cannot express is left unchecked; a test
holds that the operations that run have no such pattern in the installed model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from smlocal.errors import SmlocalError

_DOT = "[^\\n\\r\\u0085\\u2028\\u2029]"
_POSIX = {
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "ASCII": "\\x00-\\x7f",
    "Print": "\\x20-\\x7e",
}
_CATEGORIES = re.compile(r"[LMNPSZC][a-z]?")
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\(.)|(.)", re.DOTALL)


class Unreadable(SmlocalError):
    """A pattern that Python's `re` cannot express."""


def matches(pattern: str, value: str) -> bool:
    """Whether the whole `value` matches the Java expression `pattern`. Raises Unreadable."""
    # a category is written out as those characters of the value that are in it: exact, and small
    alphabet = "".join(sorted(set(value))) if _has_category(pattern) else ""
    return _compiled(pattern, alphabet).fullmatch(value) is not None


@lru_cache(maxsize=512)
def _has_category(pattern: str) -> bool:
    return any(name and name not in _POSIX for name, _, _ in _TOKEN.findall(pattern))


@lru_cache(maxsize=512)
def _compiled(pattern: str, alphabet: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(_rewritten(pattern, alphabet)), re.ASCII)
    except re.error as error:
        raise Unreadable(f"the pattern {pattern} is beyond Python's re: {error}") from error


def _rewritten(pattern: str, alphabet: str) -> Iterator[str]:
    in_class = False
    previous = ""
    for token in _TOKEN.finditer(pattern):
        name, escaped, plain = token.groups()
        if name is not None:
            members = _category(name, alphabet)
            yield members if in_class else f"[{members}]"
        elif escaped is not None:
            yield _escape(escaped, pattern)
        elif in_class:
            if plain == "[" or (plain == previous and plain in "&-~|"):
                raise Unreadable(f"the pattern {pattern} combines character classes")
            in_class = plain != "]"
            yield plain
        else:
            in_class = plain == "["
            yield _DOT if plain == "." else plain
        previous = plain or ""


def _escape(character: str, pattern: str) -> str:
    if character == "z":
        return "\\Z"  # Java's \z is Python's \Z
    if character.isalpha() and character not in "AdDwWsStnrfabBxu":
        raise Unreadable(f"the pattern {pattern} has the escape \\{character}")
    return "\\" + character


def _category(name: str, alphabet: str) -> str:
    """The inside of a character class for \\p{name}; never empty, so that `[...]` around it stays a class."""
    if name in _POSIX:
        return _POSIX[name]
    if not _CATEGORIES.fullmatch(name):
        raise Unreadable(f"the character class \\p{{{name}}} is not known")
    absent = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in alphabet)
    return absent + "".join(re.escape(c) for c in alphabet if unicodedata.category(c).startswith(name))

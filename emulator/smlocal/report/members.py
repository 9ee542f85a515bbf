"""The members of a JSON object that somebody else wrote, each asked for by name and kind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from smlocal.errors import UsageError

_MOST = 2**53  # what every reader of JSON can count to


class Members:
    """One object. `source` names the document, `unless` says what it is when a member is not as it must be."""

    def __init__(self, content: Mapping[str, Any], source: str, unless: str, path: str = "") -> None:
        self.content = content
        self._source = source
        self._unless = unless
        self._path = path

    def wrong(self, name: str, what: str) -> UsageError:
        """The error for a member: "old.json: it is no JSON report: 'runs[0].word' is missing"."""
        return UsageError(f"{self._source}: {self._unless}: '{self._named(name)}' {what}")

    def has(self, name: str) -> bool:
        """Whether there is such a member, and not null."""
        return self.content.get(name) is not None

    def text(self, name: str) -> str:
        return str(self._of(name, str, "a string"))

    def text_or_none(self, name: str) -> str | None:
        return self.text(name) if self.has(name) else None

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        found = self.text(name)
        if found not in allowed:
            raise self.wrong(name, f"is '{found}', which is none of {', '.join(allowed)}")
        return found

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        found = self.text(name)
        if not pattern.fullmatch(found):
            raise self.wrong(name, f"is '{found}', and does not look like one")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        found = self._of(name, list, "a list")
        if not all(isinstance(item, str) for item in found):
            raise self.wrong(name, "holds what is no string")
        return tuple(found)

    def flag(self, name: str) -> bool:
        return bool(self._of(name, bool, "true or false"))

    def whole_number(self, name: str) -> int:
        found = self._of(name, int, "a whole number")
        if isinstance(found, bool) or not 0 <= found < _MOST:
            raise self.wrong(name, "is no whole number of a sensible size")
        return int(found)

    def seconds(self, name: str) -> float | None:
        """A time; None where there is none."""
        if not self.has(name):
            return None
        found = self._of(name, (int, float), "a number")
        if isinstance(found, bool) or not 0 <= found < _MOST:
            raise self.wrong(name, "is no time in seconds")
        return float(found)

    def part(self, name: str) -> Members:
        return self._below(self._of(name, dict, "an object"), name)

    def parts(self, name: str) -> tuple[Members, ...]:
        found = self._of(name, list, "a list")
        named = [(item, f"{name}[{number}]") for number, item in enumerate(found)]
        for item, place in named:
            if not isinstance(item, dict):
                raise self.wrong(place, "is no object")
        return tuple(self._below(item, place) for item, place in named)

    def _of(self, name: str, kind: type | tuple[type, ...], words: str) -> Any:
        if name not in self.content:
            raise self.wrong(name, "is missing")
        found = self.content[name]
        if not isinstance(found, kind):
            raise self.wrong(name, f"is not {words}")
        return found

    def _below(self, content: Mapping[str, Any], name: str) -> Members:
        return Members(content, self._source, self._unless, self._named(name))

    def _named(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

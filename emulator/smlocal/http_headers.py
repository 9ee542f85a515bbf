"""The headers of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """The headers of an answer: names in any case, each character one byte of the wire, duplicates kept."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        self._first: dict[str, str] = {}
        for name, value in pairs:
            self._first.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header that came more than once, in order."""
        return tuple(value for key, value in self.pairs if key.lower() == name.lower())

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"

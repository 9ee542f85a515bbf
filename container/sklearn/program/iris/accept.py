"""Choosing the response's media type from an Accept header. Source: RFC 9110, section 12.5.1."""

from __future__ import annotations

from collections.abc import Sequence


def media_type(header: str | None) -> str:
    """The bare media type of a Content-Type header, in lower case; empty when there is none."""
    return (header or "").partition(";")[0].strip().lower()


def choose(header: str | None, offered: Sequence[str], default: str) -> str | None:
    """The offered type that the caller likes best, or None when it takes none of them.

    Among types that it likes equally, `default` wins, then the order of `offered`. An absent header takes anything.
    """
    ranges = [_parse(item) for item in (header or "*/*").split(",") if item.strip()]
    ordered = [default, *(name for name in offered if name != default)]
    best = max(ordered, key=lambda name: _quality(name, ranges))  # the first of equals
    return best if _quality(best, ranges) > 0 else None


def _parse(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 1.0
    return name, quality


def _quality(name: str, ranges: Sequence[tuple[str, float]]) -> float:
    # The most specific range decides: "text/csv;q=0, */*" refuses CSV and takes all else.
    family = name.partition("/")[0] + "/*"
    for wanted in (name, family, "*/*"):
        found = [quality for given, quality in ranges if given == wanted]
        if found:
            return max(found)
    return 0.0

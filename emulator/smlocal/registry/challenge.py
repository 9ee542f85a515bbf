"""What a registry asks for before it answers: the `WWW-Authenticate` header.

Source: RFC 9110, sections 11.2 to 11.6.1, and the distribution project's page "Token Authentication Specification".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))\s*(?:,|$)', re.DOTALL)
_SCHEME = re.compile(rf"\s*,*\s*({_TOKEN})(?:\s+|,|$)")
_LONGEST = 8192  # characters of a header that are read


@dataclass(frozen=True)
class Challenge:
    """One way to authenticate. `scheme` in lower case, the parameters' names too."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in the header's values, in order, as far as they can be read."""
    found: list[Challenge] = []
    for value in values:
        found.extend(_challenges(value[:_LONGEST]))
    return tuple(found)


def _challenges(value: str) -> Iterable[Challenge]:
    at = 0
    while scheme := _SCHEME.match(value, at):
        at = scheme.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(value, at):
            at = parameter.end()
            name, quoted, plain = parameter.groups()
            parameters.setdefault(name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        yield Challenge(scheme[1].lower(), parameters)

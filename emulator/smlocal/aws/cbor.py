"""The little of CBOR (RFC 8949) that an error needs: one map from text to text."""

from __future__ import annotations

from collections.abc import Mapping

_TEXT, _MAP = 3 << 5, 5 << 5  # major types


def text_map(members: Mapping[str, str]) -> bytes:
    """The members as one map of definite length."""
    return _head(_MAP, len(members)) + b"".join(_text(name) + _text(value) for name, value in members.items())


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")
    return _head(_TEXT, len(data)) + data


def _head(major: int, size: int) -> bytes:
    if size < 24:
        return bytes([major | size])
    for mark, width in ((24, 1), (25, 2), (26, 4)):
        if size < 1 << (8 * width):
            return bytes([major | mark]) + size.to_bytes(width, "big")
    raise ValueError(f"{size} is more than an error holds")

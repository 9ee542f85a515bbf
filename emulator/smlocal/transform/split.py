"""Objects into records.

A record of SplitType `Line` ends with a newline byte and with nothing else: quotes are not honoured and `\\r` stays.
Source: AWS developer guide, batch-transform; API reference, TransformInput.SplitType.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from smlocal.errors import JobFailed

CHUNK = 256 * 1024


class RecordTooLarge(JobFailed):
    """A record, or an object that is not split, does not fit into one payload."""


def too_large(what: str, limit: int) -> RecordTooLarge:
    """The error in words of ours: the platform's own are not published."""
    return RecordTooLarge(
        f"Too much data for max payload size: {what} is longer than {limit} bytes; raise MaxPayloadInMB (100 at most)"
    )


def lines(source: BinaryIO, longest: int) -> Iterator[bytes]:
    """The records of `source`, each with its newline; the last one need not have one.

    Raises RecordTooLarge at a record of more than `longest` bytes, not counting its newline.
    """
    number = 1
    rest = bytearray()
    while chunk := source.read(CHUNK):
        first, *others = chunk.split(b"\n")
        rest += first
        _check(rest, longest, number)
        if not others:
            continue
        last = others.pop()
        rest += b"\n"
        yield bytes(rest)
        number += 1
        for record in others:
            _check(record, longest, number)
            yield record + b"\n"
            number += 1
        rest = bytearray(last)
    _check(rest, longest, number)
    if rest:
        yield bytes(rest)


def _check(record: bytes | bytearray, longest: int, number: int) -> None:
    if len(record) > longest:
        raise too_large(f"record {number}", longest)

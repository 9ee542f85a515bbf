"""Objects into records.

A record of SplitType `Line` ends with a newline byte and with nothing else: quotes are not honoured and `\\r` stays.
Source: AWS developer guide, batch-transform; API reference, TransformInput.SplitType.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from smlocal.errors import JobFailed

CHUNK = 256 * 1024


class RecordTooLarge(JobFailed):
    """A record, or an object that is not split, does not fit into one payload."""


TooLarge = Callable[[str, int], RecordTooLarge]


def too_large(what: str, limit: int) -> RecordTooLarge:
    """The error in words of ours: the platform's own are not published."""
    return RecordTooLarge(
        f"Too much data for max payload size: {what} is longer than {limit} bytes; raise MaxPayloadInMB (100 at most)"
    )


def too_large_to_hold(what: str, limit: int) -> RecordTooLarge:
    """The error where the platform has no limit (MaxPayloadInMB 0) and only our memory has one."""
    return RecordTooLarge(
        f"{what} is longer than the {limit} bytes that smlocal holds of one record at this MaxConcurrentTransforms;"
        " send fewer at a time, cut the record up, or leave SplitType out and send the object whole"
    )


def lines(source: BinaryIO, longest: int, refusal: TooLarge = too_large) -> Iterator[bytes]:
    """The records of `source`, each with its newline; the last one need not have one.

    Raises RecordTooLarge, as `refusal` makes it, at a record of more than `longest` bytes, not counting its newline.
    """
    number = 1
    rest = bytearray()
    while chunk := source.read(CHUNK):
        first, *others = chunk.split(b"\n")
        rest += first
        _check(rest, longest, number, refusal)
        if not others:
            continue
        last = others.pop()
        rest += b"\n"
        yield bytes(rest)
        number += 1
        for record in others:
            _check(record, longest, number, refusal)
            yield record + b"\n"
            number += 1
        rest = bytearray(last)
    _check(rest, longest, number, refusal)
    if rest:
        yield bytes(rest)


def _check(record: bytes | bytearray, longest: int, number: int, refusal: TooLarge) -> None:
    if len(record) > longest:
        raise refusal(f"record {number}", longest)

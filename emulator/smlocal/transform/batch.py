"""Records into payloads: the bodies of the requests to a container, in order.

Sources: API reference, CreateTransformJob (BatchStrategy, MaxPayloadInMB); a payload of 6,291,424 bytes under the
default of 6 was seen in a public log, so a MB is 2^20 bytes. What the platform does with blank lines, `\\r` and the
newline of a single record is not published: here a single record goes without its newline, blank lines are left
out where they would be a request of their own, and `\\r` stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from smlocal.transform.split import CHUNK, TooLarge, lines, too_large


class Strategy(Enum):
    """BatchStrategy, in the spelling that containers see."""

    MULTI_RECORD = "MULTI_RECORD"
    SINGLE_RECORD = "SINGLE_RECORD"


@dataclass
class Tally:
    """What was met while an object was cut up."""

    records: int = 0
    blank: int = 0  # left out
    carriage_returns: bool = False


def payloads(
    source: BinaryIO, *, split: bool, strategy: Strategy, limit: int, tally: Tally, refusal: TooLarge = too_large
) -> Iterator[bytes]:
    """The payloads of an object, none empty and none over `limit` bytes. Raises RecordTooLarge; for single records it
    is as `refusal` makes it."""
    if not split:
        return whole(source, limit, tally)
    if strategy is Strategy.SINGLE_RECORD:
        return single_records(source, limit, tally, refusal)
    return multi_records(source, limit, tally)


def whole(source: BinaryIO, limit: int, tally: Tally) -> Iterator[bytes]:
    """The object as one payload, whatever is in it."""
    held = bytearray()
    _fill(source, held, limit + 1)
    if len(held) > limit:
        raise too_large("the object, which is not split,", limit)
    if held:
        tally.records += 1
        yield bytes(held)


def single_records(source: BinaryIO, limit: int, tally: Tally, refusal: TooLarge = too_large) -> Iterator[bytes]:
    """Each line as a payload, without its newline; blank lines are left out."""
    for record in lines(source, limit, refusal):
        body = record[:-1] if record.endswith(b"\n") else record
        if body.endswith(b"\r"):
            tally.carriage_returns = True
        if body in (b"", b"\r"):
            tally.blank += 1
            continue
        tally.records += 1
        yield body


def multi_records(source: BinaryIO, limit: int, tally: Tally) -> Iterator[bytes]:
    """As many whole lines as fit, newlines counted, in each payload."""
    held = bytearray()
    while True:
        # One byte more than fits tells the last payload from one that may have to be cut.
        _fill(source, held, limit + 1)
        if len(held) <= limit:
            if held:
                yield _counted(bytes(held), tally)
            return
        end = held.rfind(b"\n", 0, limit) + 1
        if not end:
            raise too_large(f"record {tally.records + 1}", limit)
        body = bytes(memoryview(held)[:end])
        del held[:end]
        yield _counted(body, tally)


def _fill(source: BinaryIO, held: bytearray, size: int) -> None:
    while len(held) < size:
        chunk = source.read(min(CHUNK, size - len(held)))
        if not chunk:
            return
        held += chunk


def _counted(body: bytes, tally: Tally) -> bytes:
    if not tally.records:
        tally.carriage_returns = b"\r\n" in body
    tally.records += body.count(b"\n") + (not body.endswith(b"\n"))
    return body

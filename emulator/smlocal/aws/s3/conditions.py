"""Conditions of a request on the object as it is, and ranges of bytes.

Source: RFC 9110, sections 13 and 14; Amazon S3 API, GetObject (which condition wins), PutObject (conditional writes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime

from smlocal.aws.s3.errors import S3Error
from smlocal.aws.s3.request import Request
from smlocal.storage.interface import StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COPY = "x-amz-copy-source-"


@dataclass(frozen=True)
class Span:
    """Bytes `first` to `first + length - 1` of an object of `size` bytes."""

    first: int
    length: int
    size: int

    @property
    def header(self) -> str:
        return f"bytes {self.first}-{self.first + self.length - 1}/{self.size}"


def check_read(request: Request, stored: StoredObject) -> None:
    """Raises S3Error PreconditionFailed, NotModified."""
    _check(request, stored, "", "NotModified")


def check_copy_source(request: Request, stored: StoredObject) -> None:
    """Raises S3Error PreconditionFailed."""
    _check(request, stored, _COPY, "PreconditionFailed")


def _check(request: Request, stored: StoredObject, prefix: str, unchanged: str) -> None:
    """A condition on the ETag wins over the one on the time that says the same."""
    same, other = request.header(f"{prefix}if-match"), request.header(f"{prefix}if-none-match")
    unmodified = _seconds(request.header(f"{prefix}if-unmodified-since"))
    modified = _seconds(request.header(f"{prefix}if-modified-since"))
    if same:
        if not _names(same, stored.etag):
            raise S3Error("PreconditionFailed", Condition="If-Match")
    elif unmodified is not None and int(stored.modified) > unmodified:
        raise S3Error("PreconditionFailed", Condition="If-Unmodified-Since")
    if other:
        if _names(other, stored.etag):
            raise S3Error(unchanged, Condition="If-None-Match")
    elif modified is not None and int(stored.modified) <= modified:
        raise S3Error(unchanged, Condition="If-Modified-Since")


def expected_etag(request: Request) -> str | None:
    """What a write says that it replaces: an ETag, "" for nothing, None when it does not matter. Raises S3Error."""
    same, other = request.header("if-match"), request.header("if-none-match")
    if (other and other.strip() != "*") or (same and other):
        raise S3Error("NotImplemented", "A header you provided implies functionality that is not implemented")
    if other:
        return ""
    return _bare(same) if same else None


def span_of(request: Request, size: int) -> Span | None:
    """The range that is asked for; None for none, and for what is no range, or several, which S3 takes for none.

    Raises S3Error InvalidRange.
    """
    asked = request.header("range")
    match = _RANGE.fullmatch(asked.replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        first = size - length
    else:
        first = int(match[1])
        if match[2] and int(match[2]) < first:
            return None
        length = min(int(match[2] or size), size - 1) - first + 1
    if length <= 0 or first >= size:
        raise S3Error("InvalidRange", ActualObjectSize=str(size), RangeRequested=asked)
    return Span(first, length, size)


def _names(value: str, etag: str) -> bool:
    return any(_bare(one) in ("*", etag) for one in value.split(","))


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _seconds(value: str) -> float | None:
    """A date of HTTP as seconds since the epoch; None for what is none, which is not regarded."""
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()

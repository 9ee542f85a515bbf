"""Bodies in aws-chunked coding: chunks with their length in front, and trailing headers.

Signatures of chunks are the business of whoever verifies signatures; here they are left out.
Source: Amazon S3 API, sigv4-streaming and sigv4-streaming-trailers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping

from smlocal.aws.s3.errors import S3Error

_LONGEST_LINE = 4096
_MOST_TRAILERS = 32


def decoded(chunks: Iterable[bytes], trailers: MutableMapping[str, str]) -> Iterator[bytes]:
    """The bytes that were coded; `trailers` has the trailing headers, names in lower case, at their end.

    Raises S3Error IncompleteBody for a coding that is broken or ends early.
    """
    source = _Source(iter(chunks))
    while size := _size(source.line()):
        yield from source.exactly(size)
        if source.line():
            raise S3Error("IncompleteBody")
    for _ in range(_MOST_TRAILERS):
        line = source.line(may_end=True)
        if not line:
            return
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()
    raise S3Error("IncompleteBody")


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or len(digits) > 12 or not set(digits) <= set(b"0123456789abcdefABCDEF"):
        raise S3Error("IncompleteBody")
    return int(digits, 16)


class _Source:
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._at = 0

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._held, self._at = self._held[self._at :] + chunk, 0
        return bool(chunk)

    def line(self, *, may_end: bool = False) -> bytes:
        """Without its end. With `may_end`, nothing when the body has ended."""
        while (end := self._held.find(b"\n", self._at, self._at + _LONGEST_LINE)) < 0:
            if len(self._held) - self._at >= _LONGEST_LINE:
                raise S3Error("IncompleteBody")
            if not self._more():
                if may_end and self._at == len(self._held):
                    return b""
                raise S3Error("IncompleteBody")
        line, self._at = self._held[self._at : end], end + 1
        return line.removesuffix(b"\r")

    def exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._held[self._at : self._at + size]
            if not piece:
                if not self._more():
                    raise S3Error("IncompleteBody")
                continue
            self._at += len(piece)
            size -= len(piece)
            yield piece

"""Bodies whose hashes were signed, checked while they pass: what is read is what was sent, or the reading fails.

A reader that keeps nothing until the body has ended well (as the object store does) never keeps what was not signed.
Source of the chunks' form and of what they sign: the S3 pages "sigv4-streaming" and "sigv4-streaming-trailers".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterable, AsyncIterator, Callable

from smlocal.aws.errors import AwsError, Denial, Denied

_LINE_BYTES = 4096  # of a chunk's head or of a trailing header
_TRAILERS = 32
_EMPTY = hashlib.sha256(b"").hexdigest()
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method."
)


async def hashed(body: AsyncIterable[bytes], expected: str) -> AsyncIterator[bytes]:
    """The body; raises AwsError at its end when its SHA-256 is not `expected` (hexadecimal)."""
    digest = hashlib.sha256()
    async for piece in body:
        digest.update(piece)
        yield piece
    if not hmac.compare_digest(digest.hexdigest(), expected.lower()):
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            members={
                "ClientComputedContentSHA256": expected,
                "S3ComputedContentSHA256": digest.hexdigest(),
            },
        )


class SignedChunks:
    """A body in aws-chunked coding, each of whose chunks is signed on top of the one before.

    `sign` gives the signature of a string; `time` and `scope` are those of the request, `seed` is its signature.
    """

    def __init__(self, sign: Callable[[str], str], time: str, scope: str, seed: str, *, trailer: bool) -> None:
        self._sign = sign
        self._time = time
        self._scope = scope
        self._previous = seed
        self._trailer = trailer

    async def checked(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The same bytes, coding included. Raises Denied for a signature that is wrong, AwsError for broken coding."""
        reader = _Reader(body)
        size = -1
        while size:
            line = await reader.line()
            size, signature = _chunk_head(line)
            yield line
            digest = hashlib.sha256()
            async for piece in reader.exactly(size):
                digest.update(piece)
                yield piece
            self._follow("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{digest.hexdigest()}", signature)
            if size:
                yield await reader.line(b"")
        async for piece in self._end(reader):
            yield piece

    async def _end(self, reader: _Reader) -> AsyncIterator[bytes]:
        """What stands behind the last chunk: trailing headers and their signature, and an empty line."""
        covered, signature = b"", ""
        for _ in range(_TRAILERS):
            line = await reader.line()
            yield line
            text = line.strip()
            if not text:
                break
            name, _, value = text.partition(b":")
            if name.lower() == b"x-amz-trailer-signature":
                signature = value.strip().decode("latin-1")
            else:
                covered += name.lower() + b":" + value.strip() + b"\n"
        if covered or self._trailer:
            self._follow("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(covered).hexdigest(), signature)
        async for piece in reader.rest():
            if piece.strip(b"\r\n"):
                raise _broken()
            yield piece

    def _follow(self, algorithm: str, hashes: str, given: str) -> None:
        expected = self._sign(f"{algorithm}\n{self._time}\n{self._scope}\n{self._previous}\n{hashes}")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            raise Denied(Denial.MISMATCH, MISMATCH)
        self._previous = expected


class _Reader:
    """Lines and counted bytes of a stream that comes in pieces of any size."""

    def __init__(self, body: AsyncIterable[bytes]) -> None:
        self._pieces = body.__aiter__()
        self._held = b""

    async def _more(self) -> bool:
        piece = await anext(self._pieces, None)
        self._held += piece or b""
        return piece is not None

    async def line(self, content: bytes | None = None) -> bytes:
        """The next line with its end; with `content`, it must hold just that."""
        while b"\n" not in self._held:
            if len(self._held) > _LINE_BYTES or not await self._more():
                raise _broken()
        end = self._held.index(b"\n") + 1
        line, self._held = self._held[:end], self._held[end:]
        if end > _LINE_BYTES or (content is not None and line != content + b"\r\n"):
            raise _broken()
        return line

    async def exactly(self, size: int) -> AsyncIterator[bytes]:
        while size:
            if not self._held and not await self._more():
                raise _broken()
            piece, self._held = self._held[:size], self._held[size:]
            size -= len(piece)
            yield piece

    async def rest(self) -> AsyncIterator[bytes]:
        while self._held or await self._more():
            piece, self._held = self._held, b""
            yield piece


def _chunk_head(line: bytes) -> tuple[int, str]:
    """`10000;chunk-signature=ad80...`"""
    size, _, extension = line.strip().decode("latin-1").partition(";")
    name, _, signature = extension.partition("=")
    if name != "chunk-signature" or not size or len(size) > 12 or set(size) - set("0123456789abcdefABCDEF"):
        raise _broken()
    return int(size, 16), signature


def _broken() -> AwsError:
    return AwsError("IncompleteBody", "The request body terminated unexpectedly, or its chunks are malformed")

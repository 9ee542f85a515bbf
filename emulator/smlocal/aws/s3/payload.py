"""A request's body: taken from the event loop, decoded, measured and verified while it is read.

Whoever stores it reads to the end before anything appears, so that what fails here leaves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import concurrent.futures
import hashlib
import re
from collections.abc import AsyncIterable, Iterator
from typing import BinaryIO

from smlocal.aws.s3 import checksums
from smlocal.aws.s3.aws_chunked import decoded
from smlocal.aws.s3.errors import S3Error
from smlocal.aws.s3.request import Request
from smlocal.errors import ConnectionFailed
from smlocal.streams import CHUNK, reader_of

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Feed:
    """An asynchronous body for a thread that reads it."""

    def __init__(self, body: AsyncIterable[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._pieces = body.__aiter__()
        self._loop = loop
        self._pulling: concurrent.futures.Future[bytes] | None = None
        self._is_broken = False

    def chunks(self) -> Iterator[bytes]:
        """Of about 1 MiB each. Raises what the body raises, ConnectionFailed when it is broken off."""
        while data := self._next():
            yield data

    def break_off(self) -> None:
        """Nobody waits for the answer any more: whoever reads is told so. Called on the event loop."""
        self._is_broken = True
        if self._pulling is not None:
            self._pulling.cancel()

    def _next(self) -> bytes:
        self._pulling = asyncio.run_coroutine_threadsafe(self._gathered(), self._loop)
        if self._is_broken:
            self._pulling.cancel()
        try:
            return self._pulling.result()
        except concurrent.futures.CancelledError as error:
            raise ConnectionFailed("the request was broken off") from error

    async def _gathered(self) -> bytes:
        pieces, size = [], 0
        while size < CHUNK:
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)


class Payload:
    """What a request brings, to be read once. `algorithm` is that of the checksum that its writer announced, or ""."""

    def __init__(self, request: Request, feed: Feed, *, is_summed: bool = True) -> None:
        """Without `is_summed`, a checksum in the headers is that of something else. Raises S3Error for headers that
        contradict each other or say nothing that could be verified."""
        headers = request.headers
        self._feed = feed
        self.algorithm, self._expected = checksums.announced(headers) if is_summed else ("", "")
        self._sum = checksums.new_sum(self.algorithm or checksums.DEFAULT)
        self._md5 = _content_md5(headers.get("content-md5"))
        said = headers.get("x-amz-content-sha256", "")
        self._sha256 = said.lower() if _SHA256.fullmatch(said) else ""
        self._is_chunked = said.startswith("STREAMING-") or "aws-chunked" in headers.get("content-encoding", "").lower()
        self._is_plainly_chunked = "transfer-encoding" in headers and not self._is_chunked
        self.length = _length(request, is_chunked=self._is_chunked)  # None: it was not said
        self.checksum = ""  # known when all has been read
        self.about: dict[str, str] = {}  # ... and its header

    def must_have_length(self) -> None:
        """Raises S3Error, as S3 does for a body whose length nobody has said."""
        if self.length is not None:
            return
        if self._is_plainly_chunked:
            message = "A header you provided implies functionality that is not implemented"
            raise S3Error("NotImplemented", message, Header="Transfer-Encoding")
        raise S3Error("MissingContentLength")

    def reader(self) -> BinaryIO:
        """Its bytes. Reading raises S3Error when at the end they are not those that were announced."""
        return reader_of(self._verified())

    def read(self, limit: int) -> bytes:
        """All of it. Raises S3Error MalformedXML when it is longer than `limit` bytes: no document is."""
        with self.reader() as source:
            data = source.read(limit + 1)
        if len(data) > limit:
            raise S3Error("MalformedXML")
        return data

    def _verified(self) -> Iterator[bytes]:
        trailers: dict[str, str] = {}
        chunks = self._feed.chunks()
        md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
        size = 0
        for data in decoded(chunks, trailers) if self._is_chunked else chunks:
            size += len(data)
            if self.length is not None and size > self.length:
                raise S3Error("IncompleteBody")
            self._sum.update(data)
            if self._md5:
                md5.update(data)
            if self._sha256:
                sha256.update(data)
            yield data
        if self.length is not None and size != self.length:
            raise S3Error("IncompleteBody")
        self._finish(trailers)
        if self._md5 and md5.digest() != self._md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._sha256 and sha256.hexdigest() != self._sha256:
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                ClientComputedContentSHA256=self._sha256,
                S3ComputedContentSHA256=sha256.hexdigest(),
            )

    def _finish(self, trailers: dict[str, str]) -> None:
        self.checksum = checksums.told(self._sum.digest())
        if self.algorithm:
            header = checksums.header_of(self.algorithm)
            expected = self._expected or checksums.checked(self.algorithm, trailers.get(header, ""))
            if expected != self.checksum:
                raise checksums.mismatch(self.algorithm)
        self.about[checksums.header_of(self.algorithm or checksums.DEFAULT)] = self.checksum


def _content_md5(value: str | None) -> bytes:
    if value is None:
        return b""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return digest


def _length(request: Request, *, is_chunked: bool) -> int | None:
    value = request.header("x-amz-decoded-content-length" if is_chunked else "content-length")
    return int(value) if value.isascii() and value.isdecimal() else None

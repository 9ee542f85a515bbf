"""The caller's side of an exchange: the body that is sent, what takes the answer's, and the watch over both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from smlocal.errors import UsageError

Result = TypeVar("Result")

_WHOLE_BODY = 64 * 1024  # a bigger one is handed over in pieces, so that the loop is never held up
_PIECE = 256 * 1024


class Stalled(Exception):
    """Nothing moved for as long as was allowed."""


class StallWatch:
    """Runs an exchange, and breaks it off when no piece of its body has gone for `seconds`; the answer has as long
    after the last piece. None: never."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._moved = time.monotonic()

    async def pieces(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The body; that a piece is asked for says that the one before has gone."""
        async for piece in body:
            self._moved = time.monotonic()
            yield piece
        self._moved = time.monotonic()

    async def run(self, exchange: Coroutine[Any, Any, Result]) -> Result:
        """Raises Stalled, and what the exchange raises."""
        if self._seconds is None:
            return await exchange
        self._moved = time.monotonic()
        task = asyncio.ensure_future(exchange)
        try:
            while not task.done():
                left = self._moved + self._seconds - time.monotonic()
                if left <= 0:
                    raise Stalled
                await asyncio.wait({task}, timeout=left)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class CallersSides:
    """The caller's body and sink; an error of theirs is kept, not to be taken for one of the connection."""

    def __init__(self, data: bytes | AsyncIterable[bytes] | None, sink: Callable[[bytes], None] | None) -> None:
        self.data = data if data is None or isinstance(data, bytes) else self._read(data)
        self.sink = None if sink is None else self._write
        self._sink = sink
        self.failure: Exception | None = None

    async def _read(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in body:
                yield piece
                # A server may refuse early (413) and close: its answer is read before a write finds the socket reset.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        except Exception as error:
            self.failure = error
            raise

    def _write(self, piece: bytes) -> None:
        if self._sink is None:
            return
        try:
            self._sink(piece)
        except Exception as error:
            self.failure = error
            raise OSError("the sink failed") from error


def framed(
    headers: Mapping[str, str], body: bytes | AsyncIterable[bytes] | None
) -> tuple[dict[str, str], bytes | AsyncIterable[bytes] | None]:
    """The headers as the library must be given them, and the body as it takes it without holding up the loop."""
    try:
        sent = {name: value.encode("latin-1").decode("utf-8") for name, value in headers.items()}
    except UnicodeError as error:
        raise UsageError(f"a header has bytes that cannot be sent: {error}") from error
    if isinstance(body, bytes) and len(body) > _WHOLE_BODY:
        sent["Content-Length"] = str(len(body))
        return sent, _pieces(body)
    return sent, body


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]

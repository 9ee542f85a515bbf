"""Chunks of bytes read as a file: what an engine gives as an iterator, a store takes as a stream."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1024 * 1024
_AHEAD = 4  # chunks
_GLANCE = 0.2  # seconds between two looks at whether to go on
_FAREWELL = 1.0  # seconds that a thread is given to end


def reader_of(chunks: Iterable[bytes]) -> io.BufferedReader:
    """A readable file over byte chunks, which holds no more than a chunk of them.

    Exceptions of the iterator reach whoever reads; closing the file closes a generator.
    """
    return io.BufferedReader(_Chunks(chunks), CHUNK)


def chunks_of(source: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """The bytes of a file, in chunks; the file is closed at the end."""
    with source:
        while data := source.read(size):
            yield data


def counted(chunks: Iterable[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    """The same chunks; `on_bytes` is told the size of each as it passes, and may end the stream by raising."""
    try:
        for chunk in chunks:
            on_bytes(len(chunk))
            yield chunk
    finally:
        # an engine that sends what nobody takes any more would hold on to its container
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def ahead(chunks: Iterator[bytes], on_wait: Callable[[], None]) -> Iterator[bytes]:
    """The same chunks, a few read ahead by a thread; `on_wait` is called again and again while none comes, and may end
    it by raising. A thread that waits for a silent source then is left to end when the source does."""
    found: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
    over = threading.Event()
    thread = threading.Thread(target=_fill, args=(chunks, found, over), name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            try:
                item = found.get(timeout=_GLANCE)
            except queue.Empty:
                on_wait()
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        over.set()
        thread.join(_FAREWELL)


def _fill(chunks: Iterator[bytes], found: queue.Queue[bytes | BaseException | None], over: threading.Event) -> None:
    end: BaseException | None = None
    try:
        for chunk in chunks:
            if not _offered(chunk, found, over):
                break
    except BaseException as error:
        end = error
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    _offered(end, found, over)


def _offered(
    item: bytes | BaseException | None, found: queue.Queue[bytes | BaseException | None], over: threading.Event
) -> bool:
    """False when nobody takes any more."""
    while not over.is_set():
        try:
            found.put(item, timeout=_GLANCE)
            return True
        except queue.Full:
            continue
    return False


def first_bytes(source: BinaryIO, length: int) -> io.BufferedReader:
    """The next `length` bytes of a file, as a file; closing it closes the other."""
    return io.BufferedReader(_First(source, length), min(CHUNK, max(length, 1)))


class _First(io.RawIOBase):
    def __init__(self, source: BinaryIO, length: int) -> None:
        super().__init__()
        self._source, self._left = source, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        data = self._source.read(min(len(target), self._left))
        self._left -= len(data)
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest and len(target):
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        length = min(len(target), len(self._rest))
        target[:length] = self._rest[:length]
        self._rest = self._rest[length:]
        return length

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if not self.closed and close is not None:
            close()
        super().close()

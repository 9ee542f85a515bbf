"""Gzip both ways over streams, in constant memory: compressing on all processors, decompressing with a limit.

Compressing cuts the input into blocks, each compressed on a thread of its own (zlib runs without the interpreter's
lock) with the end of the block before as its dictionary, as pigz does; together they are one ordinary gzip member. The
bytes depend on the input and the level only.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from smlocal.errors import BrokenArchive
from smlocal.streams import CHUNK

LEVEL = 6  # gzip's own default
_BLOCK = 512 * 1024  # bytes compressed as one piece
_WINDOW = 32 * 1024  # how far back deflate refers
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no name, no time, unknown system
_MAGIC = _HEADER[:2]
_WBITS_RAW, _WBITS_GZIP = -15, 31


def compressed(chunks: Iterable[bytes], level: int = LEVEL, threads: int | None = None) -> Iterator[bytes]:
    """The gzip member of these bytes. Exceptions of `chunks` come through."""
    threads = threads or min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    checksum, length = zlib.crc32(b""), 0
    pending: deque[Future[bytes]] = deque()
    yield _HEADER
    with ThreadPoolExecutor(threads, thread_name_prefix="gzip") as pool:
        for block, before, last in _with_context(_blocks(chunks)):
            pending.append(pool.submit(_deflated, block, before, level, last))
            checksum, length = zlib.crc32(block, checksum), length + len(block)
            while len(pending) > 2 * threads or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    yield struct.pack("<II", checksum, length & 0xFFFFFFFF)


def _deflated(block: bytes, before: bytes, level: int, last: bool) -> bytes:
    state = zlib.compressobj(level, zlib.DEFLATED, _WBITS_RAW, zdict=before)
    return state.compress(block) + state.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one size but the last; one empty block when there are none."""
    parts: list[bytes] = []
    have = 0
    for chunk in chunks:
        view = memoryview(chunk)
        while have + len(view) > _BLOCK:
            take = _BLOCK - have
            yield b"".join([*parts, view[:take]])
            parts, have, view = [], 0, view[take:]
        parts.append(bytes(view))
        have += len(view)
    yield b"".join(parts)


def _with_context(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes, bool]]:
    """Each block with the end of the one before it, and whether it is the last."""
    before, block = b"", next(blocks)
    for following in blocks:
        yield block, before, False
        before, block = block[-_WINDOW:], following
    yield block, before, True


def decompressed(source: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The bytes of a gzip file (one or more members), in chunks, each with how many bytes of `source` it took so far.

    Raises BrokenArchive for anything that is not gzip to its last byte; zero bytes after it are padding.
    """
    taken = 0
    data = source.read(CHUNK)
    if not data:
        raise BrokenArchive("it is empty")
    while data:
        if not _MAGIC.startswith(data[:2]):
            raise BrokenArchive("bytes that are not gzip follow it" if taken else "it is not gzip-compressed")
        state = zlib.decompressobj(_WBITS_GZIP)
        while not state.eof:
            before = len(data)
            out = _inflated(state, data)
            data = state.unused_data if state.eof else state.unconsumed_tail
            taken += before - len(data)
            if out:
                yield out, taken
            if (
                not data and not state.eof
            ):  # output that zlib still holds comes with the next bytes, the checksum's at least
                data = source.read(CHUNK)
                if not data:
                    raise BrokenArchive("its gzip data ends too early")
        data = _after_padding(source, data)


def _inflated(state: zlib._Decompress, data: bytes) -> bytes:
    try:
        return state.decompress(data, CHUNK)
    except zlib.error as error:
        raise BrokenArchive(f"its gzip data is damaged ({error})") from error


def _after_padding(source: BinaryIO, data: bytes) -> bytes:
    """The bytes from the next that is not zero on; b"" at the end."""
    while True:
        data = data.lstrip(b"\0")
        if data:
            return data
        data = source.read(CHUNK)
        if not data:
            return b""

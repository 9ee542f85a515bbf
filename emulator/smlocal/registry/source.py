"""The bytes of a blob, as an upload takes them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from smlocal.errors import RegistryError
from smlocal.off_loop import in_thread
from smlocal.registry.interface import Descriptor

_PIECE = 256 * 1024


class Source:
    """The bytes of a blob from any place on, opened anew when they are wanted from another place than the last."""

    def __init__(self, blob: Descriptor, read: Callable[[], BinaryIO]) -> None:
        self._blob = blob
        self._read = read
        self._handle: BinaryIO | None = None
        self._at = 0
        self.taken = 0  # up to where the last request has taken them

    async def pieces(self, start: int, size: int) -> AsyncIterator[bytes]:
        """Raises RegistryError when there are fewer than the blob's descriptor says."""
        self.taken = start
        while self.taken < start + size:
            wanted = min(_PIECE, start + size - self.taken)
            piece = await in_thread(lambda wanted=wanted: self._next(self.taken, wanted))  # type: ignore[misc]
            yield piece
            self.taken += len(piece)

    def is_as_described(self) -> bool:
        """Whether all bytes have the digest and the length of the descriptor."""
        found, size = hashlib.sha256(), 0
        with self._read() as handle:
            while piece := handle.read(_PIECE):
                found.update(piece)
                size += len(piece)
        return size == self._blob.size and f"sha256:{found.hexdigest()}" == self._blob.digest

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _next(self, at: int, wanted: int) -> bytes:
        if self._handle is None or self._at != at:
            self._move(at)
        assert self._handle is not None
        piece = self._handle.read(wanted)
        if not piece:
            raise RegistryError(f"the blob {self._blob.digest} ends after {at} bytes; it should have {self._blob.size}")
        self._at = at + len(piece)
        return piece

    def _move(self, at: int) -> None:
        self.close()
        self._handle, self._at = self._read(), 0
        if self._handle.seekable():
            self._handle.seek(at)
        else:
            while self._at < at and (piece := self._handle.read(min(_PIECE, at - self._at))):
                self._at += len(piece)
        self._at = at

"""Bytes on their way from a container to the store: in memory while they are few, then in a file without a name."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import DiskFull

_COPY = 256 * 1024


class Spool:
    """Bytes of unknown number, of which at most `in_memory` are held in memory."""

    def __init__(self, in_memory: int) -> None:
        self._in_memory = in_memory
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0
        self.last = b""  # the last byte

    def write(self, piece: bytes) -> None:
        """Add bytes at the end. Raises DiskFull."""
        if not piece:
            return
        self.size += len(piece)
        self.last = piece[-1:]
        if self._file is None and self.size <= self._in_memory:
            self._pieces.append(piece)
            return
        try:
            self._on_disk().write(piece)
        except OSError as error:
            raise DiskFull(f"{tempfile.gettempdir()} cannot hold {self.size} bytes: {error.strerror}") from error

    def _on_disk(self) -> BinaryIO:
        if self._file is None:
            descriptor, path = tempfile.mkstemp(prefix="smlocal-")
            self._file = os.fdopen(descriptor, "w+b")
            Path(path).unlink()
            for piece in self._pieces:
                self._file.write(piece)
            self._pieces.clear()
        return self._file

    def append(self, other: Spool) -> None:
        """Write all of `other`."""
        if other._file is None:
            self.write(b"".join(other._pieces))
            return
        source = other.open()
        while piece := source.read(_COPY):
            self.write(piece)

    def open(self) -> BinaryIO:
        """All bytes from the first; valid until this spool is closed."""
        if self._file is None:
            return io.BytesIO(b"".join(self._pieces))
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Give back memory and disk. May be called again."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()

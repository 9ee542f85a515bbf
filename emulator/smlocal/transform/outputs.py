"""The outputs of a job on their way to the store, so that a job that is stopped leaves the store as it found it.

API reference, TransformOutput and StopTransformJob: each object's output is stored when the object is done, also when
others fail, and of a job that was stopped no output is stored; a later job replaces what an earlier one stored. Hence:

- Where nothing is stored yet, an output is stored as soon as it is complete, and taken back when the job is stopped.
- Where something is stored already (an earlier job's output, a file of the user's), the new output is held on this
  machine's disk until the job has come to its end, and replaces the old one only then. Until that moment a stop, a
  crash or a `kill -9` leaves the old one as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import BinaryIO

from smlocal.errors import NoSuchObject
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.streams import CHUNK, reader_of
from smlocal.transform.spool import Spool


class Outputs:
    """The outputs of one job. `add` may be called from several threads at a time, the others when that is over."""

    def __init__(self, store: ObjectStore, bucket: str, in_memory: int) -> None:
        self._store = store
        self._bucket = bucket
        self._stored: list[StoredObject] = []
        # all in one file, one after the other: a job may replace more outputs than a process may have files open
        self._held = Spool(in_memory)
        self._sizes: dict[str, int] = {}
        self._holding = threading.Lock()

    def add(self, key: str, output: Spool) -> None:
        """Take a complete output: it is stored now, or held because something is stored under its key."""
        if self._is_taken(key):
            with self._holding:
                self._held.append(output)
                self._sizes[key] = output.size
        else:
            self._stored.append(self._store.put(self._bucket, key, output.open()))

    def publish(self) -> None:
        """Let what was held replace what is stored."""
        source = self._held.open()
        for key, size in self._sizes.items():
            self._store.put(self._bucket, key, reader_of(_next(source, size)))
        self._sizes.clear()

    def take_back(self) -> None:
        """Delete what was stored, but what somebody has replaced meanwhile."""
        for item in self._stored:
            if self._found(item.key) == item:
                self._store.delete(self._bucket, item.key)

    def close(self) -> None:
        """Forget what is held. May be called again."""
        self._held.close()

    def _is_taken(self, key: str) -> bool:
        return self._found(key) is not None

    def _found(self, key: str) -> StoredObject | None:
        try:
            return self._store.head(self._bucket, key)
        except NoSuchObject:
            return None


def _next(source: BinaryIO, size: int) -> Iterator[bytes]:
    """The next `size` bytes."""
    while size and (piece := source.read(min(size, CHUNK))):
        size -= len(piece)
        yield piece

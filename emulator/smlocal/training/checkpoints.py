"""Checkpoints: kept in the store while a job runs, so that a job that is cut off can go on from them.

On the platform new and changed files are uploaded continuously and deletions are repeated in S3; marker files of the
sync are never uploaded. Source: developer guide, model-checkpoints. A folder of the user's own disk is only added to,
unless deleting was asked for.
"""

from __future__ import annotations

import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from smlocal.channels import Files
from smlocal.errors import NotFoundInEngine, SmlocalError
from smlocal.storage.interface import ObjectStore
from smlocal.streams import reader_of
from smlocal.tree import TreeFile

_SETTLED = 2.0  # seconds
_UNKNOWN = -1
_MARKERS = (".sagemaker-uploading", ".sagemaker-uploaded")


class CheckpointSync:
    """Brings a container's checkpoint directory to the store, changed files only."""

    def __init__(
        self, store: ObjectStore, restored: Files, *, deletes: bool, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._store = store
        self._bucket = restored.bucket
        self._prefix = restored.prefix
        self._deletes = deletes
        files = (entry for entry in restored.entries if isinstance(entry, TreeFile))
        self._seen: dict[str, tuple[int, int]] = {file.path: (file.size, int(file.modified or 0)) for file in files}
        self._lock = threading.Lock()
        self.left_out: list[str] = []  # what is neither a file nor a folder, such as a symbolic link, at the last look

    def bring(self, archive: Iterator[bytes]) -> int:
        """Store what is new or changed in a tar stream of the directory; gives how many files that were."""
        with self._lock, reader_of(archive) as source, tarfile.open(fileobj=source, mode="r|") as members:
            present: dict[str, tuple[int, int]] = {}
            second_names: dict[str, str] = {}
            left_out: list[str] = []
            stored = 0
            for member in members:
                path = member.name.partition("/")[2]
                if path.endswith(_MARKERS):
                    continue
                if member.islnk():
                    second_names[path] = member.linkname.partition("/")[2]
                elif not member.isfile() and not member.isdir():
                    left_out.append(path)
                if not member.isfile():
                    continue
                found = (member.size, int(member.mtime))
                if self._seen.get(path) != found:
                    stored += self._put(members, member, path)
                # times are whole seconds: what was written just now may be written again within the same one
                settled = member.mtime < self._clock() - _SETTLED
                present[path] = found if settled else (member.size, _UNKNOWN)
            stored += self._copy(second_names, present)
            self._forget(present)
            self._seen = present
            self.left_out = left_out
        return stored

    def _put(self, members: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> int:
        source: Any = members.extractfile(member)
        self._store.put(self._bucket, self._prefix + path, source)
        return 1

    def _copy(self, second_names: dict[str, str], present: dict[str, tuple[int, int]]) -> int:
        """A second name of a file (a hard link) is a second object."""
        stored = 0
        for path, first in second_names.items():
            if first not in present:  # a marker, which is not kept
                continue
            present[path] = present[first]
            if self._seen.get(path) != present[path] or present[path][1] == _UNKNOWN:
                with self._store.open(self._bucket, self._prefix + first) as source:
                    self._store.put(self._bucket, self._prefix + path, source)
                stored += 1
        return stored

    def _forget(self, present: dict[str, tuple[int, int]]) -> None:
        if self._deletes:
            for path in self._seen.keys() - present.keys():
                self._store.delete(self._bucket, self._prefix + path)


class PeriodicSync:
    """Runs a sync every `interval` seconds until it is left; the last one is the caller's."""

    def __init__(self, sync: CheckpointSync, read: Callable[[], Iterator[bytes]], interval: float) -> None:
        self._sync = sync
        self._read = read
        self._interval = interval
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint sync", daemon=True)
        self.failure: SmlocalError | None = None

    def _run(self) -> None:
        while not self._over.wait(self._interval):
            try:
                self._sync.bring(self._read())
            except NotFoundInEngine:
                continue
            except (SmlocalError, tarfile.ReadError) as error:
                # a file that changed while it was read: the next round, or the last sync, has it whole
                self.failure = error if isinstance(error, SmlocalError) else self.failure

    def __enter__(self) -> PeriodicSync:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

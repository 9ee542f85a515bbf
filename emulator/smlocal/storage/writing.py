"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import DiskFull, StorageError
from smlocal.storage.beside import keep

PARTIAL = ".smlocal-partial-"  # a file of this name is being written, or was when its writer died
CHUNK = 1024 * 1024
_BEGINNING = 2.0  # seconds in which a new file may not be locked yet


@dataclass(frozen=True)
class Spooled:
    """A file that has all of its bytes but not yet its name."""

    path: Path
    status: os.stat_result
    etag: str

    def move_to(self, target: Path) -> None:
        self.path.replace(target)


@contextlib.contextmanager
def told(doing: str) -> Iterator[None]:
    """An OSError becomes DiskFull or StorageError, with what was being done."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{doing}: no space is left on the device") from error
        raise StorageError(f"{doing}: {error.strerror or error}") from error


@contextlib.contextmanager
def spooled(
    folder: Path,
    source: BinaryIO,
    *,
    etag: str | None = None,
    about: Mapping[str, str] | None = None,
    notes: Path | None = None,
) -> Iterator[Spooled]:
    """All bytes of `source` in a file of `folder`, which is removed unless it was moved to its place.

    The ETag (without one, the MD5 of the bytes) and what is said about them are kept: see `beside`. It is not synced to
    the disk: after a loss of power (not of the process) an object may be missing. It is locked until it has its place,
    so that `sweep` tells it from one whose writer died.
    """
    path = folder / f"{PARTIAL}{secrets.token_hex(8)}"
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("xb", buffering=0) as target:
            with contextlib.suppress(OSError):  # a file system without locks: nothing can be swept there either
                fcntl.flock(target, fcntl.LOCK_EX)
            while data := source.read(CHUNK):
                if etag is None:
                    digest.update(data)
                _write_all(target.fileno(), data)
            kept = etag or digest.hexdigest()
            keep(target.fileno(), kept, about or {}, notes)
            yield Spooled(path, os.fstat(target.fileno()), kept)
    finally:
        path.unlink(missing_ok=True)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sweep(folder: Path) -> None:
    """Remove what writers that died left in `folder`: partial files that nobody has locked."""
    newest = time.time() - _BEGINNING
    for path in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_mtime < newest:
                path.unlink()

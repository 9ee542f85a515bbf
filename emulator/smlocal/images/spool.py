"""A folder for the files of one piece of work, gone when it ends; after a kill the next one removes it.

A lock beside the folder is held for as long as its owner lives, so that what a dead owner left is told from what a live
one uses; the kernel lets the lock go whatever ends a process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from smlocal.storage.writing import told

_LOCK = ".lock"


@contextlib.contextmanager
def spool_folder(parent: Path) -> Iterator[Path]:
    """An empty folder below `parent`, after what dead owners left there was removed. Raises DiskFull, StorageError."""
    sweep(parent)
    with told(f"preparing {parent}"):
        parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(parent)
    folder = Path(lock.name).with_suffix("")
    try:
        with told(f"preparing {folder}"):
            folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)
        lock.close()


def sweep(parent: Path) -> None:
    """Remove what owners that died left, where no folder is needed either."""
    for path in parent.glob(f"*{_LOCK}"):
        with contextlib.suppress(OSError), path.open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink()


def _locked(parent: Path) -> IO[bytes]:
    """A new lock that is held and in its place: before it was locked another's sweep may have taken it."""
    while True:
        lock = (parent / f"{secrets.token_hex(8)}{_LOCK}").open("xb")
        with contextlib.suppress(OSError):  # a file system without locks: nothing can be swept there either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock.fileno()).st_nlink:
            return lock
        lock.close()

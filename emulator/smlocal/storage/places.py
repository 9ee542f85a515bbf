"""Where in a bucket's folder the file of an object is: under its own name, or at its reserved place (see `keys`).

Names are changed only by who holds the bucket's lock; files appear and vanish whole.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import StorageError
from smlocal.storage.keys import RESERVED, is_plain, key_of_reserved, reserved_parts, reserved_prefixes
from smlocal.storage.walk import Walk
from smlocal.storage.writing import Spooled

_RESERVED = Walk(follow_links=False, longest=4 * 1024)


class StoredFile:
    """A file that holds the object `key`."""

    __slots__ = ("key", "path", "status")

    def __init__(self, key: str, path: Path, status: os.stat_result) -> None:
        self.key, self.path, self.status = key, path, status


def candidates(folder: Path, key: str) -> tuple[Path, ...]:
    """Where the object may be, the first that holds a file being it."""
    reserved = folder.joinpath(RESERVED, *reserved_parts(key))
    return (folder / key, reserved) if is_plain(key) else (reserved,)


def file_status(folder: Path, path: Path) -> os.stat_result | None:
    """Of a file, None when there is none. Raises StorageError when a symbolic link is met on the way."""
    at = folder
    parts = path.relative_to(folder).parts
    for part in parts:
        at = at / part
        try:
            status = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(status.st_mode):
            raise StorageError(f"{at} is a symbolic link, which the store does not follow")
    return status if stat.S_ISREG(status.st_mode) else None


def seen(folder: Path, key: str) -> StoredFile | None:
    for path in candidates(folder, key):
        status = file_status(folder, path)
        if status is not None:
            return StoredFile(key, path, status)
    return None


def opened(file: StoredFile) -> BinaryIO:
    return os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def place(folder: Path, key: str, file: Spooled) -> Path:
    """Give a spooled file the name of its object; gives the path."""
    *others, reserved = candidates(folder, key)
    for plain in others:
        _make_folders(folder, plain.parent)
        if not plain.is_dir():
            file.move_to(plain)
            if file_status(folder, reserved) is not None:
                reserved.unlink()
                prune(reserved.parent, folder)
            return plain
    _make_folders(folder, reserved.parent)
    file.move_to(reserved)
    return reserved


def _make_folders(folder: Path, wanted: Path) -> None:
    """Make a folder below the bucket's; an object in its way (`a`, for `a/b`) moves to its reserved place."""
    at = folder
    for part in wanted.relative_to(folder).parts:
        at = at / part
        try:
            mode = at.lstat().st_mode
        except FileNotFoundError:
            at.mkdir()
            continue
        if stat.S_ISREG(mode) and is_plain(key := at.relative_to(folder).as_posix()):
            reserved = folder.joinpath(RESERVED, *reserved_parts(key))
            _make_folders(folder, reserved.parent)
            at.replace(reserved)
            at.mkdir()
        elif not stat.S_ISDIR(mode):
            raise StorageError(f"{at} is neither a file nor a folder; the store does not follow it")


def prune(path: Path, folder: Path) -> None:
    """Remove a folder that no object is in any more, and those above it, up to the bucket's."""
    while path != folder:
        try:
            path.rmdir()
        except OSError:
            return
        path = path.parent


def reserved_files(folder: Path, prefix: str) -> Iterator[StoredFile]:
    for start in reserved_prefixes(prefix):
        for found in _RESERVED.files(folder / RESERVED, start):
            key = key_of_reserved(found.key.split("/"))
            if key is not None and key.startswith(prefix):
                yield StoredFile(key, found.path, found.status)

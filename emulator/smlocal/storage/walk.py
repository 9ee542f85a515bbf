"""A folder's files as keys, in S3's order, seeing only the sub-folders that a prefix reaches."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smlocal.errors import StorageError
from smlocal.storage.keys import LONGEST_KEY, is_file_name, sort_key


@dataclass(frozen=True)
class Found:
    """A file (or folder, when asked for) below the folder walked."""

    key: str  # relative to the folder, "/" between parts
    path: Path
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


@dataclass(frozen=True)
class Walk:
    """How a folder is walked. What has no place in a store (a link not followed, a device) is refused by name."""

    follow_links: bool
    folders: bool = False  # folders are told as well, each before what is in it
    hidden: frozenset[str] = frozenset()  # names at the top that are not objects
    hidden_prefix: str | None = None  # ... and at any depth, names that begin so
    longest: int = LONGEST_KEY  # of a key, in bytes

    def files(self, folder: Path, prefix: str = "", after: str = "") -> Iterator[Found]:
        """Those whose key begins with the string `prefix` and comes after `after`, in UTF-8 byte order; folders with
        none of those are not looked into. Raises StorageError."""
        last = sort_key(after)
        above, slash, start = prefix.rpartition("/")
        if slash and not all(is_file_name(part) for part in above.split("/")):
            return
        top = self._below(folder, above)
        if top is None:
            return
        base = f"{above}/" if above else ""
        stack = [(iter(self._sorted(top, base, start)), _identity(top))]
        while stack:
            found = next(stack[-1][0], None)
            if found is None:
                stack.pop()
            elif not found.is_folder:
                if sort_key(found.key) > last:
                    yield found
            elif _may_follow(sort_key(found.key) + b"/", last):
                if self.folders:
                    yield found
                identity = (found.status.st_dev, found.status.st_ino)
                if any(identity == seen for _, seen in stack):
                    raise StorageError(f"{found.path} is a symbolic link to a folder that it is in")
                stack.append((iter(self._sorted(found.path, f"{found.key}/", "")), identity))

    def _below(self, folder: Path, relative: str) -> Path | None:
        """The sub-folder, or None when there is none; a link on the way is refused when links are not followed."""
        path = folder
        for part in relative.split("/") if relative else ():
            path = path / part
            if path.is_symlink() and not self.follow_links:
                raise StorageError(f"{path} is a symbolic link, which the store does not follow")
        return path if path.is_dir() else None

    def _sorted(self, folder: Path, base: str, start: str) -> list[Found]:
        """A folder counts in the order as the "name/" that its keys begin with."""
        first = base.encode()
        found: list[tuple[bytes, Found]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self._is_hidden(entry.name, top=not base) or not entry.name.startswith(start):
                        continue
                    item = self._found(entry, base)
                    if item is not None:
                        order = sort_key(item.key)[len(first) :] + (b"/" if item.is_folder else b"")
                        found.append((order, item))
        except (FileNotFoundError, NotADirectoryError):
            return []  # removed since it was seen
        except OSError as error:
            raise StorageError(f"{folder} cannot be listed: {error.strerror}") from error
        found.sort(key=lambda pair: pair[0])
        return [item for _, item in found]

    def _is_hidden(self, name: str, *, top: bool) -> bool:
        if top and name in self.hidden:
            return True
        return self.hidden_prefix is not None and name.startswith(self.hidden_prefix)

    def _found(self, entry: os.DirEntry[str], base: str) -> Found | None:
        path, key = Path(entry.path), base + entry.name
        try:
            length = len(key.encode())
        except UnicodeEncodeError as error:
            raise StorageError(f"{entry.path!r} has a name that is not UTF-8, which no key can be") from error
        if length > self.longest:
            raise StorageError(f"{path} would be a key of {length} bytes; S3 allows {self.longest}")
        link = entry.is_symlink()
        if link and not self.follow_links:
            raise StorageError(f"{path} is a symbolic link, which the store does not follow")
        try:
            status = entry.stat()
        except FileNotFoundError as error:
            if link:
                raise StorageError(f"{path} is a symbolic link to nothing") from error
            return None
        except OSError as error:
            raise StorageError(f"{path} cannot be looked at: {error.strerror}") from error
        if not stat.S_ISDIR(status.st_mode) and not stat.S_ISREG(status.st_mode):
            raise StorageError(f"{path} is neither a file nor a folder")
        return Found(key, path, status)


def _may_follow(start: bytes, last: bytes) -> bool:
    """Whether a key that begins with `start` may come after `last`."""
    return start > last or last.startswith(start)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino

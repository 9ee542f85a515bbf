"""Folders and files of the user's disk as buckets, beside the buckets of another store.

`--channel train=./data` needs no upload: the folder is mounted as a bucket of its own and read where it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import NoSuchObject, ObjectChanged, StorageError, UsageError
from smlocal.storage.beside import about_of, etag_of
from smlocal.storage.interface import ObjectStore, StoredBucket, StoredObject
from smlocal.storage.keys import LONGEST_KEY, checked_key, is_file_name, sort_key
from smlocal.storage.walk import Found, Walk
from smlocal.storage.writing import PARTIAL, spooled, sweep, told
from smlocal.streams import first_bytes

_FOLLOWING = Walk(follow_links=True, hidden_prefix=PARTIAL)
_STRICT = Walk(follow_links=False, hidden_prefix=PARTIAL)


@dataclass(frozen=True)
class Mount:
    """A folder (its files are the objects `<name>/<path below it>`) or one file (the object `<name>`).

    Symbolic links are followed when reading, as `aws s3 cp` follows them; one that leads nowhere, or in a circle, and
    whatever is neither a file nor a folder is refused by name when it is listed.
    """

    path: Path
    name: str
    writable: bool = False
    deletable: bool = False  # objects may be deleted from the user's disk

    @property
    def is_file(self) -> bool:
        return self.path.is_file()

    @property
    def prefix(self) -> str:
        """What a channel or an output is given: the key of the file, or the folder's keys' prefix."""
        return self.name if self.is_file else f"{self.name}/"


def mount_of(path: Path, *, writable: bool = False, deletable: bool = False) -> tuple[str, Mount]:
    """A bucket's name for a folder or file, always the same for the same path, and its mount.

    Raises UsageError when it does not exist (a writable folder is made).
    """
    real = path.expanduser().resolve()
    if writable:
        with told(f"making the folder {path}"):
            real.mkdir(parents=True, exist_ok=True)
    if not real.is_dir() and not real.is_file():
        raise UsageError(f"{path} is neither a folder nor a file")
    name = path.name if is_file_name(path.name) else real.name or "root"
    if not name.isprintable() or len(name.encode(errors="surrogatepass")) != len(os.fsencode(name)):
        raise UsageError(f"{path} has a name that no S3 key can have")
    bucket = f"smlocal-local-{hashlib.sha256(os.fsencode(real)).hexdigest()[:16]}"
    return bucket, Mount(real, name, writable, deletable)


class MountedStore:
    """The buckets of `base`, and those that `mounts` names, which hide buckets of the same name.

    Writing to a mount leaves a partial file there only while it is written (`.smlocal-partial-…`, never an object). A
    key that cannot be a file's path (`a//b`, `..`, `a` beside `a/b`) is refused by name.
    """

    def __init__(self, base: ObjectStore, mounts: Mapping[str, Mount]) -> None:
        self._base = base
        self._mounts = dict(mounts)
        self._swept: set[Path] = set()

    def describe(self) -> str:
        folders = [str(mount.path) for mount in self._mounts.values()]
        return " and ".join([*folders, self._base.describe()])

    def ensure_bucket(self, bucket: str) -> None:
        if bucket not in self._mounts:
            self._base.ensure_bucket(bucket)

    def bucket_exists(self, bucket: str) -> bool:
        return bucket in self._mounts or self._base.bucket_exists(bucket)

    def buckets(self) -> list[StoredBucket]:
        """Without the mounts, whose names nobody but their job knows."""
        return self._base.buckets()

    def delete_bucket(self, bucket: str) -> None:
        if bucket in self._mounts:
            raise StorageError(f"{self._mounts[bucket].path} is yours: it is not deleted")
        self._base.delete_bucket(bucket)

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        mount = self._mounts.get(bucket)
        return self._base.list(bucket, prefix, after) if mount is None else _listed(bucket, mount, prefix, after)

    def head(self, bucket: str, key: str) -> StoredObject:
        mount = self._mounts.get(bucket)
        if mount is None:
            return self._base.head(bucket, key)
        path = _path(bucket, mount, key)
        with told(f"looking at {path}"):
            return _object(bucket, Found(key, path, path.stat()), about=True)

    def open(
        self, bucket: str, key: str, *, first: int = 0, length: int | None = None, etag: str | None = None
    ) -> BinaryIO:
        mount = self._mounts.get(bucket)
        if mount is None:
            return self._base.open(bucket, key, first=first, length=length, etag=etag)
        path = _path(bucket, mount, key)
        with told(f"reading {path}"):
            if etag is not None and etag_of(path, path.stat()) != etag:
                raise ObjectChanged(f"{path} has changed")
            source = path.open("rb")
            source.seek(first)
        return source if length is None else first_bytes(source, length)

    def put(
        self,
        bucket: str,
        key: str,
        source: BinaryIO,
        *,
        about: Mapping[str, str] | None = None,
        etag: str | None = None,
        expected: str | None = None,
    ) -> StoredObject:
        """What a mount expects is looked at just before the file is moved to its place; nothing is locked."""
        mount = self._mounts.get(bucket)
        if mount is None:
            return self._base.put(bucket, key, source, about=about, etag=etag, expected=expected)
        target = _target(mount, key)
        with told(f"writing {target}"):
            _must_be_within(mount, target.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._sweep_once(target.parent)
            with spooled(target.parent, source, etag=etag, about=about) as file:
                _check_expected(target, expected)
                file.move_to(target)
                return _object(bucket, Found(key, target, file.status), about=True)

    def _sweep_once(self, folder: Path) -> None:
        if folder not in self._swept:
            self._swept.add(folder)
            sweep(folder)

    def delete(self, bucket: str, key: str) -> None:
        mount = self._mounts.get(bucket)
        if mount is None:
            self._base.delete(bucket, key)
            return
        checked_key(key)
        if not mount.deletable:
            raise StorageError(f"nothing is deleted from {mount.path}, which is yours: {key} stays")
        with contextlib.suppress(NoSuchObject):
            path = _path(bucket, mount, key)
            with told(f"deleting {path}"):
                _must_be_within(mount, path.parent)
                path.unlink(missing_ok=True)

    def local_folder(self, bucket: str, prefix: str) -> Path | None:
        """None also when a symbolic link or anything that is no file is in it, or a name that no key can be."""
        mount = self._mounts.get(bucket)
        if mount is None:
            return self._base.local_folder(bucket, prefix)
        parts = prefix.split("/")
        if mount.is_file or parts[0] != mount.name or parts[-1] or not all(map(is_file_name, parts[:-1])):
            return None
        try:
            for found in _STRICT.files(mount.path, "/".join(parts[1:])):
                if not _is_key(f"{mount.name}/{found.key}"):
                    return None
        except StorageError:
            return None
        folder = mount.path.joinpath(*parts[1:-1])
        holds_partial = next(folder.rglob(f"{PARTIAL}*"), None) is not None
        return folder if folder.is_dir() and not holds_partial else None


def _is_key(key: str) -> bool:
    return len(key.encode()) <= LONGEST_KEY


def _object(bucket: str, found: Found, *, about: bool = False) -> StoredObject:
    status = found.status
    said = about_of(found.path, status) if about else {}
    return StoredObject(bucket, found.key, status.st_size, etag_of(found.path, status), status.st_mtime, said)


def _check_expected(target: Path, expected: str | None) -> None:
    there = etag_of(target, target.stat()) if target.is_file() else ""
    if expected is not None and there != expected:
        kind = ObjectChanged if there else NoSuchObject
        raise kind(f"{target} is not as it was expected to be")


def _listed(bucket: str, mount: Mount, prefix: str, after: str) -> Iterator[StoredObject]:
    if not mount.path.exists():
        raise StorageError(f"{mount.path} does not exist any more")
    if mount.is_file:
        if mount.name.startswith(prefix) and sort_key(mount.name) > sort_key(after):
            yield _object(bucket, Found(mount.name, mount.path, mount.path.stat()))
        return
    base = f"{mount.name}/"
    if not (prefix.startswith(base) or base.startswith(prefix)):
        return
    if sort_key(after) > sort_key(base) and not after.startswith(base):
        return
    for found in _FOLLOWING.files(
        mount.path, prefix[len(base) :], after[len(base) :] if after.startswith(base) else ""
    ):
        key = base + found.key
        if not _is_key(key):
            raise StorageError(f"{found.path} would be a key of more than {LONGEST_KEY} bytes")
        yield _object(bucket, Found(key, found.path, found.status))


def _relative(mount: Mount, key: str) -> list[str] | None:
    """The parts of the path below the mounted folder; None for a key that is no file's path there."""
    first, *others = checked_key(key).split("/")
    usable = all(is_file_name(part) and not part.startswith(PARTIAL) for part in others)
    return others if first == mount.name and usable and bool(others) != mount.is_file else None


def _path(bucket: str, mount: Mount, key: str) -> Path:
    """The existing file of an object. Raises NoSuchObject."""
    parts = _relative(mount, key)
    path = None if parts is None else mount.path.joinpath(*parts)
    if path is None or not path.is_file():
        raise NoSuchObject(f"there is no object s3://{bucket}/{key}: {mount.path} has no such file")
    return path


def _target(mount: Mount, key: str) -> Path:
    """Where an object is to be written."""
    if not mount.writable:
        raise StorageError(f"{mount.path} is only read: {key} is not written there")
    parts = _relative(mount, key)
    if not parts:
        raise StorageError(f'the key "{key}" cannot be the path of a file in {mount.path}')
    target = mount.path.joinpath(*parts)
    if target.is_dir():
        raise StorageError(f'the key "{key}" cannot be written in {mount.path}: a folder has its name')
    return target


def _must_be_within(mount: Mount, folder: Path) -> None:
    if not folder.resolve().is_relative_to(mount.path.resolve()):
        raise StorageError(f"{folder} leads out of {mount.path} by a symbolic link; nothing is written there")

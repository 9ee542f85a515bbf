"""Objects in a folder of this machine whose sub-folders are buckets.

Source for what a store must do: Amazon S3 user guide and API (ListObjectsV2, PutObject). Needs a file system whose
names are case-sensitive bytes, as Linux has them. What this process dies over leaves no half object.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import BucketNotEmpty, NoSuchBucket, NoSuchObject, ObjectChanged, StorageError
from smlocal.requests.addresses import is_bucket_name
from smlocal.storage.beside import about_of, etag_of, forget
from smlocal.storage.interface import StoredBucket, StoredObject
from smlocal.storage.keys import RESERVED, checked_bucket, checked_key, is_plain, sort_key
from smlocal.storage.places import StoredFile, candidates, file_status, opened, place, prune, reserved_files, seen
from smlocal.storage.walk import Walk
from smlocal.storage.writing import spooled, sweep, told
from smlocal.streams import first_bytes

_OWN = ".smlocal"  # no bucket can have this name
_PLAIN = Walk(follow_links=False, hidden=frozenset({RESERVED}))


class DirectoryStore:
    """Buckets with objects in the folder `root`, shared by any number of threads and processes.

    Files that a user puts into a bucket's folder are objects; symbolic links there are refused by name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._notes = self._root / _OWN / "notes"
        self._swept = False

    def describe(self) -> str:
        return f"the folder {self._root}"

    def ensure_bucket(self, bucket: str) -> None:
        checked_bucket(bucket)
        with told(f"making the bucket {bucket} in {self._root}"):
            (self._root / bucket).mkdir(parents=True, exist_ok=True)
        self._bucket(bucket)

    def bucket_exists(self, bucket: str) -> bool:
        folder = self._root / bucket
        return is_bucket_name(bucket) and folder.is_dir() and not folder.is_symlink()

    def buckets(self) -> list[StoredBucket]:
        with told(f"listing the buckets in {self._root}"):
            if not self._root.is_dir():
                return []
            folders = [entry for entry in os.scandir(self._root) if self.bucket_exists(entry.name)]
            return sorted((StoredBucket(found.name, found.stat().st_mtime) for found in folders), key=lambda b: b.name)

    def delete_bucket(self, bucket: str) -> None:
        """With the folders that no object is in; never a file."""
        folder = self._bucket(bucket)
        with told(f"deleting the bucket {bucket} in {self._root}"), self._alone_in(bucket):
            if next(self.list(bucket), None) is not None:
                raise BucketNotEmpty(f"the bucket {bucket} in {self.describe()} is not empty")
            for path, _, _ in os.walk(folder, topdown=False):
                Path(path).rmdir()

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        folder = self._bucket(bucket)
        plain = (StoredFile(found.key, found.path, found.status) for found in _PLAIN.files(folder, prefix, after))
        last = sort_key(after)
        others = (file for file in reserved_files(folder, prefix) if sort_key(file.key) > last)
        reserved = sorted(others, key=lambda file: sort_key(file.key))
        merged = heapq.merge(plain, reserved, key=lambda file: sort_key(file.key))  # the plain one first, if both
        return self._each_once(bucket, merged)

    def head(self, bucket: str, key: str) -> StoredObject:
        return self._told(bucket, self._find(bucket, key))

    def open(
        self, bucket: str, key: str, *, first: int = 0, length: int | None = None, etag: str | None = None
    ) -> BinaryIO:
        with told(f"reading s3://{bucket}/{key}"):
            source = self._opened(bucket, key)
            try:
                self._must_be(source, etag)
                source.seek(first)
            except BaseException:
                source.close()
                raise
        return source if length is None else first_bytes(source, length)

    def _opened(self, bucket: str, key: str) -> BinaryIO:
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            return opened(self._find(bucket, key))
        with self._alone_in(bucket):  # a writer gave the file its other place in between
            return opened(self._found(bucket, key))

    def _must_be(self, source: BinaryIO, etag: str | None) -> None:
        if etag is not None and etag_of(source.fileno(), os.fstat(source.fileno()), self._notes) != etag:
            raise ObjectChanged("the object has been replaced")

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
        self._bucket(bucket)
        checked_key(key)
        with (
            told(f"storing s3://{bucket}/{key} in {self._root}"),
            spooled(self._incoming(), source, etag=etag, about=about, notes=self._notes) as file,
            self._alone_in(bucket),
        ):
            folder = self._bucket(bucket)  # it may have been deleted meanwhile
            before = seen(folder, key)
            self._check_expected(bucket, key, before, expected)
            path = place(folder, key, file)
            if before is not None:
                forget(before.status, self._notes)
            return self._told(bucket, StoredFile(key, path, file.status))

    def _check_expected(self, bucket: str, key: str, before: StoredFile | None, expected: str | None) -> None:
        if expected is None:
            return
        if before is None and expected:
            raise NoSuchObject(f"there is no object s3://{bucket}/{key} in {self.describe()}")
        if before is not None and self._listed(bucket, before).etag != expected:
            raise ObjectChanged(f"s3://{bucket}/{key} in {self.describe()} is not as it was expected to be")

    def delete(self, bucket: str, key: str) -> None:
        folder = self._bucket(bucket)
        checked_key(key)
        with told(f"deleting s3://{bucket}/{key} in {self._root}"), self._alone_in(bucket):
            for path in candidates(folder, key):
                status = file_status(folder, path)
                if status is not None:
                    path.unlink(missing_ok=True)
                    forget(status, self._notes)
                    prune(path.parent, folder)

    def local_folder(self, bucket: str, prefix: str) -> Path | None:
        """None also when an object below `prefix` is not kept under its own name, or something there is no object."""
        folder = self._bucket(bucket)
        below = folder / prefix.rstrip("/")
        if prefix and not (prefix.endswith("/") and is_plain(prefix[:-1])):
            return None
        if not below.is_dir() or (not prefix and (folder / RESERVED).exists()):
            return None
        try:
            for _ in _PLAIN.files(folder, prefix):
                pass
        except StorageError:
            return None
        return None if next(reserved_files(folder, prefix), None) else below

    def _bucket(self, bucket: str) -> Path:
        if not self.bucket_exists(bucket):
            raise NoSuchBucket(f"there is no bucket {bucket} in {self.describe()}")
        return self._root / bucket

    def _find(self, bucket: str, key: str) -> StoredFile:
        """Without the lock, unless nothing is found: a writer may be giving the file its other place."""
        folder = self._bucket(bucket)
        checked_key(key)
        with told(f"looking for s3://{bucket}/{key}"):
            file = seen(folder, key)
            if file is not None:
                return file
            with self._alone_in(bucket):
                return self._found(bucket, key)

    def _found(self, bucket: str, key: str) -> StoredFile:
        file = seen(self._root / bucket, key)
        if file is None:
            raise NoSuchObject(f"there is no object s3://{bucket}/{key} in {self.describe()}")
        return file

    def _each_once(self, bucket: str, files: Iterator[StoredFile]) -> Iterator[StoredObject]:
        last = ""
        for file in files:
            if file.key != last:
                yield self._listed(bucket, file)
            last = file.key

    def _listed(self, bucket: str, file: StoredFile) -> StoredObject:
        etag = etag_of(file.path, file.status, self._notes)
        return StoredObject(bucket, file.key, file.status.st_size, etag, file.status.st_mtime)

    def _told(self, bucket: str, file: StoredFile) -> StoredObject:
        about = about_of(file.path, file.status, self._notes)
        return replace(self._listed(bucket, file), about=about)

    def _incoming(self) -> Path:
        folder = self._root / _OWN / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            sweep(folder)
        return folder

    @contextlib.contextmanager
    def _alone_in(self, bucket: str) -> Iterator[None]:
        """Nobody else, in any process, changes names in this bucket meanwhile; bytes are written before."""
        folder = self._root / _OWN / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / bucket).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

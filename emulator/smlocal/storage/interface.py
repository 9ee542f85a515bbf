"""What smlocal needs of an object store. Keys are any text of up to 1,024 UTF-8 bytes; bytes are streamed both ways.

Every method may raise StorageError; `NoSuchBucket` and `NoSuchObject` are said where they apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class StoredObject:
    """One object, without its bytes."""

    bucket: str
    key: str
    size: int
    etag: str
    modified: float  # seconds since the epoch

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class ObjectStore(Protocol):
    """Buckets with objects."""

    def describe(self) -> str:
        """Where the objects are, as a phrase for messages: "the folder /…", "http://localhost:9000"."""
        ...

    def ensure_bucket(self, bucket: str) -> None:
        """The bucket exists afterwards. Raises StorageError for a name that S3 does not allow."""
        ...

    def bucket_exists(self, bucket: str) -> bool: ...

    def list(self, bucket: str, prefix: str = "") -> Iterator[StoredObject]:
        """Objects whose key begins with the *string* `prefix`, in UTF-8 byte order of keys. Raises NoSuchBucket."""
        ...

    def head(self, bucket: str, key: str) -> StoredObject:
        """Raises NoSuchBucket, NoSuchObject."""
        ...

    def open(self, bucket: str, key: str) -> BinaryIO:
        """The object's bytes, to be closed by the caller. Raises NoSuchBucket, NoSuchObject."""
        ...

    def put(self, bucket: str, key: str, source: BinaryIO) -> StoredObject:
        """Store all bytes of `source`; the object appears whole or not at all. Raises NoSuchBucket."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Gone afterwards; no error when it was not there. Raises NoSuchBucket."""
        ...

    def local_folder(self, bucket: str, prefix: str) -> Path | None:
        """A folder of this machine whose files are exactly the objects below `prefix` (which ends with "/"), under
        their own names, if this store has one; so that a big one need not be copied."""
        ...

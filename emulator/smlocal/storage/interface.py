"""What smlocal needs of an object store. Keys are any text of up to 1,024 UTF-8 bytes; bytes are streamed both ways.

Every method may raise StorageError; `NoSuchBucket` and `NoSuchObject` are said where they apply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class StoredBucket:
    """A bucket's name and when it was made, or its folder last changed: seconds since the epoch."""

    name: str
    made: float


@dataclass(frozen=True)
class StoredObject:
    """One object, without its bytes."""

    bucket: str
    key: str
    size: int
    etag: str
    modified: float  # seconds since the epoch
    about: Mapping[str, str] = field(default_factory=dict, compare=False)  # what `put` was told; empty in listings

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

    def buckets(self) -> list[StoredBucket]:
        """All buckets, by name."""
        ...

    def delete_bucket(self, bucket: str) -> None:
        """Raises NoSuchBucket, BucketNotEmpty."""
        ...

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        """Objects whose key begins with the *string* `prefix` and comes after the key `after`, in UTF-8 byte order of
        keys. Raises NoSuchBucket."""
        ...

    def head(self, bucket: str, key: str) -> StoredObject:
        """Raises NoSuchBucket, NoSuchObject."""
        ...

    def open(
        self, bucket: str, key: str, *, first: int = 0, length: int | None = None, etag: str | None = None
    ) -> BinaryIO:
        """The object's bytes from the `first` on, at most `length`, to be closed by the caller; what is left out is
        not read. Raises NoSuchBucket, NoSuchObject, and ObjectChanged when an `etag` is given that it has no more."""
        ...

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
        """Store all bytes of `source`; the object appears whole or not at all.

        `about` is what to keep beside them, by the lower-case names of HTTP headers; it is looked at when the source
        has ended, so that it may hold what is known only then. `etag` takes the place of the MD5 in a store that
        computes it. `expected` is the ETag that the object must have until then, "" when there must be none.
        Raises NoSuchBucket, ObjectChanged.
        """
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Gone afterwards; no error when it was not there. Raises NoSuchBucket."""
        ...

    def local_folder(self, bucket: str, prefix: str) -> Path | None:
        """A folder of this machine whose files are exactly the objects below `prefix` (which ends with "/"), under
        their own names, if this store has one; so that a big one need not be copied."""
        ...

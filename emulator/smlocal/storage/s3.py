"""Objects at an S3 endpoint that the user named: MinIO, LocalStack, another smlocal.

Without `--s3-endpoint-url` this store does not exist; there is no way from here to real AWS but naming it. The order
of a listing and the meaning of a key are the endpoint's.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from smlocal import aws_clients
from smlocal.aws_clients import Credentials, told
from smlocal.errors import NoSuchBucket, NoSuchObject, ObjectChanged, StorageError
from smlocal.storage.interface import StoredBucket, StoredObject
from smlocal.storage.keys import checked_bucket, checked_key
from smlocal.streams import CHUNK, reader_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectTypeDef

_META = "x-amz-meta-"
_MEMBERS = {
    "content-type": "ContentType",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
}
_Page = list[StoredObject]


class S3Store:
    """Buckets of an S3 endpoint. Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or are dummies."""

    def __init__(self, endpoint_url: str, region: str, credentials: Credentials | None = None) -> None:
        self._endpoint_url = endpoint_url.rstrip("/")
        self._region = region
        self._credentials = credentials or aws_clients.credentials_of(os.environ)
        self._made: S3Client | None = None
        self._making = threading.Lock()

    @property
    def _client(self) -> S3Client:
        with self._making:
            if self._made is None:
                self._made = aws_clients.s3_client(self._endpoint_url, self._region, self._credentials)
            return self._made

    def describe(self) -> str:
        return self._endpoint_url

    def ensure_bucket(self, bucket: str) -> None:
        if self.bucket_exists(checked_bucket(bucket)):
            return
        with told(self._endpoint_url, bucket):
            if self._region == "us-east-1":  # the one region that may not be named
                self._client.create_bucket(Bucket=bucket)
            else:
                place = cast("BucketLocationConstraintType", self._region)
                self._client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place})

    def bucket_exists(self, bucket: str) -> bool:
        try:
            with told(self._endpoint_url, bucket):
                self._client.head_bucket(Bucket=bucket)
        except NoSuchBucket:
            return False
        return True

    def buckets(self) -> list[StoredBucket]:
        with told(self._endpoint_url, ""):
            found = self._client.list_buckets()["Buckets"]
        return sorted(
            (StoredBucket(one["Name"], one["CreationDate"].timestamp()) for one in found), key=lambda b: b.name
        )

    def delete_bucket(self, bucket: str) -> None:
        with told(self._endpoint_url, bucket):
            self._client.delete_bucket(Bucket=bucket)

    def list(self, bucket: str, prefix: str = "", after: str = "") -> Iterator[StoredObject]:
        pages = self._pages(bucket, prefix, after)
        first = next(pages, [])  # now, so that a missing bucket is told at once
        return chain(first, chain.from_iterable(pages))

    def _pages(self, bucket: str, prefix: str, after: str) -> Iterator[_Page]:
        with told(self._endpoint_url, bucket):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=bucket, Prefix=prefix, StartAfter=after):
                yield [_listed(bucket, item) for item in page.get("Contents", [])]

    def head(self, bucket: str, key: str) -> StoredObject:
        checked_key(key)
        with self._missing_told(bucket), told(self._endpoint_url, bucket, key):
            answer = self._client.head_object(Bucket=bucket, Key=key)
        modified = answer["LastModified"].timestamp()
        about = {name: str(answer[member]) for name, member in _MEMBERS.items() if member in answer}  # type: ignore[literal-required]
        about |= {_META + name: value for name, value in answer["Metadata"].items()}
        return StoredObject(bucket, key, answer["ContentLength"], answer["ETag"].strip('"'), modified, about)

    def open(
        self, bucket: str, key: str, *, first: int = 0, length: int | None = None, etag: str | None = None
    ) -> BinaryIO:
        checked_key(key)
        if length == 0:
            return io.BytesIO()
        asked: dict[str, Any] = {} if etag is None else {"IfMatch": f'"{etag}"'}
        if first or length is not None:
            asked["Range"] = f"bytes={first}-{'' if length is None else first + length - 1}"
        with self._missing_told(bucket), told(self._endpoint_url, bucket, key):
            answer = self._client.get_object(Bucket=bucket, Key=key, **asked)
        return reader_of(self._chunks(answer, bucket, key))

    def _chunks(self, answer: GetObjectOutputTypeDef, bucket: str, key: str) -> Iterator[bytes]:
        body, left = answer["Body"], answer["ContentLength"]
        try:
            with told(self._endpoint_url, bucket, key):
                while data := body.read(CHUNK):
                    left -= len(data)
                    yield data
        finally:
            body.close()
        if left:
            raise StorageError(f"s3://{bucket}/{key} at {self._endpoint_url} ended {left} bytes too early")

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
        """Big objects go in parts, several at a time; an upload that fails leaves no part.

        Of `about`, what boto3 has a member for is sent. The ETag is the endpoint's; what is expected is asked before.
        """
        checked_key(key)
        if expected is not None:
            self._check_expected(bucket, key, expected)
        with told(self._endpoint_url, bucket, key):
            self._client.upload_fileobj(reader_of(_read(source)), bucket, key, ExtraArgs=_members(about or {}))
        return self.head(bucket, key)

    def _check_expected(self, bucket: str, key: str, expected: str) -> None:
        try:
            there = self.head(bucket, key).etag
        except NoSuchObject:
            if expected:
                raise
            return
        if there != expected:
            raise ObjectChanged(f"s3://{bucket}/{key} at {self._endpoint_url} is not as it was expected to be")

    def delete(self, bucket: str, key: str) -> None:
        checked_key(key)
        with told(self._endpoint_url, bucket, key):
            self._client.delete_object(Bucket=bucket, Key=key)

    def local_folder(self, bucket: str, prefix: str) -> Path | None:
        return None

    @contextlib.contextmanager
    def _missing_told(self, bucket: str) -> Iterator[None]:
        """A HEAD answers 404 without a word: whether it is the bucket that is missing must be asked."""
        try:
            yield
        except NoSuchObject as error:
            if not self.bucket_exists(bucket):
                raise NoSuchBucket(f"there is no bucket {bucket} at {self._endpoint_url}") from error
            raise


def _listed(bucket: str, item: ObjectTypeDef) -> StoredObject:
    return StoredObject(bucket, item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"].timestamp())


def _members(about: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {_MEMBERS[name]: value for name, value in about.items() if name in _MEMBERS}
    metadata = {name.removeprefix(_META): value for name, value in about.items() if name.startswith(_META)}
    return {**known, "Metadata": metadata} if metadata else known


def _read(source: BinaryIO) -> Iterable[bytes]:
    """The source without its `close` and `seek`, which the upload would use on what is not its own."""
    while data := source.read(CHUNK):
        yield data

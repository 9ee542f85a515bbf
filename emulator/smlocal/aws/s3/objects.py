"""Objects: put, get, head, copy, delete. Plain functions of a thread; only big answers are streamed from the loop.

Source: Amazon S3 API, the pages of the operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from typing import BinaryIO
from urllib.parse import unquote

from smlocal.aws.s3 import checksums, headers, xml
from smlocal.aws.s3.conditions import Span, check_copy_source, check_read, expected_etag, span_of
from smlocal.aws.s3.errors import S3Error, invalid_argument, not_implemented, of_the_store
from smlocal.aws.s3.payload import Payload
from smlocal.aws.s3.request import Request
from smlocal.aws.wire import Reply
from smlocal.errors import ObjectChanged, StorageError
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.streams import CHUNK, chunks_of, reader_of

_AT_ONCE = CHUNK  # bytes that are read in the thread that opens the object
_TRIES = 20  # to read an object that is replaced again and again
_MOST_DELETED = 1000  # keys of one DeleteObjects
_LONGEST_DOCUMENT = 4 * 1024 * 1024
_LARGEST_COPY = 5 * 1024**3

Check = Callable[[StoredObject], None]


class Objects:
    """The operations on one object, and on many that are deleted."""

    def __init__(self, store: ObjectStore, readers: Executor) -> None:
        self._store = store
        self._readers = readers

    def put(self, request: Request, payload: Payload) -> Reply:
        payload.must_have_length()
        about = headers.about_of(request)
        payload.about |= about  # the store looks at it when all has been read, and the checksum is known
        with payload.reader() as source:
            stored = self._store.put(
                request.bucket, request.key, source, about=payload.about, expected=expected_etag(request)
            )
        summed = headers.checksums_in(payload.about)
        told = {"ETag": xml.quoted(stored.etag), checksums.TYPE: "FULL_OBJECT"}
        return Reply(200, {**told, **summed, **headers.encryption_in(about)})

    def get(self, request: Request, payload: Payload) -> Reply:
        spans: list[Span | None] = []

        def checked(stored: StoredObject) -> tuple[int, int]:
            check_read(request, stored)
            spans.append(span_of(request, stored.size))
            return (0, stored.size) if spans[-1] is None else (spans[-1].first, spans[-1].length)

        stored, source = opened(self._store, request.bucket, request.key, checked)
        status, told = _told(request, stored, spans[-1])
        length = int(told["Content-Length"])
        if length <= _AT_ONCE:
            with source:
                data = source.read(length)
            if len(data) != length:
                raise S3Error("InternalError", f"{stored.uri} became shorter while it was read")
            return Reply(status, told, data)
        return Reply(status, told, streamed(source, length, self._readers))

    def head(self, request: Request, payload: Payload) -> Reply:
        stored = self._store.head(request.bucket, request.key)
        check_read(request, stored)
        status, told = _told(request, stored, span_of(request, stored.size))
        return Reply(status, told)

    def copy(self, request: Request, payload: Payload) -> Reply:
        bucket, key = copy_source(request)
        directive = request.header("x-amz-metadata-directive").upper() or "COPY"
        if directive not in ("COPY", "REPLACE"):
            raise invalid_argument("x-amz-metadata-directive", directive, "Unknown metadata directive.")
        if request.header("x-amz-tagging-directive").upper() not in ("", "COPY"):
            raise not_implemented("tags of objects (x-amz-tagging-directive)")
        if (bucket, key) == (request.bucket, request.key) and directive == "COPY":
            raise S3Error(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself without changing the"
                " object's metadata, storage class, website redirect location or encryption attributes.",
            )
        stored, source = opened_for_copy(self._store, request, bucket, key)
        replaced = headers.about_of(request)
        about = replaced if directive == "REPLACE" else headers.without_checksums(stored.about)
        about |= headers.encryption_in(replaced)
        with source:
            copied = Summed(source, _algorithm(request, stored), about)
            made = self._store.put(
                request.bucket, request.key, copied.reader(), about=about, expected=expected_etag(request)
            )
        body = xml.document(
            "CopyObjectResult",
            xml.tag("LastModified", xml.iso(made.modified)),
            xml.tag("ETag", xml.quoted(made.etag)),
            *copied.elements(),
            xml.tag("ChecksumType", "FULL_OBJECT"),
        )
        return Reply(200, {"Content-Type": "application/xml", **headers.encryption_in(about)}, body)

    def delete(self, request: Request, payload: Payload) -> Reply:
        for name in ("if-match", "x-amz-if-match-last-modified-time", "x-amz-if-match-size"):
            if request.header(name):
                raise not_implemented(f"conditional deletes ({name})")
        self._store.delete(request.bucket, request.key)
        return Reply(204)

    def delete_many(self, request: Request, payload: Payload) -> Reply:
        root = xml.parsed(payload.read(_LONGEST_DOCUMENT), "Delete")
        asked = root.findall("Object")
        if not 1 <= len(asked) <= _MOST_DELETED or any(not one.findtext("Key") for one in asked):
            raise S3Error("MalformedXML")
        if not self._store.bucket_exists(request.bucket):
            raise S3Error("NoSuchBucket", BucketName=request.bucket)
        quiet = (root.findtext("Quiet") or "").strip().lower() == "true"
        told = []
        for one in asked:
            key = one.findtext("Key") or ""
            others = {child.tag for child in one} - {"Key"}
            if (one.findtext("VersionId") or "null") == "null":
                others.discard("VersionId")
            error = self._deleted(request.bucket, key, others)
            if error is not None:
                told.append(
                    xml.group("Error", xml.tag("Key", xml.readable(key)), xml.tag("Code", error.code), _message(error))
                )
            elif not quiet:
                told.append(xml.group("Deleted", xml.tag("Key", xml.readable(key))))
        return Reply(200, {"Content-Type": "application/xml"}, xml.document("DeleteResult", *told))

    def _deleted(self, bucket: str, key: str, conditions: set[str]) -> S3Error | None:
        if conditions:
            return not_implemented(f"deletes with {', '.join(sorted(conditions))}")
        try:
            self._store.delete(bucket, key)
        except StorageError as error:
            return of_the_store(error, bucket, key)
        return None


class Summed:
    """A source whose checksum is computed while it is copied, and stands in `about` at its end."""

    def __init__(self, source: BinaryIO, algorithm: str, about: dict[str, str]) -> None:
        self._source = source
        self._algorithm = algorithm
        self._about = about
        self.checksum = ""

    def reader(self) -> BinaryIO:
        return reader_of(self._chunks())

    def elements(self) -> Iterator[str]:
        """The checksum as an element of an answer."""
        yield xml.tag(checksums.ELEMENTS[self._algorithm], self.checksum)

    def _chunks(self) -> Iterator[bytes]:
        total = checksums.new_sum(self._algorithm)
        for data in chunks_of(self._source):
            total.update(data)
            yield data
        self.checksum = checksums.told(total.digest())
        self._about[checksums.header_of(self._algorithm)] = self.checksum


def opened(
    store: ObjectStore, bucket: str, key: str, part: Callable[[StoredObject], tuple[int, int]]
) -> tuple[StoredObject, BinaryIO]:
    """An object and its bytes, of one and the same state of it, though others replace it meanwhile.

    `part` is told the object and gives the first byte and the length that are wanted, or raises.
    """
    for _ in range(_TRIES):
        stored = store.head(bucket, key)
        first, length = part(stored)
        try:
            return stored, store.open(bucket, key, first=first, length=length, etag=stored.etag)
        except ObjectChanged:
            continue
    raise S3Error("InternalError", f"s3://{bucket}/{key} is replaced faster than it can be read")


def opened_for_copy(
    store: ObjectStore, request: Request, bucket: str, key: str, span: Callable[[StoredObject], Span] | None = None
) -> tuple[StoredObject, BinaryIO]:
    """What is to be copied. Raises S3Error for conditions that do not hold, and for more than S3 copies at once."""

    def checked(stored: StoredObject) -> tuple[int, int]:
        check_copy_source(request, stored)
        wanted = span(stored) if span is not None else Span(0, stored.size, stored.size)
        if wanted.length > _LARGEST_COPY:
            raise S3Error(
                "InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy source:"
                f" {_LARGEST_COPY}",
            )
        return wanted.first, wanted.length

    try:
        return opened(store, bucket, key, checked)
    except StorageError as error:
        raise of_the_store(error, bucket, key) from error


def copy_source(request: Request) -> tuple[str, str]:
    """Bucket and key of `x-amz-copy-source`. Raises S3Error."""
    value = request.header("x-amz-copy-source")
    path, _, query = value.partition("?")
    if query and query != "versionId=null":
        raise not_implemented("versions of objects (versionId)")
    try:
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        bucket = key = ""
    if not bucket or not key:
        raise invalid_argument(
            "x-amz-copy-source", value, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    return bucket, key


async def streamed(source: BinaryIO, length: int, readers: Executor) -> AsyncIterator[bytes]:
    """`length` bytes of a file, which is closed at the end. Raises StorageError when it has fewer."""
    loop = asyncio.get_running_loop()
    try:
        while length:
            data = await loop.run_in_executor(readers, source.read, min(CHUNK, length))
            if not data:
                raise StorageError("an object became shorter while it was read")
            length -= len(data)
            yield data
    finally:
        source.close()


def _told(request: Request, stored: StoredObject, span: Span | None) -> tuple[int, dict[str, str]]:
    """Status and headers of a GET or HEAD. Checksums are the whole object's, and told when asked for."""
    told = headers.told(stored) | headers.overridden(request.query)
    if span is not None:
        return 206, told | {"Content-Range": span.header, "Content-Length": str(span.length)}
    if request.header("x-amz-checksum-mode").upper() == "ENABLED":
        summed = headers.checksums_in(stored.about)
        told |= {checksums.TYPE: "FULL_OBJECT", **summed} if summed else {}
    return 200, told | {"Content-Length": str(stored.size)}


def _algorithm(request: Request, stored: StoredObject) -> str:
    """That of a copy's checksum: the one asked for, or the source's, or the default."""
    asked = request.header("x-amz-checksum-algorithm")
    if asked:
        return checksums.known(asked)
    for name in headers.checksums_in(stored.about):
        if name != checksums.TYPE:
            return checksums.known(name.removeprefix(checksums.PREFIX))
    return checksums.DEFAULT


def _message(error: S3Error) -> str:
    return xml.tag("Message", error.message)

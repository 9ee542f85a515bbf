"""Uploads in parts. Source: Amazon S3 user guide, mpuoverview and qfacts (limits); API, the pages of the operations.

An upload that was begun without an algorithm takes parts with any checksum, since boto3 sends some with every part; the
whole then has the default one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from smlocal.aws.s3 import checksums, headers, xml
from smlocal.aws.s3.buckets import must_exist
from smlocal.aws.s3.conditions import Span, expected_etag
from smlocal.aws.s3.errors import S3Error, invalid_argument
from smlocal.aws.s3.objects import Summed, copy_source, opened_for_copy
from smlocal.aws.s3.payload import Payload
from smlocal.aws.s3.request import Request
from smlocal.aws.s3.upload_lists import ALGORITHM, found_upload
from smlocal.aws.wire import Reply
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.storage.uploads import Part, Upload, Uploads, joined
from smlocal.streams import reader_of

SMALLEST = 5 * 1024**2  # bytes of every part but the last
_MOST = 10_000  # parts
_LONGEST_DOCUMENT = 8 * 1024**2
_XML = {"Content-Type": "application/xml"}


@dataclass(frozen=True)
class _Named:
    """A part as the request that completes an upload names it."""

    number: int
    etag: str
    checksum: str


class Multipart:
    """The operations on uploads in parts; `smallest` is the least that a part has, but the last."""

    def __init__(self, store: ObjectStore, uploads: Uploads, smallest: int = SMALLEST) -> None:
        self._store = store
        self._uploads = uploads
        self._smallest = smallest

    def create(self, request: Request, payload: Payload) -> Reply:
        must_exist(self._store, request)
        about = headers.about_of(request)
        algorithm, kind = _checksum_asked(request)
        if algorithm:
            about |= {ALGORITHM: algorithm, checksums.TYPE: kind}
        upload = self._uploads.begin(request.bucket, request.key, about)
        body = xml.document(
            "InitiateMultipartUploadResult",
            xml.tag("Bucket", request.bucket),
            xml.tag("Key", xml.readable(request.key)),
            xml.tag("UploadId", upload.id),
        )
        told = {ALGORITHM: algorithm, checksums.TYPE: kind} if algorithm else {}
        return Reply(200, {**_XML, **told, **headers.encryption_in(about)}, body)

    def put_part(self, request: Request, payload: Payload) -> Reply:
        upload, number = found_upload(self._store, self._uploads, request), _number(request)
        payload.must_have_length()
        wanted, kind = upload.about.get(ALGORITHM, ""), upload.about.get(checksums.TYPE, "")
        if wanted and payload.algorithm != wanted and (payload.algorithm or kind == "COMPOSITE"):
            raise S3Error(
                "InvalidRequest",
                f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower() or 'null'}, actual checksum"
                f" Type: {payload.algorithm.lower() or 'null'}",
            )
        with payload.reader() as source:
            part = self._uploads.put_part(
                upload, number, source, lambda: payload.checksum if payload.algorithm == wanted else ""
            )
        summed = payload.about if payload.algorithm else {}
        return Reply(200, {"ETag": xml.quoted(part.etag), **summed, **headers.encryption_in(upload.about)})

    def copy_part(self, request: Request, payload: Payload) -> Reply:
        upload, number = found_upload(self._store, self._uploads, request), _number(request)
        bucket, key = copy_source(request)
        _, source = opened_for_copy(self._store, request, bucket, key, lambda stored: _span(request, stored))
        algorithm = upload.about.get(ALGORITHM, "")
        with source:
            copied = Summed(source, algorithm or checksums.DEFAULT, {})
            part = self._uploads.put_part(upload, number, copied.reader(), lambda: copied.checksum if algorithm else "")
        body = xml.document(
            "CopyPartResult",
            xml.tag("LastModified", xml.iso(part.modified)),
            xml.tag("ETag", xml.quoted(part.etag)),
            *(copied.elements() if algorithm else ()),
        )
        return Reply(200, {**_XML, **headers.encryption_in(upload.about)}, body)

    def complete(self, request: Request, payload: Payload) -> Reply:
        upload = found_upload(self._store, self._uploads, request)
        algorithm = upload.about.get(ALGORITHM, "")
        expected = expected_etag(request)
        named = _named(payload.read(_LONGEST_DOCUMENT), algorithm)
        parts = self._chosen(named, {part.number: part for part in self._uploads.parts(upload)})
        _check_size(request, parts)
        about = headers.without_checksums(upload.about)
        whole = _Whole(request, upload, parts, about)
        stored = self._store.put(
            request.bucket,
            request.key,
            reader_of(whole.chunks()),
            about=about,
            etag=_etag_of(parts),
            expected=expected,
        )
        self._uploads.end(upload)
        body = xml.document(
            "CompleteMultipartUploadResult",
            xml.tag("Location", f"http://{request.header('host')}{request.resource}"),
            xml.tag("Bucket", request.bucket),
            xml.tag("Key", xml.readable(request.key)),
            xml.tag("ETag", xml.quoted(stored.etag)),
            xml.tag(checksums.ELEMENTS[whole.algorithm], about[checksums.header_of(whole.algorithm)]),
            xml.tag("ChecksumType", about[checksums.TYPE]),
        )
        return Reply(200, {**_XML, **headers.encryption_in(about)}, body)

    def _chosen(self, named: list[_Named], there: dict[int, Part]) -> list[Part]:
        """The parts in the order of their numbers. Raises S3Error."""
        parts: list[Part] = []
        for one in named:
            part = there.get(one.number)
            if part is None or part.etag != one.etag or one.checksum not in ("", part.checksum):
                raise S3Error("InvalidPart", PartNumber=str(one.number), ETag=one.etag)
            if parts and parts[-1].number >= one.number:
                raise S3Error("InvalidPartOrder")
            parts.append(part)
        for part in parts[:-1]:
            if part.size < self._smallest:
                raise S3Error(
                    "EntityTooSmall",
                    PartNumber=str(part.number),
                    ETag=part.etag,
                    ProposedSize=str(part.size),
                    MinSizeAllowed=str(self._smallest),
                )
        return parts

    def abort(self, request: Request, payload: Payload) -> Reply:
        self._uploads.end(found_upload(self._store, self._uploads, request))
        return Reply(204)


class _Whole:
    """The object that an upload becomes: its bytes, and its checksum, which is verified at their end."""

    def __init__(self, request: Request, upload: Upload, parts: list[Part], about: dict[str, str]) -> None:
        """Puts the checksum into `about`. Raises S3Error when the request says another."""
        self._parts = parts
        self._about = about
        self.algorithm = upload.about.get(ALGORITHM, "") or checksums.DEFAULT
        kind = upload.about.get(checksums.TYPE, "FULL_OBJECT")
        said = request.header(checksums.TYPE) or kind
        if said != kind:
            raise S3Error("InvalidRequest", f"The upload was created using the {kind} checksum mode.")
        self._expected = request.header(checksums.header_of(self.algorithm))
        self._is_full = kind == "FULL_OBJECT"
        about[checksums.TYPE] = kind
        if not self._is_full:
            self._keep(checksums.composite(self.algorithm, (part.checksum for part in parts)))

    def chunks(self) -> Iterator[bytes]:
        if not self._is_full:
            yield from joined(self._parts)
            return
        total = checksums.new_sum(self.algorithm)
        for data in joined(self._parts):
            total.update(data)
            yield data
        self._keep(checksums.told(total.digest()))

    def _keep(self, checksum: str) -> None:
        if self._expected not in ("", checksum):
            raise checksums.mismatch(self.algorithm)
        self._about[checksums.header_of(self.algorithm)] = checksum


def _checksum_asked(request: Request) -> tuple[str, str]:
    """Algorithm and type that an upload is to have, "" and "" for none. Raises S3Error."""
    asked, kind = request.header(ALGORITHM), request.header(checksums.TYPE).upper()
    if not asked:
        if kind:
            raise S3Error(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )
        return "", ""
    algorithm = checksums.known(asked)
    kind = kind or ("FULL_OBJECT" if algorithm in checksums.FULL_OBJECT_ONLY else "COMPOSITE")
    wrong = checksums.FULL_OBJECT_ONLY if kind == "COMPOSITE" else checksums.COMPOSITE_ONLY
    if kind not in ("COMPOSITE", "FULL_OBJECT") or algorithm in wrong:
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm.",
        )
    return algorithm, kind


def _check_size(request: Request, parts: list[Part]) -> None:
    size = sum(part.size for part in parts)
    if request.header("x-amz-mp-object-size") not in ("", str(size)):
        message = f"The provided 'x-amz-mp-object-size' header does not match what was computed: {size}"
        raise S3Error("InvalidRequest", message)


def _etag_of(parts: list[Part]) -> str:
    """The MD5 of the parts' MD5s, and how many they are."""
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return f"{digest.hexdigest()}-{len(parts)}"


def _number(request: Request) -> int:
    value = request.query.get("partNumber", "")
    if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= _MOST):
        raise invalid_argument("partNumber", value, f"Part number must be an integer between 1 and {_MOST}, inclusive")
    return int(value)


def _span(request: Request, stored: StoredObject) -> Span:
    """`x-amz-copy-source-range`: first and last byte, both given and both there."""
    asked = request.header("x-amz-copy-source-range")
    if not asked:
        return Span(0, stored.size, stored.size)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not asked.startswith("bytes=") or not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
        raise invalid_argument(
            "x-amz-copy-source-range",
            asked,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
            " zero-based offsets of the first and last bytes to copy",
        )
    if int(last) >= stored.size:
        message = f"Range specified is not valid for source object of size: {stored.size}"
        raise invalid_argument("x-amz-copy-source-range", asked, message)
    return Span(int(first), int(last) - int(first) + 1, stored.size)


def _named(document: bytes, algorithm: str) -> list[_Named]:
    root = xml.parsed(document, "CompleteMultipartUpload")
    found = [_one_named(part, algorithm) for part in root.findall("Part")]
    if not 1 <= len(found) <= _MOST:
        raise S3Error("MalformedXML")
    return found


def _one_named(part: ElementTree.Element, algorithm: str) -> _Named:
    number, etag = (part.findtext("PartNumber") or "").strip(), (part.findtext("ETag") or "").strip().strip('"')
    if not (number.isascii() and number.isdecimal()) or not etag:
        raise S3Error("MalformedXML")
    checksum = part.findtext(checksums.ELEMENTS[algorithm]) if algorithm else ""
    return _Named(int(number), etag, (checksum or "").strip())

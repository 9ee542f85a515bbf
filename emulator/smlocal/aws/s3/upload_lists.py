"""Uploads in parts that are under way, and the parts that they have, by page.

Source: Amazon S3 API, ListParts and ListMultipartUploads.
"""

from __future__ import annotations

from collections.abc import Iterator

from smlocal.aws.s3 import checksums, xml
from smlocal.aws.s3.buckets import must_exist
from smlocal.aws.s3.errors import invalid_argument
from smlocal.aws.s3.listing import at_most, encoding_of
from smlocal.aws.s3.payload import Payload
from smlocal.aws.s3.request import Request
from smlocal.aws.wire import Reply
from smlocal.storage.interface import ObjectStore
from smlocal.storage.uploads import Part, Upload, Uploads

ALGORITHM = "x-amz-checksum-algorithm"
_XML = {"Content-Type": "application/xml"}


def found_upload(store: ObjectStore, uploads: Uploads, request: Request) -> Upload:
    """The one that the request names. Raises S3Error NoSuchBucket, NoSuchUpload."""
    must_exist(store, request)
    return uploads.find(request.bucket, request.key, request.query.get("uploadId", ""))


class UploadLists:
    """The operations that list uploads and parts."""

    def __init__(self, store: ObjectStore, uploads: Uploads, owner: str) -> None:
        self._store = store
        self._uploads = uploads
        self._owner = owner

    def parts(self, request: Request, payload: Payload) -> Reply:
        upload = found_upload(self._store, self._uploads, request)
        most = at_most(request, "max-parts")
        marker = request.query.get("part-number-marker", "") or "0"
        if not marker.isdecimal():
            raise invalid_argument("part-number-marker", marker, "Provided part-number-marker not an integer")
        there = [part for part in self._uploads.parts(upload) if part.number > int(marker)]
        page = there[:most]
        algorithm = upload.about.get(ALGORITHM, "")
        body = xml.document(
            "ListPartsResult",
            xml.tag("Bucket", request.bucket),
            xml.tag("Key", xml.readable(request.key)),
            xml.tag("UploadId", upload.id),
            xml.tag("PartNumberMarker", int(marker)),
            xml.tag("NextPartNumberMarker", page[-1].number if page else 0),
            xml.tag("MaxParts", most),
            xml.tag("IsTruncated", most > 0 and len(there) > most),
            xml.tag("ChecksumAlgorithm", algorithm or None),
            xml.tag("ChecksumType", upload.about.get(checksums.TYPE)),
            *self._owned(),
            *(_listed(part, algorithm) for part in page),
        )
        return Reply(200, _XML, body)

    def uploads(self, request: Request, payload: Payload) -> Reply:
        must_exist(self._store, request)
        query, encode = request.query, encoding_of(request)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = (query.get("key-marker", ""), query.get("upload-id-marker", ""))
        most = at_most(request, "max-uploads")
        uploads = list(_behind(self._uploads.all(request.bucket), after))
        entries = list(_rolled([one for one in uploads if one.key.startswith(prefix)], prefix, delimiter, after[0]))
        page, more = entries[:most], most > 0 and len(entries) > most
        last = page[-1] if more else None
        body = xml.document(
            "ListMultipartUploadsResult",
            xml.tag("Bucket", request.bucket),
            xml.tag("KeyMarker", encode(after[0])),
            xml.tag("UploadIdMarker", after[1]),
            xml.tag("NextKeyMarker", None if last is None else encode(last if isinstance(last, str) else last.key)),
            xml.tag("NextUploadIdMarker", last.id if isinstance(last, Upload) else None),
            xml.tag("Prefix", encode(prefix)),
            xml.tag("Delimiter", encode(delimiter) if delimiter else None),
            xml.tag("EncodingType", query.get("encoding-type")),
            xml.tag("MaxUploads", most),
            xml.tag("IsTruncated", more),
            *(self._upload(one, encode(one.key)) for one in page if isinstance(one, Upload)),
            *(xml.group("CommonPrefixes", xml.tag("Prefix", encode(one))) for one in page if isinstance(one, str)),
        )
        return Reply(200, _XML, body)

    def _upload(self, upload: Upload, key: str) -> str:
        return xml.group(
            "Upload",
            xml.tag("Key", key),
            xml.tag("UploadId", upload.id),
            *self._owned(),
            xml.tag("Initiated", xml.iso(upload.begun)),
            xml.tag("ChecksumAlgorithm", upload.about.get(ALGORITHM)),
            xml.tag("ChecksumType", upload.about.get(checksums.TYPE)),
        )

    def _owned(self) -> Iterator[str]:
        for name in ("Initiator", "Owner"):
            yield xml.group(name, xml.tag("ID", self._owner))
        yield xml.tag("StorageClass", "STANDARD")


def _listed(part: Part, algorithm: str) -> str:
    return xml.group(
        "Part",
        xml.tag("PartNumber", part.number),
        xml.tag("LastModified", xml.iso(part.modified)),
        xml.tag("ETag", xml.quoted(part.etag)),
        xml.tag("Size", part.size),
        xml.tag(checksums.ELEMENTS[algorithm], part.checksum) if algorithm and part.checksum else "",
    )


def _behind(uploads: list[Upload], after: tuple[str, str]) -> Iterator[Upload]:
    """Those that come after the markers: after the key, and of the same key after the upload that is named."""
    key, identity = after
    passed = not identity
    for upload in uploads:
        if upload.key == key and identity:
            if passed:
                yield upload
            passed = passed or upload.id == identity
        elif upload.key.encode() > key.encode():
            yield upload


def _rolled(uploads: list[Upload], prefix: str, delimiter: str, behind: str) -> Iterator[Upload | str]:
    common = ""
    for upload in uploads:
        start, found, _ = upload.key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if not found:
            yield upload
        elif (rolled := prefix + start + delimiter) not in (common, behind):
            common = rolled
            yield rolled

"""Buckets: made, deleted, listed, located. A bucket of this machine is in whatever region it is asked from.

Source: Amazon S3 API, CreateBucket, HeadBucket, ListBuckets, GetBucketLocation.
"""

from __future__ import annotations

import base64
import binascii

from smlocal.aws.s3 import xml
from smlocal.aws.s3.errors import S3Error, invalid_argument, not_implemented
from smlocal.aws.s3.payload import Payload
from smlocal.aws.s3.request import Request
from smlocal.aws.wire import Reply
from smlocal.requests.addresses import is_bucket_name
from smlocal.storage.interface import ObjectStore
from smlocal.storage.uploads import Uploads

_FIRST = "us-east-1"  # the region that has no location constraint
_MOST = 10_000
_LONGEST_DOCUMENT = 64 * 1024
_XML = {"Content-Type": "application/xml"}


class Buckets:
    """The operations on buckets as a whole."""

    def __init__(self, store: ObjectStore, uploads: Uploads, owner: str) -> None:
        self._store = store
        self._uploads = uploads
        self._owner = owner

    def create(self, request: Request, payload: Payload) -> Reply:
        if not is_bucket_name(request.bucket):
            raise S3Error("InvalidBucketName", BucketName=request.bucket)
        if request.header("x-amz-acl") not in ("", "private"):
            raise not_implemented(f"buckets with the access control list {request.header('x-amz-acl')}")
        self._check_place(request, payload)
        if self._store.bucket_exists(request.bucket) and request.region != _FIRST:
            raise S3Error("BucketAlreadyOwnedByYou", BucketName=request.bucket)
        self._store.ensure_bucket(request.bucket)
        return Reply(200, {"Location": f"/{request.bucket}"})

    def _check_place(self, request: Request, payload: Payload) -> None:
        """The location constraint must be the region that the request was sent to; us-east-1 has none."""
        document = payload.read(_LONGEST_DOCUMENT)
        place = None
        if document.strip():
            root = xml.parsed(document, "CreateBucketConfiguration")
            place = root.findtext("LocationConstraint")
            for name in ("Bucket", "Location", "Tags"):
                if root.find(name) is not None:
                    raise not_implemented(f"buckets made with {name}")
        place = "eu-west-1" if place == "EU" else place
        if (place or _FIRST) != request.region:
            named = f"The {place}" if place else "The unspecified"
            raise S3Error(
                "IllegalLocationConstraintException",
                f"{named} location constraint is incompatible for the region specific endpoint this request was sent"
                " to.",
            )

    def head(self, request: Request, payload: Payload) -> Reply:
        must_exist(self._store, request)
        return Reply(200, {"x-amz-bucket-region": request.region, "x-amz-access-point-alias": "false"})

    def delete(self, request: Request, payload: Payload) -> Reply:
        """With the uploads in parts that are under way, as S3 does."""
        self._store.delete_bucket(request.bucket)
        for upload in self._uploads.all(request.bucket):
            self._uploads.end(upload)
        return Reply(204)

    def location(self, request: Request, payload: Payload) -> Reply:
        must_exist(self._store, request)
        place = "" if request.region == _FIRST else xml.text(request.region)
        return Reply(200, _XML, xml.document("LocationConstraint", place))

    def versioning(self, request: Request, payload: Payload) -> Reply:
        """No bucket has versions, nor ever had."""
        must_exist(self._store, request)
        return Reply(200, _XML, xml.document("VersioningConfiguration"))

    def all(self, request: Request, payload: Payload) -> Reply:
        query = request.query
        prefix, token = query.get("prefix", ""), query.get("continuation-token")
        after = "" if token is None else _after(token)
        found = [one for one in self._store.buckets() if one.name.startswith(prefix) and one.name > after]
        if query.get("bucket-region", request.region) != request.region:
            found = []
        most = _most(query.get("max-buckets", str(_MOST)))
        page, more = found[:most], found[most:]
        told = (
            xml.group(
                "Bucket",
                xml.tag("Name", one.name),
                xml.tag("CreationDate", xml.iso(one.made)),
                xml.tag("BucketRegion", request.region),
            )
            for one in page
        )
        body = xml.document(
            "ListAllMyBucketsResult",
            xml.group("Owner", xml.tag("ID", self._owner)),
            xml.group("Buckets", *told),
            xml.tag("Prefix", prefix or None),
            xml.tag("ContinuationToken", base64.b64encode(page[-1].name.encode()).decode() if more else None),
        )
        return Reply(200, _XML, body)


def must_exist(store: ObjectStore, request: Request) -> None:
    """Raises S3Error NoSuchBucket."""
    if not store.bucket_exists(request.bucket):
        raise S3Error("NoSuchBucket", BucketName=request.bucket)


def _most(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and 1 <= int(value) <= _MOST):
        raise invalid_argument("max-buckets", value, f"Argument max-buckets must be an integer between 1 and {_MOST}")
    return int(value)


def _after(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        message = "The continuation token provided is incorrect"
        raise invalid_argument("continuation-token", token, message) from error

"""What is kept of an upload's headers beside the object, and what is given back of it.

Source: Amazon S3 API, PutObject and GetObject; user guide, UsingMetadata (2 KB for metadata of the user's own). What
asks for encryption is kept and told back, as clients expect, but nothing is encrypted. What would have an effect that
it cannot have here is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

from smlocal.aws.s3.checksums import PREFIX
from smlocal.aws.s3.errors import S3Error, not_implemented
from smlocal.aws.s3.request import Request
from smlocal.aws.s3.xml import quoted
from smlocal.storage.interface import StoredObject

DEFAULT_TYPE = "binary/octet-stream"
META = "x-amz-meta-"
_LONGEST_METADATA = 2048
_STANDARD = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_ENCRYPTION = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
)
_REFUSED = {
    "x-amz-tagging": "tags of objects (x-amz-tagging)",
    "x-amz-website-redirect-location": "redirects of a website (x-amz-website-redirect-location)",
    "x-amz-write-offset-bytes": "appending to objects (x-amz-write-offset-bytes)",
    "x-amz-bucket-object-lock-enabled": "object lock (x-amz-bucket-object-lock-enabled)",
}
_REFUSED_PREFIXES = {
    "x-amz-object-lock-": "object lock (x-amz-object-lock-…)",
    "x-amz-server-side-encryption-customer-": "encryption with keys of the customer (SSE-C)",
    "x-amz-copy-source-server-side-encryption-customer-": "encryption with keys of the customer (SSE-C)",
}
_NO_LISTS = "The bucket does not allow ACLs"
_ALLOWED_LISTS = ("", "bucket-owner-full-control")


def refuse_unsupported(request: Request, account: str) -> None:
    """Raises S3Error for a header that asks for what there is not, and for buckets of another account.

    Access control lists are refused as by every bucket that was made since April 2023 (object ownership is enforced).
    """
    for name in request.headers:
        for start, what in _REFUSED_PREFIXES.items():
            if name.startswith(start):
                raise not_implemented(what)
        if name in _REFUSED and request.header(name).lower() not in ("", "false"):
            raise not_implemented(_REFUSED[name])
        if name.startswith("x-amz-grant-"):
            raise S3Error("AccessControlListNotSupported", _NO_LISTS)
    if request.key and request.header("x-amz-acl") not in _ALLOWED_LISTS:
        raise S3Error("AccessControlListNotSupported", _NO_LISTS)
    storage_class = request.header("x-amz-storage-class")
    if storage_class not in ("", "STANDARD"):
        raise not_implemented(f"the storage class {storage_class}")
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if request.header(name) not in ("", account):
            raise S3Error("AccessDenied", "Access Denied")


def about_of(request: Request) -> dict[str, str]:
    """What is kept, by lower-case name. Raises S3Error MetadataTooLarge."""
    about = {name: request.header(name) for name in (*_STANDARD, *_ENCRYPTION) if request.header(name)}
    about["content-type"] = about.get("content-type") or DEFAULT_TYPE
    codings = [one.strip() for one in about.pop("content-encoding", "").split(",")]
    kept = ",".join(one for one in codings if one and one.lower() != "aws-chunked")
    if kept:
        about["content-encoding"] = kept
    own = {name: value for name, value in request.headers.items() if name.startswith(META)}
    size = sum(len(name) - len(META) + len(value) for name, value in own.items())
    if size > _LONGEST_METADATA:
        raise S3Error("MetadataTooLarge", Size=str(size), MaxSizeAllowed=str(_LONGEST_METADATA))
    return about | own


def without_checksums(about: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if not name.startswith(PREFIX)}


def checksums_in(about: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if name.startswith(PREFIX)}


def encryption_in(about: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in about.items() if name in _ENCRYPTION[:3]}


def told(stored: StoredObject) -> dict[str, str]:
    """The headers of an object for whoever reads it, its checksums left out."""
    return {
        "content-type": DEFAULT_TYPE,
        **{name: value for name, value in without_checksums(stored.about).items() if name != _ENCRYPTION[3]},
        "ETag": quoted(stored.etag),
        "Last-Modified": formatdate(int(stored.modified), usegmt=True),
        "Accept-Ranges": "bytes",
    }


def overridden(query: Mapping[str, str]) -> dict[str, str]:
    """The headers that a reader asks for in the query: `response-content-type` and the like."""
    asked = {name: query.get(f"response-{name}", "") for name in _STANDARD}
    return {name: value.translate({0: "", 10: "", 13: ""}) for name, value in asked.items() if value}

"""What S3 answers when it does not do what it was asked: codes, texts and statuses.

Source: Amazon S3 API, "Error responses"; texts as AWS sends them. Where smlocal refuses what AWS would do, the code is
NotImplemented and the text is ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from smlocal.errors import (
    BucketNotEmpty,
    DiskFull,
    NoSuchBucket,
    NoSuchObject,
    NoSuchUpload,
    ObjectChanged,
    SmlocalError,
)

_STATUS = {
    "AccessDenied": 403,
    "BucketAlreadyOwnedByYou": 409,
    "BucketNotEmpty": 409,
    "InsufficientStorage": 507,
    "InternalError": 500,
    "InvalidRange": 416,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
}
_MESSAGES = {
    "BucketAlreadyOwnedByYou": ("Your previous request to create the named bucket succeeded and you already own it."),
    "BucketNotEmpty": "The bucket you tried to delete is not empty",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed size",
    "IncompleteBody": "You did not provide the number of bytes specified by the Content-Length HTTP header",
    "InvalidBucketName": "The specified bucket is not valid.",
    "InvalidPart": (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified"
        " entity tag may not match the part's entity tag."
    ),
    "InvalidPartOrder": "The list of parts was not in ascending order. Parts must be ordered by part number.",
    "InvalidRange": "The requested range is not satisfiable",
    "InvalidURI": "Couldn't parse the specified URI.",
    "KeyTooLongError": "Your key is too long",
    "MalformedXML": "The XML you provided was not well-formed or did not validate against our published schema",
    "MetadataTooLarge": "Your metadata headers exceed the maximum allowed metadata size",
    "MethodNotAllowed": "The specified method is not allowed against this resource.",
    "MissingContentLength": "You must provide the Content-Length HTTP header.",
    "NoSuchBucket": "The specified bucket does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchUpload": (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed."
    ),
    "NotModified": "Not Modified",
    "PreconditionFailed": "At least one of the pre-conditions you specified did not hold",
}


class S3Error(Exception):
    """An error answer; `members` stand beside code and message, by name."""

    def __init__(self, code: str, message: str = "", **members: str) -> None:
        super().__init__(message or _MESSAGES[code])
        self.code = code
        self.message = message or _MESSAGES[code]
        self.members: Mapping[str, str] = members

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 400)


def not_implemented(what: str) -> S3Error:
    """A refusal by name."""
    return S3Error("NotImplemented", f"smlocal does not support {what}: its buckets keep plain objects.")


def invalid_argument(name: str, value: str, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def of_the_store(error: SmlocalError, bucket: str, key: str) -> S3Error:
    """What an error of the store is on the wire."""
    if isinstance(error, NoSuchBucket):
        return S3Error("NoSuchBucket", BucketName=bucket)
    if isinstance(error, NoSuchObject):
        return S3Error("NoSuchKey", Key=key)
    if isinstance(error, NoSuchUpload):
        return S3Error("NoSuchUpload")
    if isinstance(error, BucketNotEmpty):
        return S3Error("BucketNotEmpty", BucketName=bucket)
    if isinstance(error, ObjectChanged):
        return S3Error("PreconditionFailed")
    if isinstance(error, DiskFull):
        return S3Error("InsufficientStorage", str(error))
    return S3Error("InternalError", str(error))

"""Which operation a request asks for, which of them are ours, and which are refused by name.

Ours is everything that reads, writes or changes objects or buckets. What only configures a bucket is not: `is_ours`
says so to the gateway. A configuration that would change what happens to objects (versions, expiry, locks, replicas) is
ours, to be refused. Names are those of botocore's service model.
"""

from __future__ import annotations

from collections.abc import Mapping

from smlocal.aws.s3.errors import S3Error, not_implemented
from smlocal.aws.s3.request import Request, bucket_of_host, query_of
from smlocal.aws.wire import Call

_BUCKET_PLAIN = {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket", "GET": "ListObjects"}
_OBJECT_PLAIN = {"PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "GET": "GetObject"}
_BUCKET_PARTS = {
    ("GET", "location"): "GetBucketLocation",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versioning"): "GetBucketVersioning",
    ("POST", "delete"): "DeleteObjects",
}
_OBJECT_PARTS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("GET", "uploadId"): "ListParts",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}
# parameters that name something of a bucket that would change what happens to its objects
_BUCKET_REFUSED = {
    "versioning": "PutBucketVersioning",
    "versions": "ListObjectVersions",
    "object-lock": "object lock",
    "session": "CreateSession (directory buckets)",
}
_CHANGES_REFUSED = {
    "lifecycle": "PutBucketLifecycleConfiguration",
    "replication": "PutBucketReplication",
    "intelligent-tiering": "PutBucketIntelligentTieringConfiguration",
    "metadataConfiguration": "CreateBucketMetadataConfiguration",
    "metadataTable": "CreateBucketMetadataTableConfiguration",
    "metadataAnnotationTable": "UpdateBucketMetadataAnnotationTableConfiguration",
    "metadataInventoryTable": "UpdateBucketMetadataInventoryTableConfiguration",
    "metadataJournalTable": "UpdateBucketMetadataJournalTableConfiguration",
}
_CONFIGURATIONS = frozenset(
    (
        "abac",
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "logging",
        "metadataConfiguration",
        "metadataTable",
        "metrics",
        "notification",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "tagging",
        "website",
    )
)
_OBJECT_REFUSED = {
    "acl": "access control lists of objects",
    "annotation": "object annotations",
    "attributes": "GetObjectAttributes",
    "encryption": "UpdateObjectEncryption",
    "legal-hold": "legal holds",
    "renameObject": "RenameObject",
    "restore": "RestoreObject",
    "retention": "retention of objects",
    "select": "SelectObjectContent",
    "tagging": "tags of objects",
    "torrent": "torrents",
}


def is_ours(call: Call) -> bool:
    """False for what only configures a bucket."""
    path = call.path.removeprefix("/")
    key = path if bucket_of_host(call.host) else path.partition("/")[2]
    if key:
        return True
    try:
        names = set(query_of(call))
    except S3Error:
        return True
    if call.method in ("PUT", "POST") and names & set(_CHANGES_REFUSED):
        return True
    return not names & _CONFIGURATIONS


def operation_of(request: Request) -> str:
    """Its name. Raises S3Error NotImplemented for what is refused by name, MethodNotAllowed for what is nothing."""
    if not request.bucket:
        if request.method != "GET":
            raise S3Error("MethodNotAllowed", Method=request.method, ResourceType="SERVICE")
        return "ListBuckets"
    if not request.key:
        return _of_bucket(request.method, request.query)
    return _of_object(request)


def _of_bucket(method: str, query: Mapping[str, str]) -> str:
    for name in query:
        if (method, name) in _BUCKET_PARTS:
            return _BUCKET_PARTS[method, name]
        if name in _BUCKET_REFUSED:
            raise not_implemented(_BUCKET_REFUSED[name])
        if name in _CHANGES_REFUSED:
            raise not_implemented(_CHANGES_REFUSED[name])
        if name in _CONFIGURATIONS:
            raise not_implemented(f"the configuration {name} of a bucket here")
    if method == "POST":
        raise not_implemented("uploads by HTML form (POST policies)")
    if method not in _BUCKET_PLAIN:
        raise S3Error("MethodNotAllowed", Method=method, ResourceType="BUCKET")
    return "ListObjectsV2" if method == "GET" and "list-type" in query else _BUCKET_PLAIN[method]


def _of_object(request: Request) -> str:
    method, query = request.method, request.query
    if query.get("versionId", "null") != "null":
        raise not_implemented("versions of objects (versionId)")
    for name in query:
        if name in _OBJECT_REFUSED:
            raise not_implemented(_OBJECT_REFUSED[name])
    copied = method == "PUT" and "x-amz-copy-source" in request.headers
    for name in query:
        if (method, name) in _OBJECT_PARTS:
            return "UploadPartCopy" if copied else _OBJECT_PARTS[method, name]
    if "partNumber" in query:
        raise not_implemented("reading one part of an object (partNumber)")
    if method == "POST":
        raise not_implemented("uploads by HTML form (POST policies)")
    if method not in _OBJECT_PLAIN:
        raise S3Error("MethodNotAllowed", Method=method, ResourceType="OBJECT")
    return "CopyObject" if copied else _OBJECT_PLAIN[method]

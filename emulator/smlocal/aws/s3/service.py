"""The S3 service: each call to its operation, in a thread; what goes wrong as S3's XML.

Nothing here verifies signatures. Whether a presigned address has expired is looked at: that counts without them too.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone

from smlocal.aws.s3 import headers, xml
from smlocal.aws.s3.buckets import Buckets
from smlocal.aws.s3.errors import S3Error, invalid_argument, of_the_store
from smlocal.aws.s3.listing import Listing
from smlocal.aws.s3.multipart import SMALLEST, Multipart
from smlocal.aws.s3.objects import Objects
from smlocal.aws.s3.operations import operation_of
from smlocal.aws.s3.payload import Feed, Payload
from smlocal.aws.s3.request import Request, request_of
from smlocal.aws.s3.upload_lists import UploadLists
from smlocal.aws.wire import Call, Reply
from smlocal.errors import CannotRun
from smlocal.storage.interface import ObjectStore
from smlocal.storage.uploads import Uploads

_THREADS = 64  # requests at once; one that waits for a slow client holds one
_READERS = 8  # that read what is streamed out
_PATIENT = 10.0  # seconds until an answer that takes long begins with white space
_BREATH = 5.0  # seconds between two pieces of it
_LONGEST_EXPIRY = 604_800  # seconds: a week. Source: Amazon S3 API, sigv4-query-string-auth

Operation = Callable[[Request, Payload], Reply]


class ObjectService:
    """A Service. Everything that it writes appears whole or not at all; it may be used until `close`.

    `region` counts for calls whose signature names none; `account` owns every bucket.
    """

    def __init__(
        self,
        store: ObjectStore,
        uploads: Uploads,
        *,
        region: str,
        account: str,
        clock: Callable[[], float] = time.time,
        smallest_part: int = SMALLEST,
        patience: float = _PATIENT,
    ) -> None:
        self._region = region
        self._account = account
        self._clock = clock
        self._patience = patience
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="s3-reader")
        self._operations = _table(
            Objects(store, self._readers),
            Listing(store, account),
            Multipart(store, uploads, smallest_part),
            UploadLists(store, uploads, account),
            Buckets(store, uploads, account),
        )

    def close(self) -> None:
        """Wait for what is under way, and end the threads."""
        self._threads.shutdown()
        self._readers.shutdown()

    async def __call__(self, call: Call) -> Reply:
        """The answer. Whatever the body raises that is not ours comes through."""
        if not call.request_id:
            call = replace(call, request_id=uuid.uuid4().hex[:16].upper())
        loop = asyncio.get_running_loop()
        feed = Feed(call.body, loop)
        running = loop.run_in_executor(self._threads, self._answered, call, feed)
        try:
            done, _ = await asyncio.wait({running}, timeout=self._patience if _may_take_long(call) else None)
        except asyncio.CancelledError:
            feed.break_off()
            await asyncio.wait({running})  # a thread cannot be broken off; it ends when it wants more of the body
            raise
        if not done:
            return Reply(200, {"Content-Type": "application/xml", "x-amz-request-id": call.request_id}, _late(running))
        reply = running.result()
        return replace(reply, headers={**reply.headers, "x-amz-request-id": call.request_id})

    def _answered(self, call: Call, feed: Feed) -> Reply:
        request = Request(call.method, "", "", {}, call.headers, self._region, call.path, call.request_id)
        try:
            request = request_of(call, self._region)
            refuse_expired(request.query, self._clock())
            headers.refuse_unsupported(request, self._account)
            name = operation_of(request)
            is_summed = name != "CompleteMultipartUpload"  # whose checksum is that of the whole object
            return self._operations[name](request, Payload(request, feed, is_summed=is_summed))
        except S3Error as error:
            return _told(error, request)
        except CannotRun as error:
            return _told(of_the_store(error, request.bucket, request.key), request)


def _table(
    objects: Objects, listing: Listing, multipart: Multipart, lists: UploadLists, buckets: Buckets
) -> Mapping[str, Operation]:
    return {
        "AbortMultipartUpload": multipart.abort,
        "CompleteMultipartUpload": multipart.complete,
        "CopyObject": objects.copy,
        "CreateBucket": buckets.create,
        "CreateMultipartUpload": multipart.create,
        "DeleteBucket": buckets.delete,
        "DeleteObject": objects.delete,
        "DeleteObjects": objects.delete_many,
        "GetBucketLocation": buckets.location,
        "GetBucketVersioning": buckets.versioning,
        "GetObject": objects.get,
        "HeadBucket": buckets.head,
        "HeadObject": objects.head,
        "ListBuckets": buckets.all,
        "ListMultipartUploads": lists.uploads,
        "ListObjects": listing.first_version,
        "ListObjectsV2": listing.second_version,
        "ListParts": lists.parts,
        "PutObject": objects.put,
        "UploadPart": multipart.put_part,
        "UploadPartCopy": multipart.copy_part,
    }


def refuse_expired(query: Mapping[str, str], now: float) -> None:
    """Raises S3Error for a presigned address (signature version 4 or 2) that is not good any more."""
    if "X-Amz-Expires" in query:
        seconds = query["X-Amz-Expires"]
        if not re.fullmatch(r"\d{1,9}", seconds) or int(seconds) > _LONGEST_EXPIRY:
            raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week (in seconds)")
        try:
            signed = datetime.strptime(query.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        except ValueError as error:
            message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
            raise S3Error("AuthorizationQueryParametersError", message) from error
        end = signed.timestamp() + int(seconds)
    elif "Signature" in query and "Expires" in query:
        if not re.fullmatch(r"\d{1,12}", query["Expires"]):
            raise invalid_argument("Expires", query["Expires"], "Invalid date (should be seconds since epoch)")
        end = int(query["Expires"])
    else:
        return
    if end < now:
        raise S3Error("AccessDenied", "Request has expired", Expires=xml.iso(end), ServerTime=xml.iso(now))


def _told(error: S3Error, request: Request) -> Reply:
    if request.method == "HEAD" or error.status == 304:
        return Reply(error.status)
    members = (xml.tag(name, xml.readable(value)) for name, value in error.members.items())
    body = xml.document(
        "Error",
        xml.tag("Code", error.code),
        xml.tag("Message", error.message),
        *members,
        xml.tag("Resource", request.resource),
        xml.tag("RequestId", request.id),
        namespace=False,
    )
    return Reply(error.status, {"Content-Type": "application/xml"}, body)


def _may_take_long(call: Call) -> bool:
    """Copies and joined parts: all of a big object is written before there is an answer."""
    return (call.method == "PUT" and "x-amz-copy-source" in call.headers) or (
        call.method == "POST" and "uploadId=" in call.query
    )


async def _late(running: asyncio.Future[Reply]) -> AsyncIterator[bytes]:
    """White space until the answer is there, so that the client does not give up; its status can only be 200 then.

    Source: Amazon S3 API, CompleteMultipartUpload and CopyObject.
    """
    yield xml.DECLARATION
    while not running.done():
        yield b" "
        await asyncio.wait({running}, timeout=_BREATH)
    reply = running.result()
    if isinstance(reply.body, bytes):
        yield reply.body.removeprefix(xml.DECLARATION)

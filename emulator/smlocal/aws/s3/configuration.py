"""S3 as the gateway has it: objects and buckets are ours, how a bucket is configured is another service's.

That service knows a bucket only once it is told of it, which is done before the first call that configures it; what it
had kept of a bucket that was deleted meanwhile is forgotten then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from smlocal.aws.s3.operations import is_ours
from smlocal.aws.s3.request import bucket_of_host
from smlocal.aws.wire import Call, Reply, Service


def with_configuration(
    objects: Service, elsewhere: Service, bucket_exists: Callable[[str], bool], region: str
) -> Service:
    """`objects` for what is ours, and `elsewhere` for the rest, of buckets that are there."""
    told: set[str] = set()

    async def tell(call: Call, bucket: str) -> None:
        place = f"<LocationConstraint>{region}</LocationConstraint>" if region != "us-east-1" else ""
        body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>" if place else ""
        create = replace(call, method="PUT", target=f"/{bucket}", host="localhost").with_body(body.encode())
        await elsewhere(create)  # that it is there already is as good
        told.add(bucket)

    async def service(call: Call) -> Reply:
        if is_ours(call):
            reply = await objects(call)
            if call.method == "DELETE" and reply.status == _DELETED:
                told.discard(_bucket_of(call))
            return reply
        bucket = _bucket_of(call)
        if not bucket_exists(bucket):
            # who is asked where it is says in S3's words that it is not
            return await objects(replace(call, method="GET", target=f"{call.path}?location").with_body(b""))
        if bucket not in told:
            await tell(call, bucket)
        return await elsewhere(call)

    return service


_DELETED = 204


def _bucket_of(call: Call) -> str:
    return bucket_of_host(call.host) or call.path.strip("/").partition("/")[0]

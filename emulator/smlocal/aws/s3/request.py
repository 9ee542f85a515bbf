"""One S3 request: its bucket and key, from path or host, and its query, decoded once and never normalised.

Source: Amazon S3 user guide, VirtualHosting. Beside AWS's own host names, `bucket.localhost`, `bucket.s3.localhost`,
those below `localhost.localstack.cloud` and `bucket.127.0.0.1.nip.io` (names that lead to loopback) name a bucket.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from smlocal.aws.s3.errors import S3Error
from smlocal.aws.wire import Call
from smlocal.http_client import Headers
from smlocal.storage.keys import LONGEST_KEY

_VIRTUAL = re.compile(
    r"(?P<bucket>.+?)\.(?:"
    r"s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?"
    r"|(?:s3(?:\.[a-z0-9-]+)?\.)?localhost(?:\.localstack\.cloud)?"
    r"|(?:s3\.)?\d+\.\d+\.\d+\.\d+\.nip\.io"
    r")"
)
_SERVICE = re.compile(r"s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?")  # `s3.us-east-1` before `.localhost` is no bucket


@dataclass(frozen=True)
class Request:
    """A call whose bucket and key are known; either may be empty."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Headers
    region: str
    resource: str  # the path, as errors name it
    id: str

    def header(self, name: str) -> str:
        """Its value, "" when there is none."""
        return self.headers.get(name, "")


def request_of(call: Call, region: str) -> Request:
    """`region` counts for a call whose signature names none. Raises S3Error InvalidURI, KeyTooLongError."""
    path = _decoded(call.path).removeprefix("/")
    bucket = bucket_of_host(call.host)
    if bucket:
        key = path
    else:
        bucket, _, key = path.partition("/")
    if len(key.encode()) > LONGEST_KEY:
        raise S3Error("KeyTooLongError", Size=str(len(key.encode())), MaxSizeAllowed=str(LONGEST_KEY))
    used = call.scope.region if call.scope is not None and call.scope.region else region
    return Request(call.method, bucket, key, query_of(call), call.headers, used, call.path, call.request_id)


def bucket_of_host(host: str) -> str:
    """The bucket that a host name names, "" for one that names none."""
    match = _VIRTUAL.fullmatch(re.sub(r":\d+$", "", host.lower()))
    return "" if match is None or _SERVICE.fullmatch(match["bucket"]) else match["bucket"]


def query_of(call: Call) -> dict[str, str]:
    """Each parameter's first value."""
    found: dict[str, str] = {}
    for pair in call.query.split("&") if call.query else ():
        name, _, value = pair.partition("=")
        try:
            found.setdefault(unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict"))
        except UnicodeDecodeError as error:
            raise S3Error("InvalidURI") from error
    return found


def _decoded(path: str) -> str:
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI") from error

"""S3 calls handed to the user's own S3 endpoint, signed anew with his credentials, which the caller does not have.

The body goes as it comes: its hash is the one that the caller declared. Virtual-host calls become path-style ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SignersCredentials

from smlocal.aws.errors import AwsError
from smlocal.aws.wire import Call, Reply, Service
from smlocal.aws_clients import Credentials
from smlocal.http_client import Headers

_HASH = "x-amz-content-sha256"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_OF_THE_SIGNATURE = ("authorization", "host", "x-amz-date", "date", "x-amz-security-token", _HASH)
_IN_THE_QUERY = re.compile(
    r"X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256)"
    r"|AWSAccessKeyId|Signature|Expires|x-amz-security-token"
)
_SIGNED_HEADER = re.compile(r"host|x-amz-.*|content-type|content-md5")
_VIRTUAL = re.compile(r"(?P<bucket>.+)\.(?:s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?|localhost)")


class Resigned:
    """A Service before `others`, the endpoint at `url`."""

    def __init__(
        self, url: str, region: str, credentials: Credentials, others: Service, clock: Callable[[], datetime]
    ) -> None:
        self._host = urlsplit(url).netloc
        self._region = region
        self._credentials = credentials
        self._others = others
        self._clock = clock

    async def __call__(self, call: Call) -> Reply:
        """The endpoint's answer. Raises AwsError for a body of signed chunks, which only its caller could sign anew."""
        declared = call.headers.get(_HASH, "UNSIGNED-PAYLOAD")
        if declared.startswith(_SIGNED_CHUNKS):
            raise AwsError(
                "NotImplemented",
                "smlocal cannot hand a body of signed chunks to the endpoint that --s3-endpoint-url names; boto3 and"
                " the AWS CLI send none.",
                501,
            )
        target = _target(call)
        kept = [pair for pair in call.headers.pairs if pair[0].lower() not in _OF_THE_SIGNATURE]
        signed = self._signed(call.method, target, kept, declared)
        return await self._others(replace(call, target=target, headers=Headers((*kept, *signed))))

    def _signed(self, method: str, target: str, kept: list[tuple[str, str]], declared: str) -> list[tuple[str, str]]:
        """The headers of a new signature over those that are kept."""
        request = AWSRequest(method, f"http://h{target}")
        timestamp = self._clock().strftime("%Y%m%dT%H%M%SZ")
        request.context["timestamp"] = timestamp
        own = [("Host", self._host), ("X-Amz-Date", timestamp), ("X-Amz-Content-SHA256", declared)]
        if self._credentials.session_token is not None:
            own.append(("X-Amz-Security-Token", self._credentials.session_token))
        for name, value in (*kept, *own):
            if _SIGNED_HEADER.fullmatch(name.lower()):
                request.headers.add_header(name, value.encode("latin-1", "replace").decode("utf-8", "replace"))
        keys = SignersCredentials(self._credentials.access_key_id, self._credentials.secret_access_key)
        signer = S3SigV4Auth(keys, "s3", self._region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        names = signer.signed_headers(signer.headers_to_sign(request))
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, "
            f"Signature={signer.signature(text, request)}"
        )
        return [*own, ("Authorization", authorization)]


def _target(call: Call) -> str:
    """The target in path style, without a signature in its query."""
    path = call.path
    virtual = _VIRTUAL.fullmatch(call.host.partition(":")[0].lower())
    if virtual is not None:
        path = f"/{virtual['bucket']}{path}"
    kept = [pair for pair in call.query.split("&") if pair and not _IN_THE_QUERY.fullmatch(pair.partition("=")[0])]
    return f"{path}?{'&'.join(kept)}" if kept else path

"""Signatures verified with botocore's own signers, from the raw request: the door to them.

What is recomputed is over the raw path and query and exactly the headers that the caller says it signed; comparisons
take constant time. Texts of AWS: observed by many users in public threads; limits of the clock: general reference, S3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterable, Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SignersCredentials

from smlocal.aws.chunked import MISMATCH, SignedChunks, hashed
from smlocal.aws.credentials import CredentialRegistry
from smlocal.aws.errors import AwsError, Denial, Denied
from smlocal.aws.signature import NOT_SUPPORTED, Signature
from smlocal.aws.wire import Call

BODY_BYTES = 64 * 1024 * 1024  # of a call whose hash is known only when all of it is there
_TIME = "%Y%m%dT%H%M%SZ"
_S3_SKEW = timedelta(minutes=15)
_SKEW = timedelta(minutes=5)
_HASH = "X-Amz-Content-SHA256"
_STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_UNHASHED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")


class _ExactHeaders:
    """A signer that signs the headers of its request, all of them: they are those that the caller signed."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        return request.headers


class _Header(_ExactHeaders, SigV4Auth):
    pass


class _S3Header(_ExactHeaders, S3SigV4Auth):
    pass


class _Query(_ExactHeaders, SigV4QueryAuth):
    pass


class _S3Query(_ExactHeaders, S3SigV4QueryAuth):
    pass


class Verifier:
    """Says whether a call was signed by somebody who holds good credentials."""

    def __init__(self, credentials: CredentialRegistry, clock: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._clock = clock

    async def verified(self, call: Call, signature: Signature) -> Call:
        """The call, its body checked against what was signed as it is read. Raises Denied, AwsError, BodyTooLarge."""
        if signature.is_version_2:
            raise AwsError("InvalidRequest", NOT_SUPPORTED)
        secret = self._secret(call, signature)
        moment = _moment(signature.time)
        self._check_time(signature, moment)
        _check_headers(call, signature)
        timestamp = moment.strftime(_TIME)
        if signature.scope.date != timestamp[:8]:
            raise Denied(
                Denial.MISMATCH, f"Date in Credential scope does not match the request's date {timestamp[:8]}."
            )
        signer, request = _signer_and_request(call, signature, secret, timestamp)
        declared = call.headers.get(_HASH)
        if not signature.in_query and declared is None:
            body = await call.read(BODY_BYTES)
            request.headers[_HASH] = hashlib.sha256(body).hexdigest()
            call = call.with_body(body)
            canonical = _without_hash_header(signer, request)
        else:
            canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        if not hmac.compare_digest(expected.encode(), signature.value.encode("utf-8", "replace")):
            raise Denied(Denial.MISMATCH, MISMATCH)
        if signature.in_query:
            return _presigned(call, signature)
        return (
            call if declared is None else replace(call, body=_checked_body(call, declared, signer, request, expected))
        )

    def _secret(self, call: Call, signature: Signature) -> SignersCredentials:
        found = self._credentials.find(signature.scope.access_key_id)
        if found is None:
            text = "The security token included in the request is invalid."
            if signature.scope.service == "s3":
                text = "The AWS Access Key Id you provided does not exist in our records."
            raise Denied(Denial.UNKNOWN_KEY, text)
        token = _token(call, signature)
        if not hmac.compare_digest((found.session_token or "").encode(), token.encode("utf-8", "replace")):
            raise Denied(Denial.UNKNOWN_KEY, "The security token included in the request is invalid.")
        return SignersCredentials(found.access_key_id, found.secret_access_key, found.session_token)

    def _check_time(self, signature: Signature, moment: datetime) -> None:
        now = self._clock()
        skew = _S3_SKEW if signature.scope.service == "s3" else _SKEW
        minutes = int(skew.total_seconds() // 60)
        if signature.expires is not None:
            if now > moment + timedelta(seconds=signature.expires):
                raise Denied(Denial.EXPIRED, "Request has expired")
        elif now - moment > skew:
            if signature.scope.service == "s3":
                raise Denied(
                    Denial.SKEWED, "The difference between the request time and the current time is too large."
                )
            raise Denied(
                Denial.SKEWED,
                f"Signature expired: {moment:{_TIME}} is now earlier than {now - skew:{_TIME}} "
                f"({now:{_TIME}} - {minutes} min.)",
            )
        if moment - now > skew:
            if signature.scope.service == "s3":
                raise Denied(
                    Denial.SKEWED, "The difference between the request time and the current time is too large."
                )
            raise Denied(
                Denial.SKEWED,
                f"Signature not yet current: {moment:{_TIME}} is still later than {now + skew:{_TIME}} "
                f"({now:{_TIME}} + {minutes} min.)",
            )


def _moment(text: str) -> datetime:
    try:
        if len(text) == 16 and text.isascii():
            return datetime.strptime(text, _TIME).replace(tzinfo=timezone.utc)
        moment = parsedate_to_datetime(text)
        return moment.astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError) as error:
        raise Denied(Denial.INCOMPLETE, "Date must be in ISO-8601 'basic format', such as 20260101T000000Z.") from error


def _token(call: Call, signature: Signature) -> str:
    from smlocal.aws.signature import query_pairs

    if signature.in_query:
        return dict(query_pairs(call.query)).get("X-Amz-Security-Token", "")
    return call.headers.get("X-Amz-Security-Token", "")


def _check_headers(call: Call, signature: Signature) -> None:
    """The host and every header that means something to AWS must be signed. Raises Denied."""
    names = {name.lower() for name, _ in call.headers.pairs}
    needed = {"host"} | {name for name in names if name.startswith("x-amz-")}
    unsigned = sorted(needed - set(signature.signed_headers))
    if unsigned:
        raise Denied(
            Denial.MISMATCH, f"There were headers present in the request which were not signed: {', '.join(unsigned)}"
        )
    missing = sorted(set(signature.signed_headers) - names)
    if missing:
        raise Denied(Denial.MISMATCH, f"Headers that were signed are not in the request: {', '.join(missing)}")


def _signer_and_request(
    call: Call, signature: Signature, credentials: SignersCredentials, timestamp: str
) -> tuple[Any, AWSRequest]:
    """A signer of the call's kind, and the request as the caller had it when it was signed."""
    target = call.target
    if signature.in_query:
        kept = [pair for pair in call.query.split("&") if pair.partition("=")[0] != "X-Amz-Signature"]
        target = f"{call.path}?{'&'.join(kept)}"
    # "h" is never signed: the Host header is among those below
    request = AWSRequest(method=call.method, url=f"http://h{target}", data=b"")
    for name, value in call.headers.pairs:
        if name.lower() in signature.signed_headers:
            request.headers.add_header(name.lower(), _text(value))
    request.context["timestamp"] = timestamp
    is_s3 = signature.scope.service == "s3"
    kinds: dict[tuple[bool, bool], type[SigV4Auth]] = {
        (True, True): _S3Query, (True, False): _S3Header, (False, True): _Query, (False, False): _Header,
    }  # fmt: skip
    kind = kinds[is_s3, signature.in_query]
    return kind(credentials, signature.scope.service, signature.scope.region), request


def _text(value: str) -> str:
    """A header's bytes as the text that a signer encodes to those same bytes again."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _without_hash_header(signer: Any, request: AWSRequest) -> str:
    """The canonical request of a call that hashes its body but does not say the hash in a header."""
    digest = request.headers[_HASH]
    del request.headers[_HASH]
    canonical: str = signer.canonical_request(request)
    return f"{canonical.rpartition(chr(10))[0]}\n{digest}"


def _presigned(call: Call, signature: Signature) -> Call:
    """Whoever holds a presigned S3 link may send any body; of other services, none."""
    return (
        call if signature.scope.service == "s3" else replace(call, body=hashed(call.body, hashlib.sha256().hexdigest()))
    )


def _checked_body(call: Call, declared: str, signer: Any, request: AWSRequest, seed: str) -> AsyncIterable[bytes]:
    if declared in _UNHASHED:
        return call.body
    if declared in (_STREAMING, f"{_STREAMING}-TRAILER"):
        chunks = SignedChunks(
            lambda text: str(signer.signature(text, request)),
            str(request.context["timestamp"]),
            signer.credential_scope(request),
            seed,
            trailer=declared.endswith("TRAILER"),
        )
        return chunks.checked(call.body)
    if len(declared) != 64:
        raise AwsError("InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid sha256 value.")
    return hashed(call.body, declared)

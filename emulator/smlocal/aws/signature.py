"""What a call's signature says of it, before anybody verifies it: who signed, for which service, over which headers.

Sources: the general reference's pages on Signature Version 4, the S3 pages "Authenticating Requests" (header, query).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from smlocal.aws.errors import AwsError, Denial, Denied
from smlocal.aws.wire import Call, Scope

ALGORITHM = "AWS4-HMAC-SHA256"
_ANY_HEADER = re.compile(r"AWS4-[A-Z0-9-]+")
_PARTS = ("Credential", "SignedHeaders", "Signature")
_QUERY_SERVICES = ("s3", "sts")  # those whose calls are presigned; a page could make a browser send such a link
NOT_SUPPORTED = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."  # S3's text
)


@dataclass(frozen=True)
class Signature:
    """A signature of version 4 as it was given."""

    scope: Scope
    signed_headers: tuple[str, ...]  # in lower case
    value: str
    time: str  # 20260101T000000Z, or what a Date header says
    expires: int | None = None  # seconds that a presigned call is good for; None: it is signed in its header
    is_version_2: bool = False  # a presigned S3 call of version 2, which says who and how long only

    @property
    def in_query(self) -> bool:
        return self.expires is not None


def signature_of(call: Call, region: str) -> Signature | None:
    """The call's signature, None when it bears none. Raises Denied for one that is malformed, AwsError for one of a
    kind that is not taken. `region` is that of a call whose signature does not say one."""
    given = call.headers.every("Authorization")
    query = query_pairs(call.query)
    names = [name for name, _ in query]
    presigned = "X-Amz-Signature" in names or "X-Amz-Algorithm" in names
    version_2 = "AWSAccessKeyId" in names and "Signature" in names
    if len(given) + presigned + version_2 > 1:
        raise AwsError(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
        )
    if given:
        return _in_header(call, given[0])
    if presigned:
        return _in_query(query)
    return _version_2(query, region) if version_2 else None


def query_pairs(query: str) -> list[tuple[str, str]]:
    """The decoded parameters of a raw query, in order, duplicates kept."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]


def _in_header(call: Call, text: str) -> Signature:
    algorithm, _, rest = text.strip().partition(" ")
    if algorithm != ALGORITHM:
        if _ANY_HEADER.fullmatch(algorithm) or algorithm in ("AWS", "AWS3", "AWS3-HTTPS"):
            raise AwsError("InvalidRequest", NOT_SUPPORTED)
        raise Denied(Denial.UNSIGNED, "Missing Authentication Token")
    found = dict(_assignment(part) for part in rest.split(","))
    time = call.headers.get("X-Amz-Date") or call.headers.get("Date") or ""
    wrong = [f"Authorization header requires '{part}' parameter." for part in _PARTS if not found.get(part)]
    if not time:
        wrong.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if wrong:
        raise Denied(Denial.INCOMPLETE, " ".join(wrong))
    return Signature(_scope(found["Credential"]), _names(found["SignedHeaders"]), found["Signature"], time)


def _in_query(query: Sequence[tuple[str, str]]) -> Signature:
    found: dict[str, str] = {}
    for name, value in query:
        if name.startswith("X-Amz-") and found.setdefault(name, value) != value:
            raise Denied(Denial.INCOMPLETE, f"AWS query-string parameter '{name}' must be given once.")
    if found.get("X-Amz-Algorithm") != ALGORITHM:
        raise AwsError("InvalidRequest", NOT_SUPPORTED)
    parts = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires")
    wrong = [f"AWS query-string parameters must include '{part}'." for part in parts if not found.get(part)]
    if wrong:
        raise Denied(Denial.INCOMPLETE, " ".join(wrong))
    scope = _scope(found["X-Amz-Credential"])
    if scope.service not in _QUERY_SERVICES:
        raise Denied(
            Denial.INCOMPLETE, f"smlocal takes signatures in the query for S3 and STS only, not {scope.service}."
        )
    expires = found["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]{1,6}", expires) or int(expires) > 604_800:
        raise Denied(Denial.INCOMPLETE, "X-Amz-Expires must be a number of seconds, at most a week (604800).")
    return Signature(
        scope, _names(found["X-Amz-SignedHeaders"]), found["X-Amz-Signature"], found["X-Amz-Date"], int(expires)
    )


def _version_2(query: Sequence[tuple[str, str]], region: str) -> Signature:
    """boto3 still makes presigned S3 links of this kind in the oldest regions, us-east-1 among them."""
    found = dict(query)
    expires = found.get("Expires", "")
    if not re.fullmatch(r"[0-9]{1,12}", expires):
        raise Denied(
            Denial.UNSIGNED, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        )
    scope = Scope(found["AWSAccessKeyId"], "", region, "s3")
    return Signature(scope, (), found["Signature"], "", int(expires), is_version_2=True)


def _assignment(part: str) -> tuple[str, str]:
    name, _, value = part.strip().partition("=")
    return name, value.strip()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in text.split(";") if name)


def _scope(credential: str) -> Scope:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or not all(parts) or parts[4] != "aws4_request":
        raise Denied(
            Denial.INCOMPLETE,
            "Credential must have at least 5 elements, e.g. <access-key>/<date>/<region>/<service>/aws4_request.",
        )
    key, date, region, service, _ = parts
    return Scope(key, date, region, service.lower())

"""Errors as AWS clients know them: one table from our error tree to AWS's codes and statuses, and their wire shape.

The shape is that of the protocol which the client speaks. Sources: the Smithy protocol pages (awsJson1_0, awsJson1_1,
restJson1, restXml, awsQuery, ec2Query, rpcv2Cbor); S3's page "Error responses"; what boto3 reads of each was tried.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from xml.sax.saxutils import escape

from smlocal import errors
from smlocal.aws import cbor
from smlocal.aws.wire import BodyTooLarge, Call, Reply


class Protocol(Enum):
    """What a client speaks; it decides how an error looks."""

    JSON_1_0 = "application/x-amz-json-1.0"
    JSON_1_1 = "application/x-amz-json-1.1"
    REST_JSON = "application/json"
    REST_XML = "application/xml"
    QUERY = "text/xml"
    EC2 = "text/xml;charset=UTF-8"
    CBOR = "application/cbor"


class AwsError(Exception):
    """A call that is answered with an error of AWS's. `members` are further fields of the answer."""

    def __init__(self, code: str, message: str, status: int = 400, members: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


class Denial(Enum):
    """Why a call is not authentic."""

    UNSIGNED = "unsigned"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown key"
    MISMATCH = "mismatch"
    SKEWED = "skewed"
    EXPIRED = "expired"


class Denied(Exception):
    """A call that is not authentic; `str()` is AWS's text where it has one."""

    def __init__(self, why: Denial, text: str) -> None:
        super().__init__(text)
        self.why = why


_QUERY_SERVICES = ("sts", "iam", "monitoring")
_MODELLED = ("ResourceNotFound", "ResourceInUse", "ResourceLimitExceeded")  # their member is "Message", not "message"

# the first class that fits; what has another code on S3 says so behind it
_TABLE: tuple[tuple[type[BaseException], str, int, str | None], ...] = (
    (errors.InvalidRequest, "ValidationException", 400, "InvalidRequest"),
    (errors.ResourceNotFound, "ResourceNotFound", 400, None),
    (errors.ResourceInUse, "ResourceInUse", 400, None),
    (errors.ResourceLimitExceeded, "ResourceLimitExceeded", 400, None),
    (errors.NotSupported, "NotImplemented", 501, None),
    (errors.UsageError, "ValidationException", 400, "InvalidRequest"),
    (errors.NoSuchBucket, "NoSuchBucket", 404, None),
    (errors.NoSuchObject, "NoSuchKey", 404, None),
    (errors.EngineUnavailable, "ServiceUnavailable", 503, None),
    (errors.ConnectionFailed, "ServiceUnavailable", 503, None),
    (errors.SmlocalError, "InternalFailure", 500, "InternalError"),
    (BodyTooLarge, "RequestEntityTooLargeException", 413, "EntityTooLarge"),
)

# (JSON's code and status), (the query protocol's), (S3's); EC2 has one code for them all
_DENIALS: dict[Denial, tuple[tuple[str, int], tuple[str, int], tuple[str, int]]] = {
    Denial.UNSIGNED: (
        ("MissingAuthenticationTokenException", 400),
        ("MissingAuthenticationToken", 403),
        ("AccessDenied", 403),
    ),
    Denial.INCOMPLETE: (
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("AuthorizationHeaderMalformed", 400),
    ),
    Denial.UNKNOWN_KEY: (
        ("UnrecognizedClientException", 400),
        ("InvalidClientTokenId", 403),
        ("InvalidAccessKeyId", 403),
    ),
    Denial.MISMATCH: (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("SignatureDoesNotMatch", 403),
    ),
    Denial.SKEWED: (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
    ),
    Denial.EXPIRED: (("InvalidSignatureException", 400), ("SignatureDoesNotMatch", 403), ("AccessDenied", 403)),
}
_EC2_DENIAL = ("AuthFailure", 401)


def protocol_of(call: Call, service: str) -> Protocol:
    """What the caller of `service` speaks, by the call's headers first: a service may have several protocols."""
    kind = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if call.headers.get("Smithy-Protocol", "").lower() == "rpc-v2-cbor" or kind == Protocol.CBOR.value:
        return Protocol.CBOR
    if kind == Protocol.JSON_1_0.value:
        return Protocol.JSON_1_0
    if kind == Protocol.JSON_1_1.value or "X-Amz-Target" in call.headers:
        return Protocol.JSON_1_1
    if service == "s3":
        return Protocol.REST_XML
    if service == "ec2":
        return Protocol.EC2
    if service in _QUERY_SERVICES or kind == "application/x-www-form-urlencoded":
        return Protocol.QUERY
    return Protocol.REST_JSON


def aws_error(error: Exception, protocol: Protocol) -> AwsError | None:
    """What AWS would call it, or None for an error that is a fault of ours."""
    if isinstance(error, AwsError):
        return error
    if isinstance(error, Denied):
        return _denied(error, protocol)
    for kind, code, status, on_s3 in _TABLE:
        if isinstance(error, kind):
            chosen = on_s3 if on_s3 is not None and protocol is Protocol.REST_XML else code
            return AwsError(chosen, str(error), status)
    return None


def _denied(error: Denied, protocol: Protocol) -> AwsError:
    json_one, query, s3 = _DENIALS[error.why]
    if protocol is Protocol.EC2:
        code, status = _EC2_DENIAL
    elif protocol is Protocol.QUERY:
        code, status = query
    elif protocol is Protocol.REST_XML:
        code, status = s3
    else:
        code, status = json_one
        status = 403 if protocol is Protocol.REST_JSON else status
    return AwsError(code, str(error), status)


def rendered(error: AwsError, protocol: Protocol, call: Call) -> Reply:
    """The answer that tells a client of this protocol about the error."""
    headers = {"Content-Type": protocol.value}
    if protocol in (Protocol.JSON_1_0, Protocol.JSON_1_1):
        member = "Message" if error.code in _MODELLED else "message"
        body = json.dumps({"__type": error.code, member: error.message, **error.members}).encode()
    elif protocol is Protocol.REST_JSON:
        headers["x-amzn-ErrorType"] = error.code
        body = json.dumps({"Message": error.message, **error.members}).encode()
    elif protocol is Protocol.CBOR:
        headers["smithy-protocol"] = "rpc-v2-cbor"
        body = cbor.text_map({"__type": error.code, "message": error.message, **error.members})
    else:
        body = ('<?xml version="1.0" encoding="UTF-8"?>\n' + _xml(error, protocol, call)).encode()
    return Reply(error.status, headers, body)


def _xml(error: AwsError, protocol: Protocol, call: Call) -> str:
    told = _elements({"Code": error.code, "Message": error.message, **error.members})
    if protocol is Protocol.EC2:
        return f"<Response><Errors><Error>{told}</Error></Errors><RequestID>{call.request_id}</RequestID></Response>"
    if protocol is Protocol.QUERY:
        whose = "Sender" if error.status < 500 else "Receiver"
        return (
            f"<ErrorResponse><Error><Type>{whose}</Type>{told}</Error>"
            f"<RequestId>{call.request_id}</RequestId></ErrorResponse>"
        )
    where = _elements({"Resource": call.path, "RequestId": call.request_id})
    return f"<Error>{told}{where}</Error>"


def _elements(members: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in members.items())


def xml_text(text: str) -> str:
    """Text that any XML parser takes: escaped, and what XML cannot hold replaced."""
    allowed = (
        character if character in "\t\n\r" or (character >= " " and character not in "\ufffe\uffff") else "\ufffd"
        for character in text.encode("utf-8", "replace").decode("utf-8")
    )
    return escape("".join(allowed))

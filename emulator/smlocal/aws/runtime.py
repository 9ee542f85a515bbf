"""SageMaker Runtime: InvokeEndpoint over the path `/endpoints/NAME/invocations`, headers and bytes both ways.

Its errors carry their name in `x-amzn-ErrorType`; bad requests are ValidationError here, not ValidationException.
Sources: API: runtime_InvokeEndpoint; botocore's `sagemaker-runtime` model, which `HEADERS` is held against by a test;
the texts are those of `smlocal.hosting.invocation`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from urllib.parse import unquote

from smlocal.aws.interface import Account
from smlocal.aws.wire import BodyTooLarge, Call, Reply
from smlocal.errors import UsageError
from smlocal.hosting import Invocation
from smlocal.hosting.invocation import Failure, refused, too_long
from smlocal.requests import refuse_unsupported
from smlocal.requests.service_model import check_constraints
from smlocal.requests.shapes import request_shapes

OPERATION = "InvokeEndpoint"
HEADERS: Mapping[str, str] = {  # member -> header
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "TargetVariant": "X-Amzn-SageMaker-Target-Variant",
    "TargetContainerHostname": "X-Amzn-SageMaker-Target-Container-Hostname",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "EnableExplanations": "X-Amzn-SageMaker-Enable-Explanations",
    "InferenceComponentName": "X-Amzn-SageMaker-Inference-Component",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
    "PrefixAwareId": "X-Amzn-SageMaker-Prefix-Aware-Id",
}
_PATH = re.compile(r"/endpoints/([^/]*)/(invocations|async-invocations|invocations-response-stream)")
_NOT_YET = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}


class Runtime:
    """The Service behind the paths `/endpoints/*`."""

    def __init__(self, account: Account, body_limit: int) -> None:
        """`body_limit`: the bytes that a request's body may have."""
        self._account = account
        self._limit = body_limit

    async def __call__(self, call: Call) -> Reply:
        """The answer to one call. Raises CannotRun, which the gateway tells."""
        try:
            invocation = await self._answer(call)
        except BodyTooLarge:
            invocation = too_long(self._limit)
        except UsageError as error:
            invocation = refused(400, Failure("ValidationError", str(error)))
        headers = dict(invocation.headers.pairs)
        headers["x-amzn-RequestId"] = call.request_id or str(uuid.uuid4())
        return Reply(invocation.status, headers, invocation.body)

    async def _answer(self, call: Call) -> Invocation:
        found = _PATH.fullmatch(call.path)
        if found is None or call.method != "POST":
            return refused(404, Failure("UnknownOperationException", f"There is no {call.method} {call.path}."))
        name, action = unquote(found[1], errors="replace"), found[2]
        if action in _NOT_YET:
            text = f"smlocal does not support {_NOT_YET[action]} yet: use InvokeEndpoint"
            return refused(400, Failure("ValidationError", text))
        headers = {key.lower(): value for key, value in reversed(call.headers.pairs)}  # of several the first
        _check(name, headers)
        if _length(headers) > self._limit:
            return too_long(self._limit)
        return await self._account.invoke_endpoint(name, headers, await call.read(self._limit))


def _check(name: str, headers: Mapping[str, str]) -> None:
    """Whether the model allows the name and the headers, and smlocal can do what they ask. Raises InvalidRequest,
    NotSupported."""
    given = {member: headers[header.lower()] for member, header in HEADERS.items() if header.lower() in headers}
    request = {"EndpointName": name, "Body": b"", **given}
    check_constraints(request_shapes(OPERATION), request)
    refuse_unsupported(OPERATION, request)


def _length(headers: Mapping[str, str]) -> int:
    """The length that the request says it has; 0 when it says none."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0

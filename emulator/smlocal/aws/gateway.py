"""The gateway: each call to its service, by name; what nobody serves is refused by name, in the caller's protocol."""

from __future__ import annotations

import time
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from smlocal.aws.browser import refusal
from smlocal.aws.errors import AwsError, Denial, Denied, Protocol, aws_error, protocol_of, rendered
from smlocal.aws.routing import operation_of, service_of
from smlocal.aws.signature import Signature, signature_of
from smlocal.aws.wire import Call, Reply, Service

if TYPE_CHECKING:
    from smlocal.aws.verification import Verifier

_FORM_BYTES = 1024 * 1024
_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id")


class Gateway:
    """A Service made of services. `services` are the names that are ours, `others` takes every other name.

    `verifier` gives what verifies signatures: asked for every call with `verify_all`, and always for what does not come
    from loopback. `own_names` are host names that lead here. `log` takes one line per call, `region` is ours.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        others: Service,
        verifier: Callable[[], Verifier],
        *,
        region: str,
        verify_all: bool = False,
        own_names: Collection[str] = (),
        log: Callable[[str], None] | None = None,
        on_fault: Callable[[str], None] | None = None,
    ) -> None:
        self._services = dict(services)
        self._others = others
        self._verifier = verifier
        self._region = region
        self._verify_all = verify_all
        self._own_names = frozenset(name.lower() for name in own_names)
        self._log = log
        self._on_fault = on_fault

    async def __call__(self, call: Call) -> Reply:
        """The answer; never an exception, whatever a service does."""
        began = time.monotonic()
        call = replace(call, request_id=str(uuid.uuid4()))
        service = operation = ""
        try:
            signature = signature_of(call, self._region)
            if signature is not None:
                call = replace(call, scope=signature.scope)
            call = await self._admitted(call, signature)
            service = service_of(call)
            if self._log is not None:
                call, operation = await _named(call)
            reply = await self._services.get(service, self._others)(call)
        except Exception as error:  # whatever a service lets through is told in AWS's shape
            service = service or service_of(call)
            reply = self._told(error, call, protocol_of(call, service))
        reply = _with_id(reply, call.request_id, service)
        if self._log is not None:
            milliseconds = (time.monotonic() - began) * 1000
            words = (service, operation or operation_of(call), reply.status, f"{milliseconds:.0f} ms", _id_of(reply))
            self._log(" ".join(map(str, words)))
        return reply

    async def _admitted(self, call: Call, signature: Signature | None) -> Call:
        """The call for its service, verified where that is asked. Raises Denied, AwsError, BodyTooLarge."""
        sentence = refusal(call, self._own_names)
        if sentence is not None:
            raise AwsError("AccessDenied", sentence, 403)
        if signature is None:
            is_s3 = service_of(call) == "s3"
            raise Denied(Denial.UNSIGNED, "Access Denied" if is_s3 else "Missing Authentication Token")
        if self._verify_all or not call.is_loopback:
            call = await self._verifier().verified(call, signature)
        return call

    def _told(self, error: Exception, call: Call, protocol: Protocol) -> Reply:
        known = aws_error(error, protocol)
        if known is None:
            if self._on_fault is not None:
                self._on_fault("".join(traceback.format_exception(error)))
            code = "InternalError" if protocol is Protocol.REST_XML else "InternalFailure"
            text = f"smlocal failed on this call ({type(error).__name__}): a fault of its own, told with -v."
            known = AwsError(code, text, 500)
        return rendered(known, protocol, call)


async def _named(call: Call) -> tuple[Call, str]:
    """The call and the name of its operation, which the query protocol has in the body. Raises BodyTooLarge."""
    if call.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        form = await call.read(_FORM_BYTES)
        return call.with_body(form), operation_of(call, form)
    return call, operation_of(call)


def _id_of(reply: Reply) -> str:
    return next((value for name, value in reply.headers.items() if name.lower() in _ID_HEADERS), "")


def _with_id(reply: Reply, request_id: str, service: str) -> Reply:
    if _id_of(reply):
        return reply
    name = "x-amz-request-id" if service == "s3" else "x-amzn-RequestId"
    return replace(reply, headers={**reply.headers, name: request_id})


def refused_by_name(call: Call) -> AwsError:
    """For a service that nobody here serves."""
    return AwsError(
        "NotImplemented",
        f"smlocal does not serve {service_of(call)} ({operation_of(call)}): hand it to another AWS-compatible endpoint"
        " with --delegate URL.",
        501,
    )


async def nobody(call: Call) -> Reply:
    """A service for names that are nobody's. Raises AwsError."""
    raise refused_by_name(call)

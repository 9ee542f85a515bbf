"""SageMaker's control plane: which operations the account runs, which moto answers, which are refused by name."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from smlocal.aws import json_protocol, not_run, validation
from smlocal.aws.interface import OPERATIONS, Account
from smlocal.aws.json_protocol import Refused
from smlocal.aws.wire import Call, Reply, Service
from smlocal.errors import NotSupported
from smlocal.requests.shapes import answer_shapes, every_operation, request_shapes

_TAGGED = ("training-job", "model", "endpoint-config", "endpoint", "transform-job")  # whose tags the account keeps


class SageMaker:
    """The Service behind the credential scope `sagemaker` and the targets `SageMaker.*`."""

    def __init__(self, account: Account, elsewhere: Service) -> None:
        """`elsewhere` answers the operations that run nothing: experiments, model packages and the like."""
        self._account = account
        self._elsewhere = elsewhere

    async def __call__(self, call: Call) -> Reply:
        """The answer to one call. What the account raises the gateway tells, but for what smlocal refuses by name: to
        a client of SageMaker that is a request that is not valid, and no fault to try again at."""
        try:
            return await self._answer(call)
        except NotSupported as error:
            return json_protocol.refused(call, Refused("ValidationException", str(error)))
        except Refused as refusal:
            return json_protocol.refused(call, refusal)

    async def _answer(self, call: Call) -> Reply:
        operation = json_protocol.operation_of(call)
        if operation not in every_operation():
            raise Refused("UnknownOperationException")
        if operation in OPERATIONS:
            return await self._run(call, operation)
        why = not_run.reason(operation)
        if why is not None:
            nothing = not_run.empty_list(operation)
            if nothing is None:
                raise Refused("UnknownOperationException", why)
            return json_protocol.answered(call, answer_shapes(operation), nothing)
        if operation == "Search":
            body = await json_protocol.body_of(call)
            why = not_run.search_reason(json_protocol.parsed(request_shapes(operation), body))
            if why is not None:
                raise Refused("ValidationException", why)
            return await self._elsewhere(_again(call, body))
        return await self._elsewhere(call)

    async def _run(self, call: Call, operation: str) -> Reply:
        body = await json_protocol.body_of(call)
        request = json_protocol.parsed(request_shapes(operation), body)
        validation.check(operation, request)
        if operation.endswith("Tags") and not _is_tagged_here(request):
            return await self._elsewhere(_again(call, body))
        method = getattr(self._account, OPERATIONS[operation])
        answer = await asyncio.to_thread(method, request)  # the account is plain code, and may wait for an engine
        return json_protocol.answered(call, answer_shapes(operation), answer)


def _is_tagged_here(request: dict[str, Any]) -> bool:
    """Whether the account has the tags of what the ARN names: `arn:aws:sagemaker:us-east-1:123456789012:model/iris`."""
    return str(request["ResourceArn"]).rpartition(":")[2].partition("/")[0] in _TAGGED


def _again(call: Call, body: bytes) -> Call:
    """The call with its body to be read once more."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    return dataclasses.replace(call, body=pieces())

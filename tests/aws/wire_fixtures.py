"""Calls as the gateway makes them, an account that follows a script, and the real front before a Service."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from smlocal.aws.errors import Protocol, aws_error, rendered
from smlocal.aws.gateway import Gateway, nobody
from smlocal.aws.interface import OPERATIONS
from smlocal.aws.server import AwsServer
from smlocal.aws.wire import Call, Reply, Service
from smlocal.errors import SmlocalError
from smlocal.hosting import Invocation
from smlocal.http_client import Headers, HttpClient

Method = Callable[[Mapping[str, Any]], Any]


class ScriptedAccount:
    """Answers each operation with what `answers` says: an answer, an error to raise, or a function of the request."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.seen: list[tuple[str, Mapping[str, Any]]] = []
        self.invoked: list[tuple[str, Mapping[str, str], bytes]] = []
        for method in OPERATIONS.values():
            setattr(self, method, self._method(method))

    def _method(self, name: str) -> Method:
        def answer(request: Mapping[str, Any]) -> Any:
            self.seen.append((name, request))
            return self._scripted(name, request)

        return answer

    async def invoke_endpoint(self, name: str, headers: Mapping[str, str], body: bytes) -> Invocation:
        self.invoked.append((name, headers, body))
        return self._scripted("invoke_endpoint", body)

    def _scripted(self, name: str, request: Any) -> Any:
        answer = self.answers.get(name, {})
        if isinstance(answer, BaseException):
            raise answer
        return answer(request) if callable(answer) else answer


class Elsewhere:
    """Stands for moto: keeps the calls and answers each with an empty object."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []

    async def __call__(self, call: Call) -> Reply:
        self.seen.append((call.headers.get("X-Amz-Target", ""), await call.read(1 << 20)))
        return Reply(200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}")


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body


def call(operation: str = "", body: bytes = b"{}", *, path: str = "/", method: str = "POST", headers: Any = ()) -> Call:
    target = (("X-Amz-Target", f"SageMaker.{operation}"),) if operation else ()
    return Call(method, path, Headers((*target, *headers)), pieces(body), None, request_id="a-request")


def ask(service: Service, one: Call) -> Reply:
    return asyncio.run(_awaited(service, one))


async def _awaited(service: Service, one: Call) -> Reply:
    return await service(one)


def document(reply: Reply) -> Any:
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def told(service: Service) -> Service:
    """The service with what it raises told as the gateway tells it, for calls that nobody signed."""

    async def answer(one: Call) -> Reply:
        try:
            return await service(one)
        except SmlocalError as error:
            known = aws_error(error, Protocol.JSON_1_1)
            assert known is not None
            return rendered(known, Protocol.JSON_1_1, one)

    return answer


@contextlib.contextmanager
def listening(service: Service) -> Iterator[str]:
    """The address of the real server and gateway before `service`, as SageMaker and its runtime."""

    def nobody_verifies() -> Any:
        raise AssertionError("calls from loopback are not verified")

    services = {"sagemaker": service, "runtime.sagemaker": service}
    gateway = Gateway(services, nobody, nobody_verifies, region="us-east-1")
    with HttpClient() as http, AwsServer(http, gateway) as server:
        yield server.url

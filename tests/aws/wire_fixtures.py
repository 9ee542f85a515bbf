"""Calls as the gateway makes them, an account that follows a script, and a small HTTP server in front of a Service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from smlocal.aws.interface import OPERATIONS
from smlocal.aws.wire import Call, Reply, Service
from smlocal.hosting import Invocation
from smlocal.http_client import Headers

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


@contextlib.contextmanager
def listening(service: Service) -> Iterator[str]:
    """The address of a server that turns each request into a Call of `service`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(_application(service), access_log=None, shutdown_timeout=1)

    async def opened() -> str:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    try:
        yield asyncio.run_coroutine_threadsafe(opened(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _application(service: Service) -> web.Application:
    async def handle(request: web.Request) -> web.Response:
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        reply = await service(Call(request.method, request.raw_path, Headers(pairs), request.content.iter_any(), None))
        assert isinstance(reply.body, bytes)
        return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

    application = web.Application(client_max_size=0)
    application.router.add_route("*", "/{path:.*}", handle)
    return application

"""The S3 service behind a real HTTP server on loopback, in a thread of its own. The program's own server is another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from smlocal.aws.s3 import ObjectService
from smlocal.aws.wire import Call, Reply, Scope
from smlocal.http_client import Headers


def scope_of(headers: Headers) -> Scope | None:
    """What the Authorization header says, unverified."""
    _, found, rest = headers.get("authorization", "").partition("Credential=")
    parts = rest.partition(",")[0].split("/")
    return Scope(parts[0], parts[1], parts[2], parts[3]) if found and len(parts) == 5 else None


@dataclass
class S3Server:
    """Turns requests into calls; `calls` are those that came."""

    service: ObjectService
    url: str = ""
    calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> S3Server:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.service.close()

    async def _open(self) -> None:
        server = web.Server(self._answer, access_log=None, auto_decompress=False, max_line_size=16384)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        await self._runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:  # connections that are kept alive
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        headers = Headers(pairs)
        call = Call(
            request.method, request.raw_path, headers, _pieces(request), scope_of(headers), request.headers["Host"]
        )
        self.calls.append(call)
        return await _sent(request, await self.service(call))


async def _pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    if request.headers.get("Expect") and not request.content.is_eof():
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    while piece := await request.content.readany():
        yield piece


async def _sent(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    if isinstance(reply.body, bytes) and "Content-Length" not in reply.headers and reply.status not in (204, 304):
        response.content_length = len(reply.body)
    if not request.content.is_eof():
        response.force_close()  # what is left of the body would be taken for the next request
    await response.prepare(request)
    if isinstance(reply.body, bytes):
        if request.method != "HEAD":
            await response.write(reply.body)
    else:
        async for piece in reply.body:
            await response.write(piece)
    await response.write_eof()
    return response

"""The gateway's HTTP server: calls as they were on the wire, answers streamed.

Nothing is decoded on the way: the request target and the names and bytes of headers stay as they were sent, bodies keep
their coding, and an `Expect: 100-continue` is answered when somebody begins to read the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING

from smlocal.aws.errors import AwsError
from smlocal.aws.wire import Call, Reply, Service
from smlocal.errors import UsageError
from smlocal.http_client import Headers, HttpClient

if TYPE_CHECKING:
    from aiohttp import web

_LINE_BYTES = 16 * 1024  # of the request line, or of one header
_HEADERS = 128
_LAST_CALLS = 2.0  # seconds for calls under way when the server closes
_LINGER = 2.0  # seconds in which the rest of a body that nobody wants is read, so that the answer arrives
_NO_TYPE = ("Content-Type", "")  # marks an answer that is to have none
_QUIET = logging.getLogger("smlocal.aws.server")  # what a client does wrong is told to it, not to our user
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class AwsServer:
    """Listens from `open` to `close`, on the event loop of the HTTP client."""

    def __init__(
        self, http: HttpClient, gateway: Service, *, host: str = "127.0.0.1", port: int = 0, idle: float = 60.0
    ) -> None:
        """`idle`: seconds that a client may take for the head of a request, or between two pieces of its body."""
        self._http = http
        self._gateway = gateway
        self._host = host
        self._port = port
        self._idle = idle
        self._runners: list[web.AppRunner] = []
        self.url = ""

    def open(self) -> None:
        """Begin to listen; `url` says where. Raises UsageError when the port cannot be had."""
        self.url = self._http.run(self._listen(self._host, self._port, is_trusted=True))

    def open_door(self) -> str:
        """A further address on loopback all of whose calls count as coming from elsewhere: for what is relayed here
        from containers. Its URL."""
        return self._http.run(self._listen("127.0.0.1", 0, is_trusted=False))

    def close(self) -> None:
        """Stop listening; calls under way have 2 s to end. May be called again."""
        while self._runners:
            self._http.run(self._runners.pop().cleanup())

    def __enter__(self) -> AwsServer:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _listen(self, host: str, port: int, *, is_trusted: bool) -> str:
        from aiohttp import web

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(request, is_trusted)

        application = web.Application(client_max_size=0)
        application.on_response_prepare.append(_only_our_headers)
        application.router.add_route("*", "/{target:(?s:.*)}", answer, expect_handler=_nothing_yet)
        runner = web.AppRunner(
            application,
            access_log=None,
            logger=_QUIET,
            shutdown_timeout=_LAST_CALLS,
            keepalive_timeout=self._idle,
            lingering_time=_LINGER,
            auto_decompress=False,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_HEADERS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise UsageError(
                f"port {port} on {host} cannot be had ({_reason(error)}): choose another with --port N"
            ) from error
        self._runners.append(runner)
        bound = runner.addresses[0][1]
        return f"http://{f'[{host}]' if ':' in host else host}:{bound}"

    async def _answer(self, request: web.Request, is_trusted: bool) -> web.StreamResponse:
        target = request.raw_path
        if not _is_plain(target):
            reply = Reply(
                400,
                {"Content-Type": "text/plain"},
                b"The request target must begin with a slash and be percent-encoded: no spaces, no '#', ASCII only.\n",
            )
        else:
            call = Call(
                request.method,
                target,
                Headers(
                    tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
                ),
                _Body(request, self._idle).pieces(),
                None,
                request.headers.get("Host", ""),
                is_trusted and _is_loopback(request),
            )
            reply = await self._gateway(call)
        response = await _sent(request, reply)
        if not request.content.is_eof():
            response.force_close()  # what is left of the body would be taken for the next request
        return response


class _Body:
    """A request's body in pieces as they come."""

    def __init__(self, request: web.Request, idle: float) -> None:
        self._request = request
        self._idle = idle
        self._timer: asyncio.TimerHandle | None = None
        self._waits_since: float | None = None  # the loop's time

    async def pieces(self) -> AsyncIterator[bytes]:
        """Raises AwsError when the client is too slow, or leaves."""
        request = self._request
        if request.headers.get("Expect", "").lower() == "100-continue" and not request.content.is_eof():
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # the answer itself has not begun
        try:
            while piece := await self._next():
                yield piece
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self) -> None:
        """One timer for a whole body, since one for each piece would cost more than the piece."""
        loop = asyncio.get_running_loop()
        if self._waits_since is not None and loop.time() - self._waits_since >= self._idle:
            self._request.content.set_exception(asyncio.TimeoutError())
        else:
            self._timer = loop.call_later(self._idle, self._look)

    async def _next(self) -> bytes:
        import aiohttp
        from aiohttp import web

        content = self._request.content
        if content.is_eof():
            return await content.readany()
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_later(self._idle, self._look)
        self._waits_since = loop.time()
        try:
            piece = await content.readany()
            self._waits_since = None
            return piece
        except asyncio.TimeoutError as error:
            raise AwsError(
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period.",
            ) from error
        except (aiohttp.ClientError, web.RequestPayloadError, OSError) as error:
            raise AwsError("IncompleteBody", "The body ended before all that was announced had come.") from error


def _reason(error: OSError) -> str:
    """The system's own words; asyncio puts its own around them."""
    is_name = isinstance(error, socket.gaierror)
    return str(error.strerror) if is_name or not error.errno else os.strerror(error.errno)


def _is_plain(target: str) -> bool:
    """Origin form, and nothing that a client may not send unencoded."""
    return target.startswith("/") and target.isascii() and target.isprintable() and not set(" #") & set(target)


def _is_loopback(request: web.Request) -> bool:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return _is_loopback_address(peer[0]) if peer else False


@lru_cache(maxsize=64)
def _is_loopback_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


async def _sent(request: web.Request, reply: Reply) -> web.StreamResponse:
    from aiohttp import web

    headers = [(name, _text(value)) for name, value in reply.headers.items()]
    if not any(name.lower() == "content-type" for name in reply.headers):
        headers.append(_NO_TYPE)
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=headers, body=reply.body)
    response = web.StreamResponse(status=reply.status, headers=headers)
    if request.method == "HEAD":
        return response
    stream = reply.body.__aiter__()
    try:
        await response.prepare(request)
        async for piece in stream:
            await response.write(piece)
        await response.write_eof()
    except Exception:
        # what has been sent cannot be taken back: the client must see that this is not the end
        if request.transport is not None:
            request.transport.abort()
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    return response


def _text(value: str) -> str:
    """A header's value as the library writes it; what would end the header is left out."""
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    return value.encode("utf-8", "replace").decode("utf-8").translate({0: " ", 10: " ", 13: " "})


async def _nothing_yet(_request: web.Request) -> None:
    """100 Continue is sent when the body is wanted."""


async def _only_our_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.popall("Server", None)
    if response.headers.get("Content-Type") == _NO_TYPE[1]:
        response.headers.popall("Content-Type")

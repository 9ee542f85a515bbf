"""The one door to HTTP clients: exact requests to a container or a registry, from threads and from coroutines.

What is sent is what the caller gave, plus `Host` and `Content-Length` (or chunked coding): no header of our own, no
redirect followed, no cookie kept, no body decoded. A proxy or certificates of the environment are used only by a client
that is given an `Outbound`: what goes to containers takes no way round.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
import threading
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from smlocal.errors import ConnectionFailed, NotTrusted, ResponseTooLarge, TimedOut, UsageError
from smlocal.http_bodies import CallersSides, Stalled, StallWatch, framed
from smlocal.http_headers import Headers

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

    from smlocal.outbound import Outbound

__all__ = ["Headers", "HttpClient", "Response"]

Result = TypeVar("Result")

HEADER_BYTES = 64 * 1024  # of one answer's header line; a longer one is refused
HEADER_COUNT = 256
_MEANWHILE_SECONDS = 0.1
# Shorter than any server's own patience (gunicorn: 2 s), so that no request is sent into a connection being closed.
_IDLE_SECONDS = 1.0
_OBJECT = re.compile(r" ssl:(<[^>]*>|\w+)(?= \[)")  # in "Cannot connect to host ... [...]"
_USER = re.compile(r"(?<=://)[^/\s]*@")  # of a URL
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True)
class Response:
    """An answer. `body` is empty when a sink took it."""

    status: int
    reason: str
    headers: Headers
    body: bytes


class HttpClient:
    """Requests over connections that are kept alive, on one event loop thread begun at the first use. Thread safe."""

    def __init__(self, outbound: Outbound | None = None) -> None:
        """`outbound` says which proxy and which certificates a URL needs; None: no proxy, the system's certificates."""
        self._outbound = outbound
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: aiohttp.ClientSession | None = None
        self._transports: weakref.WeakSet[Any] = weakref.WeakSet()
        self._closed = False

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
        timeout: float | None,
        idle: float | None = None,
        max_response: int | None = None,
        sink: Callable[[bytes], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Response:
        """`send`, for a caller that is a plain thread; `meanwhile` as in `run`."""
        sending = self.send(
            method, url, headers=headers, body=body, timeout=timeout, idle=idle, max_response=max_response, sink=sink
        )
        return self.run(sending, meanwhile)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
        timeout: float | None,
        idle: float | None = None,
        max_response: int | None = None,
        sink: Callable[[bytes], None] | None = None,
    ) -> Response:
        """One exchange, in a coroutine that `run` runs.

        A body of bytes goes with its length, an iterable chunked (or with the `Content-Length` among the headers).
        `timeout` is for all of it, in seconds; `idle` for the time between two pieces of an iterable body, and from the
        last one to the answer's end. Each piece of the answer's body goes to `sink` when given. Raises
        ConnectionFailed; TimedOut; NotTrusted; ResponseTooLarge when the answer's body is longer than `max_response`
        bytes; UsageError for headers that cannot be sent.
        """
        import aiohttp

        session = self._session or self._open_session()
        sent, data = framed(headers, body)
        watch = StallWatch(idle)
        sides = CallersSides(data if data is None or isinstance(data, bytes) else watch.pieces(data), sink)

        async def exchange() -> Response:
            async with session.request(
                method,
                _exact_url(url),
                headers=sent,
                data=sides.data,
                timeout=_timeout(timeout),
                allow_redirects=False,
                **self._way(url),
            ) as answer:
                received = await _body_of(answer, max_response, sides.sink)
                return Response(answer.status, answer.reason or "", _headers_of(answer), received)

        try:
            return await watch.run(exchange())
        except asyncio.TimeoutError as error:
            raise TimedOut(f"{method} {url} was not answered within {timeout or 0:g} s") from error
        except Stalled:
            raise TimedOut(f"{method} {url} did not move for {idle:g} s") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise NotTrusted(f"{method} {url} failed: {_sentence(error.certificate_error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            if sides.failure is not None:
                raise sides.failure from None
            raise ConnectionFailed(f"{method} {url} failed: {_sentence(error)}") from error
        except ValueError as error:
            raise UsageError(f"{method} {url} cannot be sent: {error}") from error

    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | None = None,
        silence: float,
    ) -> Streamed:
        """An exchange whose answer's body is read by the caller, who closes it. `silence`: seconds without a byte.

        A body goes chunked unless the headers give its length. Raises what `send` raises, and what `body` raises.
        """
        import aiohttp

        session = self._session or self._open_session()
        sent, _ = framed(headers, None)
        sides = CallersSides(body, None)
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence, ceil_threshold=float("inf"))
        try:
            answer = await session.request(
                method,
                _exact_url(url),
                headers=sent,
                data=sides.data,
                timeout=limit,
                allow_redirects=False,
                **self._way(url),
            )
        except asyncio.TimeoutError as error:
            raise TimedOut(f"{method} {url} was not answered for {silence:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            if sides.failure is not None:
                raise sides.failure from None
            raise ConnectionFailed(f"{method} {url} failed: {_sentence(error)}") from error
        except ValueError as error:
            raise UsageError(f"{method} {url} cannot be sent: {error}") from error
        return Streamed(answer)

    def run(self, coroutine: Coroutine[Any, Any, Result], meanwhile: Callable[[], None] | None = None) -> Result:
        """Run a coroutine on the client's event loop and give its result; interrupted, it is cancelled first.

        `meanwhile` is called in this thread several times a second; whatever it raises breaks off the coroutine.
        """
        finished = threading.Event()

        async def watched() -> Result:
            try:
                return await coroutine
            finally:
                finished.set()

        loop = self._running_loop()
        if loop is None:
            coroutine.close()
            raise ConnectionFailed("the HTTP client is closed")
        future = asyncio.run_coroutine_threadsafe(watched(), loop)
        try:
            while meanwhile is not None and not finished.wait(_MEANWHILE_SECONDS):
                meanwhile()
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise ConnectionFailed("the HTTP client was closed during a request") from error
        except BaseException:
            if future.cancel():
                finished.wait(10)
            raise

    def _way(self, url: str) -> dict[str, Any]:
        """The library's arguments for the way to a URL."""
        if self._outbound is None:
            return {}
        tls = {"ssl": self._outbound.tls(url)} if url.startswith("https:") else {}
        return {"proxy": self._outbound.proxy(url), **tls}

    def close(self) -> None:
        """Break off what is under way, close every connection and end the thread. May be called again."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._shut(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop | None:
        with self._lock:
            if self._closed:
                return None
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="smlocal-http", daemon=True)
                self._thread.start()
            return self._loop

    def _open_session(self) -> aiohttp.ClientSession:
        import aiohttp

        transports = self._transports

        class Connector(aiohttp.TCPConnector):
            async def connect(self, *args: Any, **more: Any) -> Any:
                connection = await super().connect(*args, **more)
                transports.add(connection.transport)
                return connection

        self._session = aiohttp.ClientSession(
            connector=Connector(limit=0, keepalive_timeout=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_OWN_HEADERS,
            auto_decompress=False,
            trust_env=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADER_COUNT,
        )
        return self._session

    async def _shut(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None
        for transport in tuple(self._transports):
            # One that still had something to send when it was broken off would wait for its peer; one that has gone
            # already knows no loop any more.
            if not transport.is_closing() or transport.get_write_buffer_size():
                transport.abort()
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()
        await asyncio.sleep(0)  # lets the transports say good-bye


class Streamed(AsyncIterator[bytes]):
    """An answer whose body comes in pieces. Raises ConnectionFailed when it breaks off."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = _headers_of(answer)

    async def __anext__(self) -> bytes:
        import aiohttp

        try:
            piece = await self._answer.content.readany()
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise ConnectionFailed(f"the answer of {self._answer.url} broke off: {_sentence(error)}") from error
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end. May be called again."""
        if self._answer.content.is_eof():
            self._answer.release()
        else:
            self._answer.close()


async def _body_of(
    answer: aiohttp.ClientResponse, max_response: int | None, sink: Callable[[bytes], None] | None
) -> bytes:
    announced = 0 if answer.method == "HEAD" else answer.content_length or 0  # what HEAD announces does not come
    if max_response is not None and announced > max_response:
        raise _too_large(answer, max_response)
    pieces: list[bytes] = []
    take = pieces.append if sink is None else sink
    size = 0
    while piece := await answer.content.readany():
        size += len(piece)
        if max_response is not None and size > max_response:
            raise _too_large(answer, max_response)
        take(piece)
    return b"".join(pieces)


def _too_large(answer: aiohttp.ClientResponse, max_response: int) -> ResponseTooLarge:
    answer.close()
    return ResponseTooLarge(
        f"{answer.method} {answer.url} was answered with {answer.status} and a body of more than {max_response} bytes"
    )


def _headers_of(answer: aiohttp.ClientResponse) -> Headers:
    return Headers(tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers))


def _sentence(error: BaseException) -> str:
    """What went wrong, in one line without the library's names and objects, and without what a proxy's address may
    hold before its host: a name and a password."""
    text = _OBJECT.sub("", _USER.sub("", " ".join(str(error).split()))) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


@lru_cache(maxsize=256)
def _exact_url(url: str) -> URL:
    from yarl import URL

    return URL(url, encoded=True)


@lru_cache(maxsize=256)
def _timeout(seconds: float | None) -> aiohttp.ClientTimeout:
    import aiohttp

    # Without the threshold the library rounds anything over 5 s up to the next whole second.
    return aiohttp.ClientTimeout(total=seconds, ceil_threshold=float("inf"))

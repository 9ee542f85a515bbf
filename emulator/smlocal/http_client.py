"""The one door to HTTP clients: exact requests to a container, from threads and from coroutines.

What is sent is what the caller gave, plus `Host` and `Content-Length` (or chunked coding): no header of our own, no
redirect followed, no cookie kept, no proxy of the environment used, no body decoded.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from smlocal.errors import ConnectionFailed, ResponseTooLarge, TimedOut, UsageError

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

Result = TypeVar("Result")

HEADER_BYTES = 64 * 1024  # of one answer's header line; a longer one is refused
HEADER_COUNT = 256
_WHOLE_BODY = 64 * 1024  # a bigger one is handed over in pieces, so that the loop is never held up
_PIECE = 256 * 1024
# Shorter than any server's own patience (gunicorn: 2 s), so that no request is sent into a connection being closed.
_IDLE_SECONDS = 1.0
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Headers(Mapping[str, str]):
    """The headers of an answer: names in any case, each character one byte of the wire, duplicates kept."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.pairs = pairs
        self._first: dict[str, str] = {}
        for name, value in pairs:
            self._first.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header that came more than once, in order."""
        return tuple(value for key, value in self.pairs if key.lower() == name.lower())

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


@dataclass(frozen=True)
class Response:
    """An answer. `body` is empty when a sink took it."""

    status: int
    reason: str
    headers: Headers
    body: bytes


class HttpClient:
    """Requests over connections that are kept alive, on one event loop thread begun at the first use. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
        timeout: float,
        max_response: int | None = None,
        sink: Callable[[bytes], None] | None = None,
    ) -> Response:
        """`send`, for a caller that is a plain thread."""
        return self.run(
            self.send(method, url, headers=headers, body=body, timeout=timeout, max_response=max_response, sink=sink)
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | AsyncIterable[bytes] | None = None,
        timeout: float,
        max_response: int | None = None,
        sink: Callable[[bytes], None] | None = None,
    ) -> Response:
        """One exchange, in a coroutine that `run` runs.

        A body of bytes goes with its length, an iterable chunked. `timeout` is for all of it, in seconds. Each piece
        of the answer's body goes to `sink` when given. Raises ConnectionFailed; TimedOut; ResponseTooLarge when the
        answer's body is longer than `max_response` bytes; UsageError for headers that cannot be sent.
        """
        import aiohttp

        session = self._session or self._open_session()
        sent, data = _framed(headers, body)
        sides = _CallersSides(data, sink)
        try:
            async with session.request(
                method, _exact_url(url), headers=sent, data=sides.data, timeout=_timeout(timeout), allow_redirects=False
            ) as answer:
                received = await _body_of(answer, max_response, sides.sink)
                return Response(answer.status, answer.reason or "", _headers_of(answer), received)
        except asyncio.TimeoutError as error:
            raise TimedOut(f"{method} {url} was not answered within {timeout:g} s") from error
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
        sent, _ = _framed(headers, None)
        sides = _CallersSides(body, None)
        limit = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence, ceil_threshold=float("inf"))
        try:
            answer = await session.request(
                method, _exact_url(url), headers=sent, data=sides.data, timeout=limit, allow_redirects=False
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

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the client's event loop and give its result; interrupted, it is cancelled first."""
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
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise ConnectionFailed("the HTTP client was closed during a request") from error
        except BaseException:
            if future.cancel():
                finished.wait(10)
            raise

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

        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS),
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


class _CallersSides:
    """The caller's body and sink; an error of theirs is kept, not to be taken for one of the connection."""

    def __init__(self, data: bytes | AsyncIterable[bytes] | None, sink: Callable[[bytes], None] | None) -> None:
        self.data = data if data is None or isinstance(data, bytes) else self._read(data)
        self.sink = None if sink is None else self._write
        self._sink = sink
        self.failure: Exception | None = None

    async def _read(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        try:
            async for piece in body:
                yield piece
                # A server may refuse early (413) and close: its answer is read before a write finds the socket reset.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        except Exception as error:
            self.failure = error
            raise

    def _write(self, piece: bytes) -> None:
        if self._sink is None:
            return
        try:
            self._sink(piece)
        except Exception as error:
            self.failure = error
            raise OSError("the sink failed") from error


def _framed(
    headers: Mapping[str, str], body: bytes | AsyncIterable[bytes] | None
) -> tuple[dict[str, str], bytes | AsyncIterable[bytes] | None]:
    """The headers as the library must be given them, and the body as it takes it without holding up the loop."""
    try:
        sent = {name: value.encode("latin-1").decode("utf-8") for name, value in headers.items()}
    except UnicodeError as error:
        raise UsageError(f"a header has bytes that cannot be sent: {error}") from error
    if isinstance(body, bytes) and len(body) > _WHOLE_BODY:
        sent["Content-Length"] = str(len(body))
        return sent, _pieces(body)
    return sent, body


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


async def _body_of(
    answer: aiohttp.ClientResponse, max_response: int | None, sink: Callable[[bytes], None] | None
) -> bytes:
    if max_response is not None and (answer.content_length or 0) > max_response:
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
    """What went wrong, in one line without the library's names."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."


@lru_cache(maxsize=256)
def _exact_url(url: str) -> URL:
    from yarl import URL

    return URL(url, encoded=True)


@lru_cache(maxsize=256)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    import aiohttp

    # Without the threshold the library rounds anything over 5 s up to the next whole second.
    return aiohttp.ClientTimeout(total=seconds, ceil_threshold=float("inf"))

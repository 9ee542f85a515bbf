"""One request to the container, tried again where the platform would.

Connection errors, timeouts and answers of 500 and more are tried again at once, up to InvocationsMaxRetries times;
an answer of 4xx never is. The API reference says only "when invocation requests are failing"; public logs show no
pause between tries.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from smlocal.errors import ConnectionFailed, JobFailed, ResponseTooLarge, TimedOut
from smlocal.http_client import HttpClient, Response
from smlocal.transform.data_log import NO_ANSWER, SEE_LOGS_ALGORITHM, reason_for, status_lines
from smlocal.transform.plan import Plan
from smlocal.transform.spool import Spool

# The platform's client is written in Go; this address and these headers were seen in containers' logs, 2018-2024.
HOST = "169.254.255.131:8080"
USER_AGENT = "Go-http-client/1.1"
_SHOWN = 64 * 1024
_STEP = 256 * 1024

Body = Callable[[], bytes | AsyncIterable[bytes]]


def platform_headers() -> dict[str, str]:
    """What every request of the transform client bears."""
    return {"Host": HOST, "User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}


def invocation_headers(plan: Plan) -> dict[str, str]:
    """The headers of an invocation; `Content-Type` and `Accept` only where the request gave them."""
    headers = platform_headers()
    if plan.accept is not None:
        headers["Accept"] = plan.accept
    if plan.content_type is not None:
        headers["Content-Type"] = plan.content_type
    return headers


class InvocationFailed(JobFailed):
    """The container refused a payload or did not answer, also after every retry."""

    def __init__(self, lines: tuple[str, ...], reason: str, cause: str, *, broken_off: bool) -> None:
        super().__init__(cause)
        self.lines = lines
        self.reason = reason
        self.broken_off = broken_off  # the connection was, which may mean that the container is ending


@dataclass
class Counts:
    """What was sent. Shared by everything on one event loop."""

    requests: int = 0
    retries: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


class Invoker:
    """Sends the payloads of one job."""

    def __init__(
        self, http: HttpClient, base_url: str, plan: Plan, *, in_memory: int, alive: Callable[[], bool]
    ) -> None:
        self._http = http
        self._url = f"{base_url}/invocations"
        self._headers = invocation_headers(plan)
        self._timeout = plan.timeout
        self._retries = plan.retries
        self._in_memory = in_memory
        self._alive = alive
        self.counts = Counts()

    async def invoke(self, body: Body) -> Spool:
        """The bytes of a good answer. `body` gives the payload anew at each try. Raises InvocationFailed."""
        left = self._retries
        while True:
            try:
                return await self._once(body())
            except _Again as again:
                if not left or not self._alive():
                    raise again.failure from again.__cause__
                left -= 1
                self.counts.retries += 1

    async def _once(self, body: bytes | AsyncIterable[bytes]) -> Spool:
        answer = Spool(self._in_memory)
        self.counts.requests += 1
        if isinstance(body, bytes):
            self.counts.bytes_sent += len(body)
        else:
            body = self._counted(body)
        try:
            response = await self._http.send(
                "POST", self._url, headers=self._headers, body=body, timeout=self._timeout, sink=answer.write
            )
            good = self._judged(response, answer)
        except ConnectionFailed as error:
            answer.close()
            broken_off = not isinstance(error, TimedOut)
            failure = InvocationFailed((NO_ANSWER,), SEE_LOGS_ALGORITHM, str(error), broken_off=broken_off)
            raise _Again(failure) from error
        except BaseException:
            answer.close()
            raise
        self.counts.bytes_received += good.size
        return good

    async def _counted(self, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for piece in body:
            self.counts.bytes_sent += len(piece)
            yield piece

    def _judged(self, response: Response, answer: Spool) -> Spool:
        answer = unpacked(answer, response.headers, self._in_memory)
        if 200 <= response.status < 300:
            return answer
        status = response.status
        shown = answer.open().read(_SHOWN)
        answer.close()
        failure = InvocationFailed(
            status_lines(status, shown), reason_for(status), f"/invocations answered {status}", broken_off=False
        )
        raise _Again(failure) if status >= 500 else failure


class _Again(Exception):
    """A failure that may be tried again."""

    def __init__(self, failure: InvocationFailed) -> None:
        super().__init__(str(failure))
        self.failure = failure


def unpacked(packed: Spool, headers: Mapping[str, str], in_memory: int, most: int | None = None) -> Spool:
    """The answer as the platform's client, which asked for gzip by itself, hands it on. Raises ConnectionFailed, also
    for more than `most` bytes."""
    if headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return packed
    plain = Spool(in_memory)
    try:
        _gunzip(packed.open(), plain, most)
    except ResponseTooLarge:
        plain.close()
        raise
    except zlib.error as error:
        plain.close()
        raise ConnectionFailed(f"the answer is not the gzip that its headers promise: {error}") from error
    finally:
        packed.close()
    return plain


def _gunzip(source: BinaryIO, target: Spool, most: int | None) -> None:
    data = source.read(_STEP)
    while data:  # a gzip stream is one member after another
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            target.write(member.decompress(data, _STEP))
            if most is not None and target.size > most:
                raise ResponseTooLarge(f"the answer unpacks to more than {most} bytes")
            data = member.unconsumed_tail
            if not data and not member.eof:
                data = source.read(_STEP)
                if not data:
                    raise zlib.error("it ends too early")
        data = member.unused_data or source.read(_STEP)

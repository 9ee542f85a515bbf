"""What a healthy model container is asked, and what it answers: raw exchanges, as the platform makes them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from typing import Protocol

from smlocal.errors import ConnectionFailed, SmlocalError, TimedOut
from smlocal.evidence import Exchange
from smlocal.examination.plan import Plan, Sample
from smlocal.examination.stopping import Stop
from smlocal.hosting import REAL_TIME
from smlocal.http_client import HttpClient
from smlocal.settings import MEBIBYTE, Limits

SAMPLE = "sample"
SAMPLE_AGAIN = "sample, once more"
NO_ACCEPT = "without Accept"
ODD_HEADERS = "unknown headers"
UNKNOWN_TYPE = "unknown content type"
BROKEN_BODY = "broken body"
ONE_CALLER = "one caller"
MANY_CALLERS = "many callers"
BIG = "6 MiB body"
LARGEST = "25 MiB body"
PING_WHILE_BUSY = "ping while 6 MiB bodies are predicted"
PING_AT_REST = "ping at rest"
PING_AFTER = "ping after everything"

_BIG_BYTES = 6 * MEBIBYTE  # API: InvokeEndpoint's Body
_LARGEST_BYTES = 25 * MEBIBYTE  # SageMaker AI FAQs: real-time payloads
_HEAD = 2048
LARGEST_ANSWER = 256 * MEBIBYTE
_UNKNOWN = "application/x-smlocal-unknown"
_GARBAGE = b'\xff\xfe{"[,\r\n\x00;;;"\n'
_AT_ONCE = 4  # big bodies, so that every worker of an ordinary server is busy
_CALLERS = 8
_TIMES_SERIAL, _TIMES_AT_ONCE = 2, 4  # that each body is sent
_QUICK = 5.0  # seconds within which a sample must be answered to be sent again and again
_LOADING = 15.0  # seconds that a server gets to answer the sample, which it called itself healthy for
_LOADING_PAUSE = 0.25
_BUSY_AFTER = 0.05  # seconds after which a server that got a big body is at work on it
_MOST_PINGS = 100
_PAUSE = 0.02  # seconds between pings
BY_LINES = ("text/csv", "application/jsonlines", "application/json-lines", "text/libsvm", "text/x-libsvm")


class Counter(Protocol):
    """Counts the records of one answer."""

    def take(self, piece: bytes) -> None: ...

    def count(self, headers: Mapping[str, str]) -> int | None:
        """Of the whole answer, which has these headers; None when they cannot be told."""
        ...


class Probes:
    """Asks one container. `base_url` gives where it is reached."""

    def __init__(self, http: HttpClient, base_url: Callable[[], str], limits: Limits, plan: Plan, stop: Stop) -> None:
        self._http = http
        self._base_url = base_url
        self._limits = limits
        self._stop = stop
        self._samples = plan.samples
        self._origin = time.monotonic()

    def run(self) -> tuple[Exchange, ...]:
        """Everything, the gentle first; what may break the server comes last."""
        found = list(self.samples())
        found += self._once_more(found)
        if not any(exchange.timed_out for exchange in found):  # else it may still be at work
            found += self._at_rest()
        if self._samples:
            first = self._samples[0]
            if not found[0].timed_out:  # or each of these would take as long, and tell nothing
                found += self._other_headers(first)
            answers = [exchange for exchange in found if exchange.probe != PING_AT_REST]
            found += self._repeated(quick=not any(item.timed_out or item.seconds > _QUICK for item in answers))
            found += self._busy(first)
        content_type = self._samples[0].content_type if self._samples else "text/csv"
        body = self._samples[0].body if self._samples else b"1,2,3\n"
        found.append(self._invoke(UNKNOWN_TYPE, body, {"Content-Type": _UNKNOWN}))
        found.append(self._invoke(BROKEN_BODY, _GARBAGE, {"Content-Type": content_type}))
        return tuple(found)

    def largest(self) -> Exchange:
        """A body as large as an endpoint takes, that cannot be read: whether it is too large is told without predicting
        as much."""
        body = _GARBAGE.ljust(_LARGEST_BYTES, b"0")
        return self._invoke(LARGEST, body, {"Content-Type": self._samples[0].content_type})

    def samples(self) -> tuple[Exchange, ...]:
        """The samples alone."""
        return tuple(self._sample(SAMPLE, sample) for sample in self._samples)

    def send_sample(self, number: int) -> Exchange:
        """One of the samples, in turn."""
        return self._sample(SAMPLE, self._samples[number % len(self._samples)])

    def pings_well(self) -> bool:
        """Whether it still answers GET /ping with 200."""
        return self._ping(PING_AFTER, self._limits.ping_timeout).status == 200

    def _once_more(self, found: list[Exchange]) -> list[Exchange]:
        """The first sample, when a server that is still healthy could not answer it, until it can: perhaps it loads."""
        give_up = time.monotonic() + min(self._limits.invocation_timeout, _LOADING)
        again: list[Exchange] = []
        while _could_not(*(again or found[:1])) and time.monotonic() < give_up and self.pings_well():
            time.sleep(_LOADING_PAUSE)
            again = [self._sample(SAMPLE_AGAIN, self._samples[0])]
        return again

    def _other_headers(self, sample: Sample) -> list[Exchange]:
        odd = {"X-Amzn-SageMaker-Custom-Attributes": "smlocal=check", "X-Smlocal-Unknown": "1"}
        return [
            self._invoke(NO_ACCEPT, sample.body, {"Content-Type": sample.content_type}),
            self._invoke(ODD_HEADERS, sample.body, {**headers_of(sample), **odd}),
        ]

    def _at_rest(self) -> list[Exchange]:
        """A ping while nothing else is asked, and a second where the first was not good: slow may be this machine."""
        first = self._ping(PING_AT_REST, self._limits.ping_timeout)
        return [first, self._ping(PING_AT_REST, self._limits.ping_timeout)] if first.status != 200 else [first]

    def _sample(self, probe: str, sample: Sample) -> Exchange:
        return self._invoke(probe, sample.body, headers_of(sample), expected=sample.expect)

    def _repeated(self, *, quick: bool) -> list[Exchange]:
        """Each sample, and a longer one so that answers can be mixed up, by one caller and by many at once."""
        if not quick:
            return []
        longer = _lines_of(self._samples[0], 2)
        samples = self._samples if longer is None else (*self._samples, replace(self._samples[0], body=longer))

        def send(probe: str, number: int) -> Exchange:
            sample = samples[number]
            return replace(self._invoke(probe, sample.body, headers_of(sample)), sample=number)

        numbers = range(len(samples))
        serial = [send(ONE_CALLER, number) for _ in range(_TIMES_SERIAL) for number in numbers]
        with ThreadPoolExecutor(_CALLERS) as pool:
            at_once = list(pool.map(partial(send, MANY_CALLERS), [*numbers] * _TIMES_AT_ONCE))
        # an answer that changes with the clock is another one afterwards, too
        return [*serial, *at_once, *(send(ONE_CALLER, number) for number in numbers)]

    def _busy(self, sample: Sample) -> list[Exchange]:
        """Bodies of 6 MiB, and pings while the server is busy with them."""
        body = _lines_of(sample)
        if body is None:
            return []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            bodies = [pool.submit(self._invoke, BIG, body, headers_of(sample)) for _ in range(_AT_ONCE)]
            pings: list[Exchange] = []
            pause = _BUSY_AFTER
            while not all(item.done() for item in bodies) and len(pings) < _MOST_PINGS:
                wait(bodies, pause)
                pings.append(self._ping(PING_WHILE_BUSY, self._limits.invocation_timeout))
                pause = _PAUSE
            return [*(item.result() for item in bodies), *pings]

    def _invoke(self, probe: str, body: bytes, headers: Mapping[str, str], expected: bytes | None = None) -> Exchange:
        request = f"POST /invocations {headers.get('Content-Type', '')}, {len(body)} bytes"
        return self.exchange(probe, request, "POST", "/invocations", body, headers, expected)

    def _ping(self, probe: str, timeout: float) -> Exchange:
        return self.exchange(probe, "GET /ping", "GET", "/ping", None, {}, timeout=timeout)

    def exchange(
        self,
        probe: str,
        request: str,
        method: str,
        path: str,
        body: bytes | AsyncIterable[bytes] | None,
        headers: Mapping[str, str],
        expected: bytes | None = None,
        timeout: float | None = None,
        counter: Counter | None = None,
    ) -> Exchange:
        """One request, with the headers of real-time inference where `headers` has none of their names."""
        self._stop.check()
        began = time.monotonic()
        answer = _Answer(counter)
        seconds = self._limits.invocation_timeout if timeout is None else timeout
        try:
            response = self._http.request(
                method,
                f"{self._base_url()}{path}",
                headers={**REAL_TIME.headers, **headers},
                body=body,
                timeout=seconds,
                max_response=LARGEST_ANSWER,
                sink=answer.take,
            )
            records = counter.count(response.headers) if counter is not None else None
        except (ConnectionFailed, SmlocalError) as error:
            return Exchange(
                probe,
                request,
                self._since(began),
                time.monotonic() - began,
                None,
                fault=str(error),
                timed_out=isinstance(error, TimedOut),
            )
        return Exchange(
            probe=probe,
            request=request,
            began=self._since(began),
            seconds=time.monotonic() - began,
            status=response.status,
            content_type=response.headers.get("Content-Type", ""),
            has_length="Content-Length" in response.headers,
            size=answer.size,
            body=bytes(answer.head),
            digest=answer.digest.hexdigest(),
            expected=expected,
            records=records,
        )

    def _since(self, moment: float) -> float:
        return moment - self._origin


def _could_not(*exchanges: Exchange) -> bool:
    """Whether a request failed by the server's doing, and at once."""
    return any(not item.timed_out and (item.status is None or item.status >= 500) for item in exchanges)


class _Answer:
    """Keeps the beginning, the size and the digest of a body of any size."""

    def __init__(self, counter: Counter | None) -> None:
        self._counter = counter
        self.head = bytearray()
        self.size = 0
        self.digest = hashlib.sha256()

    def take(self, piece: bytes) -> None:
        self.head += piece[: max(0, _HEAD - len(self.head))]
        self.size += len(piece)
        self.digest.update(piece)
        if self._counter is not None:
            self._counter.take(piece)


def media_type(content_type: str) -> str:
    """Without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def headers_of(sample: Sample) -> dict[str, str]:
    """What a caller says of a sample."""
    headers = {"Content-Type": sample.content_type}
    return {**headers, "Accept": sample.accept} if sample.accept is not None else headers


def _lines_of(sample: Sample, times: int | None = None) -> bytes | None:
    """The sample's records so many times, by default to a little less than 6 MiB; None for formats that are not
    lines."""
    if media_type(sample.content_type) not in BY_LINES or not sample.body.strip():
        return None
    record = sample.body if sample.body.endswith(b"\n") else sample.body + b"\n"
    return record * (_BIG_BYTES // len(record) if times is None else times) or None

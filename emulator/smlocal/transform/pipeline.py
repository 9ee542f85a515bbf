"""All objects of a job through the container: many requests in flight, each object's answers in its own order.

Memory is bounded: at most MaxConcurrentTransforms payloads are in flight, a few are cut ahead, and no more answers
wait for an earlier one than `WINDOW` says; what an answer or an output has beyond its share of memory goes to disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from smlocal.evidence import ObjectTransformed
from smlocal.off_loop import in_thread
from smlocal.settings import MEBIBYTE
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.transform.data_log import SEE_LOGS_CLIENT, DataLog
from smlocal.transform.input_object import InputObject
from smlocal.transform.invoke import InvocationFailed, Invoker
from smlocal.transform.outputs import Outputs
from smlocal.transform.plan import Parameters, Plan

WINDOW = 4  # payloads begun and not yet written, for each request in flight
_TICK = 0.1  # seconds between looks at the container and at a wish to stop
# Seconds that an exit may need to be known after its connections broke: a busy machine takes its time, and once one
# was waited for in vain, the container is one that breaks connections and lives on.
_FIRST_LAST_WORDS, _LAST_WORDS = 3.0, 0.25
_TURN = 0.05
_STORING = 8  # outputs on their way to the store at once
_MOST_WARNINGS = 100
_PIECE = 256 * 1024


def memory_share(parameters: Parameters) -> int:
    """How many bytes of one answer may stay in memory."""
    return max(64 * 1024, 64 * MEBIBYTE // (WINDOW * parameters.concurrency))


@dataclass(frozen=True)
class Payload:
    """A request to be made; without a body it is the whole object, streamed."""

    source: InputObject
    index: int
    body: bytes | None
    chunked: bool = False  # a body without its length

    def open(self) -> bytes | AsyncIterable[bytes]:
        if self.body is None:
            return self.source.stream()
        return pieces(self.body) if self.chunked else self.body


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body that is sent chunked."""
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]


class Pipeline:
    """One use: `run` once, on the HTTP client's event loop."""

    def __init__(
        self,
        objects: Iterable[StoredObject],
        plan: Plan,
        parameters: Parameters,
        *,
        store: ObjectStore,
        invoker: Invoker,
        log: DataLog,
        alive: Callable[[], bool],
        on_done: Callable[[int], None] = lambda done: None,
    ) -> None:
        self._objects = iter(objects)
        self._plan = plan
        self._parameters = parameters
        self._store = store
        self._invoker = invoker
        self._log = log
        self._alive = alive
        self._on_done = on_done
        self._window = asyncio.Semaphore(WINDOW * parameters.concurrency)
        self._feeding = asyncio.Lock()
        self._ready: deque[Payload] = deque()
        self._current: InputObject | None = None
        self._begun: dict[str, InputObject] = {}
        self._storing: set[asyncio.Task[None]] = set()
        self._store_failure: BaseException | None = None
        self.done: list[ObjectTransformed] = []
        self.outputs = Outputs(store, plan.output_bucket, memory_share(parameters))
        self.warnings: list[str] = []
        self.reason = ""  # FailureReason after the first failure
        self.cause = ""
        self._patience = _FIRST_LAST_WORDS

    async def run(self, interrupted: Callable[[], bool]) -> bool:
        """True when every object came to its end, False when interrupted; raises what is no fault of the container."""
        work = asyncio.ensure_future(self._work())
        try:
            while not work.done():
                if interrupted():
                    return False
                await asyncio.wait({work}, timeout=_TICK)
            return await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            if self._storing:
                await asyncio.wait(self._storing)
            for source in self._begun.values():
                source.close_source()

    def give_up(self, lines: tuple[str, ...], reason: str, cause: str) -> None:
        """Fail every object that was begun and did not come to its end."""
        for source in list(self._begun.values()):
            self._fail(source, lines, reason, cause)

    def drop(self) -> None:
        """Forget what is held of objects that did not come to their end, and of outputs that are not to be stored."""
        for source in self._begun.values():
            source.assembler.drop()
        self.outputs.close()

    async def _work(self) -> bool:
        workers = [asyncio.ensure_future(self._worker()) for _ in range(self._parameters.concurrency)]
        try:
            going_on = await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        while self._storing:
            await asyncio.wait(self._storing)
        if self._store_failure is not None:
            raise self._store_failure
        return all(going_on)

    async def _worker(self) -> bool:
        while (payload := await self._next()) is not None:
            if not await self._transform(payload):
                return False
        return True

    async def _next(self) -> Payload | None:
        await self._window.acquire()
        async with self._feeding:
            while True:
                while self._ready:
                    payload = self._ready.popleft()
                    if not payload.source.failure:
                        return payload
                if not await self._read_on():
                    self._window.release()
                    return None

    async def _read_on(self) -> bool:
        """Cut some more payloads; False when there are no more objects."""
        source = self._current or await self._next_object()
        if source is None:
            return False
        self._current = source
        if source.failure:
            self._close_current(source)
            return True
        portion = await in_thread(source.portion)
        for body in portion.bodies:
            self._ready.append(Payload(source, source.payloads, body, self._parameters.unlimited))
            source.payloads += 1
        if portion.last:
            source.cut = True
            self._close_current(source)
            if portion.failure is not None:
                cause = str(portion.failure)
                self._fail(source, (cause,), SEE_LOGS_CLIENT, cause)
            self._store_if_complete(source)
        return True

    async def _next_object(self) -> InputObject | None:
        while len(self._storing) >= _STORING:
            await asyncio.wait(self._storing, return_when=asyncio.FIRST_COMPLETED)
        if self._store_failure is not None:
            raise self._store_failure
        found = next(self._objects, None)
        if found is None:
            return None
        share = memory_share(self._parameters)
        source = InputObject(found, self._plan, self._parameters, self._store, share)
        self._begun[found.key] = source
        return source

    def _close_current(self, source: InputObject) -> None:
        self._current = None
        source.close_source()
        for warning in source.warnings():
            if len(self.warnings) < _MOST_WARNINGS:
                self.warnings.append(warning)

    async def _transform(self, payload: Payload) -> bool:
        """Send a payload and take its answer; False when the container is gone."""
        source = payload.source
        try:
            answer = await self._invoker.invoke(payload.open)
        except InvocationFailed as failure:
            if failure.broken_off and await self._has_ended():
                return False
            self._window.release()
            self._fail(source, failure.lines, failure.reason, str(failure))
            return True
        if source.failure:
            answer.close()
            self._window.release()
            return True
        for _ in range(source.assembler.add(payload.index, answer)):
            self._window.release()
        self._store_if_complete(source)
        return True

    async def _has_ended(self) -> bool:
        """The container that gave no answer has ended, as is known now or a little later."""
        patience, self._patience = self._patience, _LAST_WORDS
        for _ in range(round(patience / _TURN)):
            if not self._alive():
                return True
            await asyncio.sleep(_TURN)
        return not self._alive()

    def _fail(self, source: InputObject, lines: tuple[str, ...], reason: str, cause: str) -> None:
        if source.failure:
            return
        source.failure = cause
        self._log.object_failed(source.found.bucket, source.found.key, lines)
        self.reason = self.reason or reason
        self.cause = self.cause or f"{source.found.uri}: {cause}"
        for _ in range(source.assembler.drop()):
            self._window.release()
        self._end(source, stored=False)

    def _store_if_complete(self, source: InputObject) -> None:
        if source.complete:
            task = asyncio.ensure_future(self._put(source))
            self._storing.add(task)
            task.add_done_callback(self._put_ended)

    async def _put(self, source: InputObject) -> None:
        output = source.assembler.output
        await in_thread(lambda: self.outputs.add(source.output_key, output))
        self._end(source, stored=True)
        output.close()

    def _end(self, source: InputObject, *, stored: bool) -> None:
        del self._begun[source.found.key]
        self.done.append(source.evidence(stored))
        self._on_done(len(self.done))

    def _put_ended(self, task: asyncio.Task[None]) -> None:
        self._storing.discard(task)
        if not task.cancelled():
            self._store_failure = self._store_failure or task.exception()

"""One input object on its way through a job: cut into payloads, its answers put together again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from smlocal.evidence import ObjectTransformed
from smlocal.off_loop import in_thread
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.transform.assemble import Assembler, output_key
from smlocal.transform.batch import Tally, payloads
from smlocal.transform.plan import Parameters, Plan
from smlocal.transform.split import RecordTooLarge, too_large, too_large_to_hold

_AT_ONCE_BYTES = 1024 * 1024
_AT_ONCE = 256
_PIECE = 256 * 1024


@dataclass(frozen=True)
class Portion:
    """Some next payloads of an object, and whether they are the last; `failure` when the object cannot be cut on."""

    bodies: list[bytes | None]  # None: the object itself, as a stream
    last: bool
    failure: RecordTooLarge | None = None


class InputObject:
    """One object. Its methods are called one at a time."""

    def __init__(
        self, found: StoredObject, plan: Plan, parameters: Parameters, store: ObjectStore, in_memory: int
    ) -> None:
        self.found = found
        self.output_key = output_key(plan.prefix, plan.output_prefix, found.key)
        self.payloads = 0  # cut so far
        self.cut = False  # there are no more
        self.failure = ""
        self.assembler = Assembler(line=plan.line, in_memory=in_memory)
        self.tally = Tally()
        self._plan = plan
        self._parameters = parameters
        self._store = store
        self._source: BinaryIO | None = None
        self._cutting: Iterator[bytes] | None = None

    @property
    def complete(self) -> bool:
        """Whether every answer is in the output."""
        return self.cut and not self.failure and self.assembler.written == self.payloads

    def portion(self) -> Portion:
        """Read on. Blocking."""
        if self.found.size == 0:
            return Portion([], last=True)
        if self._plan.streams(self._parameters):
            return Portion([None], last=True)
        limit = self._parameters.payload_bytes
        if not self._plan.split and self.found.size > limit:
            return Portion([], last=True, failure=too_large("the object, which is not split,", limit))
        return self._next_payloads(limit)

    def _next_payloads(self, limit: int) -> Portion:
        if self._cutting is None:
            self._source = self._store.open(self.found.bucket, self.found.key)
            self._cutting = payloads(
                self._source,
                split=self._plan.split,
                strategy=self._parameters.strategy,
                limit=limit,
                tally=self.tally,
                refusal=too_large_to_hold if self._parameters.unlimited else too_large,
            )
        bodies: list[bytes | None] = []
        size = 0
        try:
            while size < _AT_ONCE_BYTES and len(bodies) < _AT_ONCE:
                body = next(self._cutting, None)
                if body is None:
                    return Portion(bodies, last=True)
                bodies.append(body)
                size += len(body)
        except RecordTooLarge as error:
            return Portion(bodies, last=True, failure=error)
        return Portion(bodies, last=False)

    async def stream(self) -> AsyncIterator[bytes]:
        """The object's own bytes, for a request without a length."""
        source = await in_thread(lambda: self._store.open(self.found.bucket, self.found.key))
        try:
            while piece := await in_thread(lambda: source.read(_PIECE)):
                yield piece
        finally:
            source.close()

    def close_source(self) -> None:
        if self._source is not None:
            self._source.close()

    def warnings(self) -> Iterator[str]:
        """What the user should know of this object."""
        name = self.found.uri
        if self.found.size == 0:
            yield f"{name} is empty: nothing was sent, its output is empty"
        if self.tally.blank:
            yield f"{name}: {self.tally.blank} blank lines were left out"
        if self.tally.carriage_returns:
            yield f"{name} has lines that end with CR LF: the CR went to the container with its record"

    def evidence(self, stored: bool) -> ObjectTransformed:
        return ObjectTransformed(
            key=self.found.key,
            size=self.found.size,
            records=self.tally.records,
            payloads=self.payloads,
            output_key=self.output_key if stored else None,
            output_size=self.assembler.output.size if stored else 0,
            failure=self.failure,
        )

"""What a container says: its output by lines, whole and in order, and the end of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from smlocal.engine.interface import LogStream, StreamName
from smlocal.errors import EngineError, SmlocalError

LONGEST_LINE = 256 * 1024  # bytes; a CloudWatch Logs event holds no more, and a line without end must not fill memory
_REMEMBERED = 200


@dataclass(frozen=True)
class LogLine:
    """One line of output, without its newline."""

    stream: StreamName
    text: bytes
    time: float


class Lines:
    """Joins chunks into lines, each stream by itself."""

    def __init__(self) -> None:
        self._parts: dict[StreamName, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def feed(self, stream: StreamName, data: bytes) -> Iterator[bytes]:
        part = self._parts[stream]
        part += data
        *whole, rest = part.split(b"\n")
        for line in whole:
            yield from _bounded(bytes(line))
        while len(rest) > LONGEST_LINE:
            yield bytes(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._parts[stream] = bytearray(rest)

    def rest(self) -> Iterator[tuple[StreamName, bytes]]:
        for stream, part in self._parts.items():
            if part:
                yield stream, bytes(part)


def _bounded(line: bytes) -> Iterator[bytes]:
    yield line[:LONGEST_LINE]
    for start in range(LONGEST_LINE, len(line), LONGEST_LINE):
        yield line[start : start + LONGEST_LINE]


class Attaching(Protocol):
    """What is needed of an engine."""

    def attach(self, container: str) -> LogStream: ...


class ContainerOutput:
    """Reads one container's output on a thread of its own and gives each line to `on_line`.

    `patience`: seconds within which the engine tells more, or the end, after the program's exit; `still_runs`: seconds
    after which a program whose output has ended counts as running on.
    """

    def __init__(
        self,
        engine: Attaching,
        container: str,
        on_line: Callable[[LogLine], None],
        *,
        patience: float = 30.0,
        still_runs: float = 2.0,
    ) -> None:
        self.failure: Exception | None = None  # why it is not whole, or what `on_line` raised
        self._engine = engine
        self._container = container
        self._on_line = on_line
        self._patience = patience
        self._still_runs = still_runs
        self._streams = [engine.attach(container)]
        self._program_ended = threading.Event()
        self._last: deque[LogLine] = deque(maxlen=_REMEMBERED)
        self._steps = 0  # what was taken from the engine, and what was given on
        self._telling = False  # whoever takes the lines has not taken one yet
        self._thread = threading.Thread(target=self._read, name="container log", daemon=True)

    def begin(self) -> None:
        """Read, now that the program runs."""
        self._thread.start()

    def last(self, count: int) -> list[str]:
        """The end of what was said so far."""
        return [line.text.decode("utf-8", "replace") for line in list(self._last)[-count:]]

    def finish(self) -> None:
        """Wait, after the program's end, until all is told, however long that takes.

        Raises EngineError when the engine gives neither more nor the end.
        """
        self._program_ended.set()
        while self._thread.is_alive():
            steps = self._steps
            self._thread.join(self._patience)
            if not self._thread.is_alive() or self._steps != steps or self._telling:
                continue
            if len(self._streams) == 1:
                raise EngineError(f"the container has ended, and its output has not within {self._patience:g} s of it")
            self.close()  # attached to what had just ended: it says nothing and has no end

    def close(self) -> None:
        """No more is read."""
        self._program_ended.set()
        for stream in self._streams:
            stream.close()
        if self._thread.ident is not None:
            self._thread.join(self._patience)

    def _read(self) -> None:
        lines = Lines()
        try:
            for chunk in self._streams[0]:
                self._steps += 1
                for text in lines.feed(chunk.stream, chunk.data):
                    self._tell(LogLine(chunk.stream, text, time.time()))
            for name, text in lines.rest():
                self._tell(LogLine(name, text, time.time()))
            self._refuse_a_gap()
        except SmlocalError as error:
            self.failure = self.failure or error

    def _tell(self, line: LogLine) -> None:
        self._last.append(line)
        self._telling = True
        try:
            self._on_line(line)
        except Exception as error:
            # the output must be drained whatever becomes of it, or the program would block on a full pipe, and the
            # engine with it; whoever waits for the end is told
            self.failure = self.failure or error
        self._telling = False
        self._steps += 1

    def _refuse_a_gap(self) -> None:
        """A program that runs on after the end of its output has closed its streams, or the engine was restarted under
        it and what it says is lost to us: then the run cannot be trusted.

        Raises EngineError when there is more to be read.
        """
        if self._program_ended.wait(self._still_runs):
            return
        self._streams.append(self._engine.attach(self._container))
        if next(iter(self._streams[-1]), None) is not None:
            raise EngineError("the engine broke off the container's output, and some of it is lost")

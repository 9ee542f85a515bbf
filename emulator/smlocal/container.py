"""One container of ours from its start to its removal: its output by lines, its exit, its address."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

from smlocal.engine.interface import Engine, LogStream, Pipe, StreamName
from smlocal.errors import EngineError, SmlocalError

LONGEST_LINE = 256 * 1024  # bytes; a CloudWatch Logs event holds no more, and a line without end must not fill memory
_REMEMBERED = 200
_TURN = 0.1  # seconds between looks at a wish to hurry
_LAST_WORDS = 30.0  # seconds for output to arrive after the exit


@dataclass(frozen=True)
class Exit:
    """How a container ended."""

    code: int
    out_of_memory: bool
    finished: float  # seconds since the epoch
    forced: bool = False  # it outlived the grace after SIGTERM and was killed


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


class LaunchedContainer:
    """A created container. Leaving its context removes all that its launch made."""

    def __init__(
        self,
        engine: Engine,
        container: str,
        *,
        relay: Callable[[], tuple[str, int]] | None,
        port: int | None,
        undo: Callable[[], None],
    ) -> None:
        self.id = container
        self._engine = engine
        self._relay = relay
        self._port = port
        self._undo = undo
        self._address: tuple[str, int] | None = None
        self._stream: LogStream | None = None
        self._ended = threading.Event()
        self._exit: Exit | None = None
        self._failure: Exception | None = None
        self._forced = False
        self._last: deque[LogLine] = deque(maxlen=_REMEMBERED)
        self._threads: list[threading.Thread] = []

    def start(self, on_line: Callable[[LogLine], None]) -> None:
        """Start the program; its lines go to `on_line`, on a thread of ours, whole and in order.

        Raises ContainerNotStarted with the engine's own words.
        """
        self._stream = self._engine.attach(self.id)
        try:
            self._engine.start(self.id)
        except BaseException:
            self._stream.close()
            raise
        reader = threading.Thread(target=self._read, args=(self._stream, on_line), name="container log", daemon=True)
        watcher = threading.Thread(target=self._watch, args=(reader,), name="container exit", daemon=True)
        self._threads = [reader, watcher]
        reader.start()
        watcher.start()

    def _read(self, stream: LogStream, on_line: Callable[[LogLine], None]) -> None:
        lines = Lines()
        try:
            for chunk in stream:
                for text in lines.feed(chunk.stream, chunk.data):
                    self._tell(LogLine(chunk.stream, text, time.time()), on_line)
            for name, text in lines.rest():
                self._tell(LogLine(name, text, time.time()), on_line)
        except SmlocalError as error:
            self._failure = self._failure or error

    def _tell(self, line: LogLine, on_line: Callable[[LogLine], None]) -> None:
        self._last.append(line)
        try:
            on_line(line)
        except Exception as error:
            # the output must be drained whatever becomes of it, or the program would block on a full pipe, and the
            # engine with it; whoever waits for the end is told
            self._failure = self._failure or error

    def _watch(self, reader: threading.Thread) -> None:
        try:
            state = self._engine.wait(self.id)
            reader.join(_LAST_WORDS)
            if state is not None:
                code = state.exit_code if state.exit_code is not None else -1
                self._exit = Exit(code, state.out_of_memory, time.time(), self._forced)
        except SmlocalError as error:
            self._failure = self._failure or error
        finally:
            self._ended.set()

    def exited(self) -> Exit | None:
        """How it ended, or None while it runs. Raises what went wrong with the engine or the log meanwhile."""
        if not self._ended.is_set():
            return None
        if self._failure is not None:
            raise self._failure
        if self._exit is None:
            raise EngineError("the engine lost the container")
        return self._exit

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait until it has ended and all its lines were told; None when `timeout` seconds passed first."""
        self._ended.wait(timeout)
        return self.exited()

    @property
    def base_url(self) -> str:
        """Where the container's port is reached from this process: "http://127.0.0.1:49153"."""
        if self._address is None:
            self._address = self._relay() if self._relay is not None else self._published()
        host, port = self._address
        return f"http://{host}:{port}"

    def _published(self) -> tuple[str, int]:
        published = self._engine.state(self.id).published
        if self._port is None or self._port not in published:
            raise EngineError("the container's port is not published: it is not running")
        host, port = published[self._port]
        return host or "127.0.0.1", port

    def terminate(self, grace: float, hurry: threading.Event | None = None) -> Exit:
        """SIGTERM, and after `grace` seconds, or when `hurry` is set, SIGKILL."""
        self._engine.kill(self.id, "SIGTERM")
        deadline = time.monotonic() + grace
        while (left := deadline - time.monotonic()) > 0 and not (hurry is not None and hurry.is_set()):
            ended = self.wait(left if hurry is None else min(left, _TURN))
            if ended is not None:
                return ended
        self._forced = True
        self._engine.kill(self.id, "SIGKILL")
        ended = self.wait(_LAST_WORDS * 2)
        if ended is None:
            raise EngineError("the container does not end, although it was killed")
        return ended

    def read(self, path: str) -> Iterator[bytes]:
        """The tar stream of a path; members' names begin with its last component. Raises NotFoundInEngine."""
        return self._engine.get_archive(self.id, path)

    def open_pipe(self, argv: tuple[str, ...]) -> Pipe:
        """Run a command in the running container with its standard input and output in our hands."""
        return self._engine.open_pipe(self.id, argv)

    def last_lines(self, count: int) -> list[str]:
        """The end of its output so far."""
        return [line.text.decode("utf-8", "replace") for line in list(self._last)[-count:]]

    def remove(self) -> None:
        """Remove the container and all that its launch made."""
        try:
            self._undo()
        finally:
            if self._stream is not None:
                self._stream.close()
            for thread in self._threads:
                thread.join(_LAST_WORDS)

    def __enter__(self) -> LaunchedContainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

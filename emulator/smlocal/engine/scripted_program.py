"""Programs of scripted containers: what a Python callable can see and do in place of a real program."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from smlocal.engine.interface import ContainerSpec, LogChunk, StreamName
from smlocal.engine.scripted_files import FileSystem
from smlocal.engine.scripted_http import Answer, Handler, Request

KILLED = 137  # 128 + SIGKILL


class ProgramKilled(BaseException):
    """The container was killed; ends the program's thread, as SIGKILL ends a process. Not to be caught."""


class Output:
    """A container's output over all its runs, and whoever reads it."""

    def __init__(self) -> None:
        self._chunks: list[LogChunk] = []
        self._changed = threading.Condition()
        self._begun = 0  # runs
        self._ended = 0
        self._removed = False

    def begin(self) -> None:
        with self._changed:
            self._begun += 1

    def end(self, removed: bool = False) -> None:
        with self._changed:
            self._ended = self._begun
            self._removed = removed
            self._changed.notify_all()

    def write(self, chunk: LogChunk) -> None:
        with self._changed:
            self._chunks.append(chunk)
            self._changed.notify_all()

    def kept(self, tail: int | None) -> bytes:
        lines = b"".join(chunk.data for chunk in list(self._chunks)).splitlines(keepends=True)
        return b"".join(lines if tail is None else lines[len(lines) - min(tail, len(lines)) :])

    def attach(self) -> OutputStream:
        """The output from now on, to the end of the run that goes on or comes next."""
        with self._changed:
            return OutputStream(self, len(self._chunks), self._begun if self._begun > self._ended else self._begun + 1)

    def after(self, position: int, stream: OutputStream) -> LogChunk | None:
        """The chunk at `position`, waited for; None at the end."""

        def over() -> bool:
            return stream.closed or self._removed or self._ended >= stream.run

        with self._changed:
            self._changed.wait_for(lambda: position < len(self._chunks) or over())
            return self._chunks[position] if position < len(self._chunks) and not stream.closed else None

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class OutputStream:
    """Output from a position on, to the end of a run."""

    def __init__(self, output: Output, position: int, run: int) -> None:
        self._output = output
        self._position = position
        self.run = run
        self.closed = False

    def __iter__(self) -> Iterator[LogChunk]:
        while (chunk := self._output.after(self._position, self)) is not None:
            self._position += 1
            yield chunk

    def close(self) -> None:
        self.closed = True
        self._output.wake()


class Outside:
    """What a run can reach beyond itself; the engine gives each run its own."""

    def listen(self, port: int, handler: Handler) -> None:
        """Answer requests to a port of this container."""
        raise OSError("this container has no network")

    def ask(self, address: str, port: int, request: Request) -> Answer:
        """The answer of another container. Raises ConnectionError when it is not reachable from this one."""
        raise ConnectionRefusedError(f"{address}:{port} is not reachable")

    def connect(self, address: str, port: int) -> socket.socket:
        """A connection to another container. Raises ConnectionError when it is not reachable from this one."""
        raise ConnectionRefusedError(f"{address}:{port} is not reachable")


@dataclass
class Run:
    """One run of a scripted container, as its program sees it."""

    spec: ContainerSpec
    arguments: tuple[str, ...]  # entrypoint and command, the image's where the container names none
    environment: Mapping[str, str]  # the image's and the container's
    files: FileSystem
    outside: Outside
    output: Output
    out_of_memory: bool = False
    memory_bytes: int = 1024 * 1024  # what it holds, as it is to be told
    _signals: deque[str] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _killed: bool = False

    def write(self, data: bytes | str, stream: StreamName = "stdout") -> None:
        """Write to standard output or standard error."""
        self.check()
        self.output.write(LogChunk(stream, data.encode() if isinstance(data, str) else data))

    def wait_for_signal(self, timeout: float | None = None) -> str | None:
        """The next signal ("SIGTERM"), None when `timeout` seconds passed first.

        A program that never asks ignores every signal but SIGKILL, as the first process of a container does.
        """
        with self._changed:
            self._changed.wait_for(lambda: bool(self._signals) or self._killed, timeout)
            self.check()
            return self._signals.popleft() if self._signals else None

    def serve(self, port: int, handler: Handler) -> None:
        """Answer HTTP requests to a port from now on, on threads of their own, until the run ends."""
        self.check()
        self.outside.listen(port, handler)

    def exhaust_memory(self) -> NoReturn:
        """Be killed by the kernel for want of memory: exit code 137 and the engine's flag."""
        self.out_of_memory = True
        raise ProgramKilled

    def check(self) -> None:
        """Raise ProgramKilled when the container was killed."""
        if self._killed:
            raise ProgramKilled

    # the engine's side

    def deliver(self, signal: str) -> None:
        with self._changed:
            if signal in ("SIGKILL", "KILL", "9"):
                self._killed = True
            else:
                self._signals.append(signal)
            self._changed.notify_all()

    def execute(self, program: Program) -> int:
        """Run the program to its end and give its exit code; an exception is told on standard error."""
        try:
            return program(self) or 0
        except ProgramKilled:
            return KILLED
        except SystemExit as exit_:
            return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        except Exception:
            with contextlib.suppress(ProgramKilled):
                self.write(traceback.format_exc(), "stderr")
            return 1


Program = Callable[[Run], "int | None"]
"""What a scripted image runs: gives its exit code, None for 0. It runs on a thread of its own."""

PipeProgram = Callable[[Run, "tuple[str, ...]", socket.socket], None]
"""What `open_pipe` runs: the container's run, the command's words, and its standard input and output."""


@dataclass(frozen=True)
class Script:
    """A program told in values: it writes its files, says its output, serves, waits, and exits.

    With `handler` it answers HTTP on `port` and runs until a signal that it does not ignore.
    """

    output: Sequence[str | bytes | LogChunk] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict)  # absolute path -> contents
    exit_code: int = 0
    runs_until_signal: bool = False
    ignores: frozenset[str] = frozenset()  # signals that do not end it
    handler: Handler | None = None
    port: int = 8080
    out_of_memory: bool = False

    def __call__(self, run: Run) -> int:
        for path, data in self.files.items():
            run.files.write(path, data)
        for piece in self.output:
            if isinstance(piece, LogChunk):
                run.write(piece.data, piece.stream)
            else:
                run.write(piece)
        if self.handler is not None:
            run.serve(self.port, self.handler)
        if self.out_of_memory:
            run.exhaust_memory()
        while (self.runs_until_signal or self.handler is not None) and run.wait_for_signal() in self.ignores:
            continue
        return self.exit_code


def forwarder(run: Run) -> int:
    """Forward requests to another container, saying "listening" first: what a relay of smlocal does.

    The last three arguments are its address, its port, and our own port.
    """
    address, port, own = run.arguments[-3], int(run.arguments[-2]), int(run.arguments[-1])
    run.serve(own, lambda request: run.outside.ask(address, port, request))
    run.write("listening\n")
    while run.wait_for_signal() is not None:
        continue
    return 0


def connector(run: Run, argv: tuple[str, ...], stdio: socket.socket) -> None:
    """Join standard input and output to another container. The last two arguments are its address and port."""
    with run.outside.connect(argv[-2], int(argv[-1])) as upstream:
        back = threading.Thread(target=_pump, args=(upstream, stdio), name="scripted pipe", daemon=True)
        back.start()
        _pump(stdio, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

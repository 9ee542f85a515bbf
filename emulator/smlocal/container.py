"""One container of ours from its start to its removal: its exit, its address, its files; its output by lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

from smlocal.container_output import ContainerOutput, LogLine
from smlocal.engine.interface import Engine, PathFacts, Pipe
from smlocal.errors import EngineError, SmlocalError

__all__ = ["Exit", "LaunchedContainer", "LogLine"]

_TURN = 0.1  # seconds between looks at a wish to hurry
_DEATH = 60.0  # seconds that the engine has to end what was killed


@dataclass(frozen=True)
class Exit:
    """How a container ended."""

    code: int
    out_of_memory: bool
    finished: float  # seconds since the epoch
    forced: bool = False  # it outlived the grace after SIGTERM and was killed


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
        self._output: ContainerOutput | None = None
        self._over = threading.Event()  # the program has ended; its last lines may be on their way
        self._ended = threading.Event()
        self._exit: Exit | None = None
        self._failure: Exception | None = None
        self._forced = False
        self._watcher: threading.Thread | None = None

    def start(self, on_line: Callable[[LogLine], None]) -> None:
        """Start the program; its lines go to `on_line`, on a thread of ours, whole and in order. Once it has ended, it
        can be started again: in the same container, with the files that it left.

        Raises ContainerNotStarted with the engine's own words.
        """
        self._forget()
        output = self._output = ContainerOutput(self._engine, self.id, on_line)
        try:
            self._engine.start(self.id)
        except BaseException:
            output.close()
            raise
        self._watcher = threading.Thread(target=self._watch, args=(output,), name="container exit", daemon=True)
        output.begin()
        self._watcher.start()

    def _forget(self) -> None:
        """Nothing of the last run is known any more; the engine gives a container another address at each start."""
        if self._watcher is not None:
            self._watcher.join(_DEATH)
        if self._output is not None:
            self._output.close()
        self._over, self._ended = threading.Event(), threading.Event()
        self._address = self._exit = self._failure = None
        self._forced = False

    def _watch(self, output: ContainerOutput) -> None:
        try:
            state = self._engine.wait(self.id)
            self._over.set()
            output.finish()
            self._failure = output.failure
            if state is not None:
                code = state.exit_code if state.exit_code is not None else -1
                self._exit = Exit(code, state.out_of_memory, time.time(), self._forced)
        except SmlocalError as error:
            self._failure = error
        finally:
            self._over.set()
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
        if not self._over.wait(_DEATH):
            raise EngineError("the container does not end, although it was killed")
        self._ended.wait()
        found = self.exited()
        assert found is not None
        return found

    def path(self, path: str) -> PathFacts:
        """What is at a path, its last link not followed. Raises NotFoundInEngine."""
        return self._engine.path(self.id, path)

    def read(self, path: str) -> Iterator[bytes]:
        """The tar stream of a path; members' names begin with its last component. Raises NotFoundInEngine."""
        return self._engine.get_archive(self.id, path)

    def written_bytes(self) -> int | None:
        """How much it has written outside of its volumes; None where the engine does not say."""
        return self._engine.written_bytes(self.id)

    def memory_bytes(self) -> int | None:
        """The memory that its processes hold; None when nothing is known."""
        return self._engine.memory_bytes(self.id)

    def open_pipe(self, argv: tuple[str, ...]) -> Pipe:
        """Run a command in the running container with its standard input and output in our hands."""
        return self._engine.open_pipe(self.id, argv)

    def last_lines(self, count: int) -> list[str]:
        """The end of its output so far."""
        return self._output.last(count) if self._output is not None else []

    def remove(self) -> None:
        """Remove the container and all that its launch made."""
        try:
            self._undo()
        finally:
            if self._output is not None:
                self._output.close()
            if self._watcher is not None:
                self._watcher.join(_DEATH)

    def __enter__(self) -> LaunchedContainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

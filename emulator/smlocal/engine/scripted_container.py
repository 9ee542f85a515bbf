"""One scripted container: its run, its ports, its end."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timezone

from smlocal.engine.interface import ContainerSpec, ContainerState, Owned
from smlocal.engine.scripted_files import FileSystem
from smlocal.engine.scripted_http import Answer, Door, Handler, Request
from smlocal.engine.scripted_images import CREATED, ScriptedImage
from smlocal.engine.scripted_program import KILLED, Output, Outside, ProgramKilled, Run
from smlocal.errors import EngineError

NEVER = "0001-01-01T00:00:00Z"
_PIPE_END = 65536


class ScriptedContainer:
    """A container of the scripted engine. `clock` gives seconds since the epoch."""

    def __init__(
        self, identifier: str, spec: ContainerSpec, image: ScriptedImage, files: FileSystem, clock: Callable[[], float]
    ) -> None:
        self.id = identifier
        self.spec = spec
        self.image = image
        self.files = files
        self.output = Output()
        self.networks: dict[str, str] = {}  # name -> address, while it exists
        self.doors: dict[int, Door] = {}
        self.ended = threading.Event()
        self.run: Run | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._status = "created"
        self._exit_code: int | None = None
        self._out_of_memory = False
        self._error = ""
        self._started = self._finished = NEVER

    @property
    def running(self) -> bool:
        return self._status == "running"

    def refuse(self, words: str) -> None:
        """Note that the program could not be started."""
        self._error = words

    def start(self, run: Run) -> None:
        """Run the program on a thread of its own."""
        with self._lock:
            self.run = run
            self._status, self._exit_code, self._out_of_memory = "running", None, False
            self._started = self._now()
            self.ended.clear()
        if self.spec.published_port is not None:
            self.door(self.spec.published_port)
        self.output.begin()
        threading.Thread(target=self._execute, args=(run,), name=f"scripted {self.spec.name}", daemon=True).start()

    def _execute(self, run: Run) -> None:
        code = run.execute(self.image.program)
        self._end(run, code)

    def _end(self, run: Run, code: int) -> None:
        with self._lock:
            if self.run is not run or not self.running:
                return
            self._status, self._exit_code, self._out_of_memory = "exited", code, run.out_of_memory
            self._finished = self._now()
        doors, self.doors = self.doors, {}
        for door in doors.values():
            door.close()
        self.output.end()
        self.ended.set()

    def signal(self, signal: str) -> None:
        """Deliver a signal; SIGKILL ends the container whatever its program does."""
        run = self.run
        if run is None or not self.running:
            return
        run.deliver(signal)
        if signal in ("SIGKILL", "KILL", "9"):
            self._end(run, KILLED)

    def remove(self) -> None:
        self.signal("SIGKILL")
        self.output.end(removed=True)
        self.ended.set()

    def door(self, port: int) -> Door:
        """The port, bound on loopback from now on."""
        with self._lock:
            if port not in self.doors:
                self.doors[port] = Door()
            return self.doors[port]

    def open_pipe(self, argv: tuple[str, ...]) -> SocketEnd:
        """Our end of a pipe to the image's program for commands, which runs on a thread of its own."""
        run, program = self.run, self.image.pipe
        if run is None or not self.running:
            raise EngineError(f"Container {self.id} is not running")
        if program is None:
            raise EngineError(f"image {self.spec.image} has no scripted program for {argv[0]}")
        ours, theirs = socket.socketpair()

        def serve() -> None:
            with theirs:
                try:
                    program(run, argv, theirs)
                except (OSError, ProgramKilled):
                    return  # the command ends, and with it its output

        threading.Thread(target=serve, name=f"scripted pipe {self.spec.name}", daemon=True).start()
        return SocketEnd(ours)

    def state(self) -> ContainerState:
        published = self.spec.published_port
        door = self.doors.get(published) if published is not None else None
        with self._lock:
            return ContainerState(
                id=self.id,
                name=self.spec.name,
                status=self._status,
                running=self.running,
                exit_code=self._exit_code,
                out_of_memory=self._out_of_memory,
                error=self._error,
                labels=dict(self.spec.labels),
                addresses=dict(self.networks) if self.running else {},
                published={published: door.address} if published is not None and door is not None else {},
                started_at=self._started,
                finished_at=self._finished,
            )

    def owned(self) -> Owned:
        labels = dict(self.spec.labels)
        return Owned("container", self.id, self.spec.name, labels, self.running, CREATED, self.spec.image)

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), timezone.utc)
        return moment.isoformat().replace("+00:00", "Z")


class Neighbours(Outside):
    """What one container reaches of the others: those on a network with it."""

    def __init__(self, own: ScriptedContainer, everyone: Callable[[], list[ScriptedContainer]]) -> None:
        self._own = own
        self._everyone = everyone

    def listen(self, port: int, handler: Handler) -> None:
        self._own.door(port).handler = handler

    def ask(self, address: str, port: int, request: Request) -> Answer:
        return self._neighbour(address, port).door(port).ask(request)

    def connect(self, address: str, port: int) -> socket.socket:
        return socket.create_connection(self._neighbour(address, port).door(port).address)

    def _neighbour(self, address: str, port: int) -> ScriptedContainer:
        shared = set(self._own.networks)
        for item in self._everyone():
            at = {item.networks[name] for name in shared & set(item.networks)}
            names = {alias for alias in item.spec.aliases if shared & set(item.networks) - {"bridge"}}
            if item.running and address in at | names and port in item.doors:
                return item
        raise ConnectionRefusedError(f"{address}:{port} is not reachable from {self._own.spec.name}")


class SocketEnd:
    """Our end of a pipe to a scripted command."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, data: bytes) -> None:
        try:
            self._end.sendall(data)
        except OSError as error:
            raise EngineError(f"the process in the container takes no more input: {error}") from error

    def receive(self) -> bytes:
        try:
            return self._end.recv(_PIPE_END)
        except OSError:
            return b""

    def close_sending(self) -> None:
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

"""A door for containers to a service of this host, on an engine from whose network this host cannot be reached.

A relay container listens there. Each connection that it takes is handed to a carrier, a command that we run in it over
the engine's own API and whose standard input and output are in our hands; we connect it to the service. On a local
engine the bridge's gateway is the host itself, and none of this is needed.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping

from smlocal.engine.interface import ContainerSpec, Engine
from smlocal.errors import EngineError, SmlocalError
from smlocal.relay import from_pipe, to_pipe

_PORT = 8080
_IDLE_CARRIERS = 4  # connections that may come at once without waiting for a carrier to start

# Takes connections and passes each, as a file descriptor, to the next carrier that has come to the Unix socket.
_LISTEN = """
import os, socket
path = "/tmp/smlocal-carriers"
carriers = socket.socket(socket.AF_UNIX); carriers.bind(path); carriers.listen(64)
listener = socket.create_server(("", int(os.environ["PORT"])), backlog=256)
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    while True:
        carrier, _ = carriers.accept()
        try:
            socket.send_fds(carrier, [b"x"], [connection.fileno()])
            break
        except OSError:
            continue
        finally:
            carrier.close()
    connection.close()
"""

# Waits for a connection, says so with one byte, and is told with another whether the service is there ("y") or not;
# then carries it over standard input and output.
_CARRY = """
import os, socket, threading
waiting = socket.socket(socket.AF_UNIX); waiting.connect("/tmp/smlocal-carriers")
_, descriptors, _, _ = socket.recv_fds(waiting, 1, 1)
connection = socket.socket(fileno=descriptors[0])
os.write(1, b"x")
if os.read(0, 1) != b"y":
    os._exit(0)
def to_us():
    try:
        while data := connection.recv(65536):
            while data:
                data = data[os.write(1, data):]
    except OSError:
        pass
    os._exit(0)
threading.Thread(target=to_us, daemon=True).start()
try:
    while data := os.read(0, 65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
except OSError:
    os._exit(0)
threading.Event().wait()
"""


class HostRelay:
    """One service of this host, reachable from containers of one engine between `open` and `close`."""

    def __init__(self, engine: Engine, image: str, name: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._image, self._name, self._labels = image, name, labels
        self._container: str | None = None
        self._service = ("127.0.0.1", 0)
        self._closed = threading.Event()

    def open(self, host: str, port: int) -> tuple[str, int]:
        """Lead to `host:port` as this process reaches it; gives the address that containers on the default bridge
        call."""
        self._service = (host, port)
        spec = ContainerSpec(
            self._image,
            self._name,
            self._labels,
            command=("python3", "-c", _LISTEN),
            environment={"PORT": str(_PORT)},
        )
        self._container = self._engine.create_container(spec)
        output = self._engine.attach(self._container)
        self._engine.start(self._container)
        said = next(iter(output), None)
        output.close()
        addresses = list(self._engine.state(self._container).addresses.values())
        if said is None or said.stream == "stderr" or not addresses:
            self.close()
            raise EngineError(f"the relay to {host}:{port} did not come up: {said and said.data!r}")
        for _ in range(_IDLE_CARRIERS):
            self._start_carrier()
        return addresses[0], _PORT

    def _start_carrier(self) -> None:
        threading.Thread(target=self._carry, name=f"carrier {self._name}", daemon=True).start()

    def _carry(self) -> None:
        try:
            pipe = self._engine.open_pipe(self._container or "", ("python3", "-c", _CARRY))
            called = pipe.receive()
        except SmlocalError:
            return
        if self._closed.is_set() or not called:
            pipe.close()
            return
        self._start_carrier()  # another takes this one's place
        try:
            with socket.create_connection(self._service, timeout=30) as service:
                service.settimeout(None)
                pipe.send(b"y")
                service.sendall(called[1:])
                back = threading.Thread(target=to_pipe, args=(service, pipe), daemon=True)
                back.start()
                from_pipe(pipe, service)
                back.join()
        except OSError:
            # the service is away: the container sees a closed connection, as it would from any host
            with contextlib.suppress(EngineError):
                pipe.send(b"n")
                pipe.receive()
        finally:
            pipe.close()

    def close(self) -> None:
        """May be called again."""
        self._closed.set()
        if self._container is not None:
            self._engine.remove_container(self._container)

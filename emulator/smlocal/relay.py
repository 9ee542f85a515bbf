"""Reaching a container that this process cannot reach by itself.

Two ways, one container of ours each, from an image with `python3`:
an isolated container on a local engine is reached through a relay with one leg on the isolated network and one on the
default bridge, whose port is published on loopback; a container of an engine elsewhere is reached through a listener
in this process that opens, for each connection, a command in the relay over the engine's own API.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping

from smlocal.engine.interface import ContainerSpec, Engine, Pipe
from smlocal.errors import EngineError, SmlocalError

_PORT = 8080
_CHUNK = 64 * 1024

# Forwards every connection to a published port on to the target, by its name where the network knows that, since the
# address changes when it is started again; half-closes travel both ways.
_FORWARD = """
import socket, sys, threading
name, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
try:
    known = socket.gethostbyname(name) == address
except OSError:
    known = False
target = (name if known else address, port)
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    try:
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(client):
    with client:
        try:
            with socket.create_connection(target, 60) as upstream:
                upstream.settimeout(None)
                back = threading.Thread(target=pump, args=(upstream, client), daemon=True)
                back.start()
                pump(client, upstream)
                back.join()
        except OSError:
            pass
listener = socket.create_server(("", int(sys.argv[4])), backlog=256)
print("by name" if known else "by address", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

# One connection over standard input and output.
_PIPE = """
import os, socket, sys, threading
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 60) as upstream:
    upstream.settimeout(None)
    def out():
        while data := upstream.recv(65536):
            while data:
                data = data[os.write(1, data):]
        os._exit(0)
    threading.Thread(target=out, daemon=True).start()
    while data := os.read(0, 65536):
        upstream.sendall(data)
    upstream.shutdown(socket.SHUT_WR)
    threading.Event().wait()
"""


class PublishedRelay:
    """A relay on a local engine, between an isolated network and a published port."""

    def __init__(self, engine: Engine, image: str, name: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._image, self._name, self._labels = image, name, labels
        self.container: str | None = None
        self._opened: tuple[str, int] | None = None

    def open(self, network: str | None, name: str, address: str, port: int) -> tuple[str, int]:
        """Forward to `port` of the one container that `name` means on `network`, and that has this address now; gives
        the host and port. When it was opened before, the container has another address now."""
        if self._opened is not None:
            return self._opened
        self.close()
        command = ("python3", "-c", _FORWARD, name, address, str(port), str(_PORT))
        spec = ContainerSpec(self._image, self._name, self._labels, command=command, published_port=_PORT)
        self.container = self._engine.create_container(spec)
        if network is not None:
            self._engine.connect(network, self.container)
        output = self._engine.attach(self.container)
        self._engine.start(self.container)
        said = next(iter(output), None)
        output.close()
        published = self._engine.state(self.container).published
        if said is None or said.stream == "stderr" or _PORT not in published:
            raise EngineError(f"the relay into the isolated network did not come up: {said and said.data!r}")
        host, found = published[_PORT]
        reached = host or "127.0.0.1", found
        if said.data.startswith(b"by name"):
            self._opened = reached
        return reached

    def close(self) -> None:
        self._opened = None
        if self.container is not None:
            self._engine.remove_container(self.container)


class ApiRelay:
    """A relay on an engine whose ports cannot be reached: a listener here, commands in the relay container there."""

    def __init__(self, engine: Engine, image: str, name: str, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._image, self._name, self._labels = image, name, labels
        self.container: str | None = None
        self._listener: socket.socket | None = None
        self._target = ("", 0)

    def open(self, network: str | None, name: str, address: str, port: int) -> tuple[str, int]:
        """Forward to `address:port` on `network` (None: the default bridge), and no longer to where it was before;
        gives the host and port to call."""
        self.close()
        waiting = ("python3", "-c", "import threading; threading.Event().wait()")
        spec = ContainerSpec(self._image, self._name, self._labels, command=waiting, network=network)
        self.container = self._engine.create_container(spec)
        self._engine.start(self.container)
        self._target = (address, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, name=f"relay {self._name}", daemon=True).start()
        host, found = self._listener.getsockname()
        return host, found

    def _accept(self) -> None:
        while self._listener is not None:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        address, port = self._target
        with connection:
            try:
                pipe = self._engine.open_pipe(self.container or "", ("python3", "-c", _PIPE, address, str(port)))
            except SmlocalError:
                return  # the caller sees a closed connection, as from a container that is gone
            back = threading.Thread(target=from_pipe, args=(pipe, connection), daemon=True)
            back.start()
            to_pipe(connection, pipe)
            back.join()
            pipe.close()

    def close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            listener.close()
        if self.container is not None:
            self._engine.remove_container(self.container)


def to_pipe(connection: socket.socket, pipe: Pipe) -> None:
    """All that comes from a connection goes to a process; its end too."""
    with contextlib.suppress(OSError, EngineError):
        while data := connection.recv(_CHUNK):
            pipe.send(data)
    pipe.close_sending()


def from_pipe(pipe: Pipe, connection: socket.socket) -> None:
    """All that a process writes goes to a connection; its end too."""
    with contextlib.suppress(OSError, EngineError):
        while data := pipe.receive():
            connection.sendall(data)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

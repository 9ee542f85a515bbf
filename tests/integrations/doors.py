"""Doors to an engine's Unix socket: a port of loopback, plain or with TLS, as a service beside a job has one."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def door(path: str, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port while it leads to the socket at `path`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        closed = threading.Event()
        keeper = threading.Thread(target=_keep, args=(server, path, tls, closed), daemon=True)
        keeper.start()
        yield server.getsockname()[1]
        closed.set()
        keeper.join()


def _keep(server: socket.socket, path: str, tls: ssl.SSLContext | None, closed: threading.Event) -> None:
    while not closed.is_set():
        with contextlib.suppress(TimeoutError):
            caller, _ = server.accept()
            threading.Thread(target=_serve, args=(caller, path, tls), daemon=True).start()


def _serve(caller: socket.socket, path: str, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
        caller.settimeout(None)
        with tls.wrap_socket(caller, server_side=True) if tls else caller as outside:
            engine.connect(path)
            back = threading.Thread(target=_carry, args=(engine, outside), daemon=True)
            back.start()
            _carry(outside, engine)
            back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Everything, and that it is over."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)

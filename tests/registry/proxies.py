"""What stands between a client and a registry: a proxy that is asked with CONNECT, and a line that breaks."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Line:
    """A listener whose connections are led to `target`; `limit` is how many bytes of each get there."""

    address: str
    heads: list[bytes] = field(default_factory=list)  # what a proxy was asked
    carried: list[int] = field(default_factory=list)  # bytes to the target, by connection
    limits: list[int] = field(default_factory=list)  # of the next connections that carry as much, then none


@contextlib.contextmanager
def line_to(target: str, *, connect: bool = False) -> Iterator[Line]:
    """A line to the host and port `target`; with `connect` it is a proxy, whose every CONNECT leads there."""
    listener = socket.create_server(("127.0.0.1", 0))
    line = Line(f"127.0.0.1:{listener.getsockname()[1]}")
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def start(work: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=work, args=arguments))
        threads[-1].start()

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if connect:
                head = b""
                while b"\r\n\r\n" not in head:
                    piece = client.recv(4096)
                    if not piece:
                        return
                    head += piece
                line.heads.append(head)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            host, _, port = target.rpartition(":")
            server = socket.create_connection((host, int(port)), 10)
            sockets.append(server)
            start(carry_back, server, client)
            carry(client, server)

    def carry(client: socket.socket, server: socket.socket) -> None:
        carried = 0
        try:
            while piece := client.recv(16384):
                server.sendall(piece)
                carried += len(piece)
                if line.limits and carried >= line.limits[0]:
                    line.limits.pop(0)
                    break
        finally:
            line.carried.append(carried)
            for end in (client, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def carry_back(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := server.recv(65536):
                client.sendall(piece)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            sockets.append(client)
            start(serve, client)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield line
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)
        for item in sockets:
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        for item in sockets:
            item.close()

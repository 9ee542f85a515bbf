"""A port of a scripted container: a small HTTP server on loopback that asks a Python callable."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """A request that reached a scripted container, whole."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str, default: str = "") -> str:
        """The first header of that name, in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)


@dataclass(frozen=True)
class Answer:
    """What a scripted container answers. Content-Length is added; nothing else is."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Answer]


class Door:
    """One port of a container, bound on loopback for as long as the container runs.

    Until a handler is set, and whenever the handler raises ConnectionError, connections are closed without an answer,
    as they are behind Docker's port proxy when nothing listens.
    """

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self._server = _Server()
        self._server.door = self
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="scripted port", daemon=True)
        serve.start()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def ask(self, request: Request) -> Answer:
        """The handler's answer. Raises ConnectionError when nothing listens."""
        if self.handler is None:
            raise ConnectionResetError("nothing listens on this port")
        return self.handler(request)

    def close(self) -> None:
        self.handler = None
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    door: Door

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hung up is no error of ours."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(ConnectionError):
            super().finish()

    def handle_one_request(self) -> None:
        if self.server.door.handler is None:
            self.close_connection = True
            return
        super().handle_one_request()

    def _answer(self) -> None:
        request = Request(self.command, self.path, tuple(self.headers.items()), self._body())
        try:
            answer = self.server.door.ask(request)
        except ConnectionError:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        headers = dict(answer.headers)
        if not any(name.lower() == "content-length" for name in headers):
            headers["Content-Length"] = str(len(answer.body))
        for name, value in headers.items():
            self.send_header(name, value)
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else answer.body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return bytes(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scripted container says only what its script says."""


for _method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
    setattr(_Exchange, f"do_{_method}", _Exchange._answer)

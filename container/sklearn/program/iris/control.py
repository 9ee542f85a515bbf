"""The small server behind nginx for `/ping` and `/execution-parameters`, in a process that no invocation enters."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any


class ControlServer(ThreadingMixIn, UnixStreamServer):
    """Answers on a Unix socket; healthy as long as one worker says that it has a model."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, socket: Path, ready: Path, execution_parameters: dict[str, Any]) -> None:
        super().__init__(str(socket), _Handler)
        socket.chmod(0o666)
        self._ready = ready
        self._parameters = json.dumps(execution_parameters).encode()

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and body for a path."""
        if path == "/execution-parameters":
            return 200, "application/json", self._parameters
        if path == "/ping":
            if any(self._ready.iterdir()):
                return 200, "text/plain", b"The model is loaded.\n"
            return 503, "text/plain", b"No worker has a model; the container's log says why.\n"
        return 404, "text/plain", b"There is nothing here.\n"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server: ControlServer

    def _answer(self) -> None:
        status, media_type, body = self.server.answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer; the framework finds this method by its name."""
        self._answer()

    def do_POST(self) -> None:
        """Answer alike: newer pages of the guide name POST for `/ping`."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: nginx logs every request."""

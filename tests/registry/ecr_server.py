"""ECR's API as far as moto cannot show it: refusals with AWS's exact bodies."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON = "application/x-amz-json-1.1"


class RefusingEcr:
    """Answers each operation as it is told to, by name: (status, document). What was asked is in `asked`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self.asked: list[tuple[str, dict[str, Any], str]] = []  # operation, request, Authorization
        self.url = ""

    def refuse(self, operation: str, code: str, message: str, status: int = 400) -> None:
        """As AWS writes it: `__type` is the code, and the message stands under `message` or `Message`."""
        self.answers[operation] = (status, {"__type": code, "message": message})

    def give(self, operation: str, **document: Any) -> None:
        self.answers[operation] = (200, document)


@contextlib.contextmanager
def refusing_ecr() -> Iterator[RefusingEcr]:
    server = RefusingEcr()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            server.asked.append((operation, request, self.headers.get("Authorization", "")))
            status, document = server.answers.get(operation, (400, {"__type": "UnknownOperationException"}))
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()

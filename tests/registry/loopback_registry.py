"""A registry of few lines on loopback, which does at any step whatever a test wants instead of what it should."""

from __future__ import annotations

import base64
import json
import re
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from smlocal.registry.interface import OCI_INDEX, digest_of

STEPS = (
    "token",
    "head blob",
    "begin",
    "send",
    "ask",
    "end",
    "put manifest",
    "get manifest",
    "get blob",
    "referrers",
    "delete manifest",
)


@dataclass
class State:
    """What the registry holds, and what it was asked."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)
    strangers: list[dict[str, str]] = field(default_factory=list)  # headers that the other host has seen


class Handler(BaseHTTPRequestHandler):
    """One connection. `registry` is set by the server that makes it."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    disable_nagle_algorithm = True
    registry: LoopbackRegistry
    is_elsewhere = False

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def do(self) -> None:
        registry = self.registry
        self.path_only = urlsplit(self.path).path
        self.query = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
        step = self.step()
        registry.state.steps.append(step)
        if self.is_elsewhere:
            registry.state.strangers.append(dict(self.headers.items()))
        elif registry.misbehave is not None and registry.misbehave(step, self):
            return
        if step == "token":
            self.token()
        elif not self.is_elsewhere and not self.is_allowed():
            self.answer(401, {"WWW-Authenticate": registry.challenge()}, error="UNAUTHORIZED")
        else:
            getattr(self, step.replace(" ", "_"), self.probe)()

    def __getattr__(self, name: str) -> Callable[[], None]:
        """`do_GET` and its like."""
        if name.startswith("do_"):
            return self.do
        raise AttributeError(name)

    def step(self) -> str:
        path = self.path_only
        if path == "/token":
            return "token"
        if "/blobs/uploads/" in path:
            return {"POST": "begin", "PATCH": "send", "PUT": "end", "GET": "ask"}[self.command]
        for part, name in (("/blobs/", "blob"), ("/manifests/", "manifest")):
            if part in path:
                return f"{self.command.lower()} {name}"
        return "referrers" if "/referrers/" in path else "probe"

    def is_allowed(self) -> bool:
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        return (kind, given in self.registry.state.tokens) == ("Bearer", True)

    # the steps

    def probe(self) -> None:
        self.answer(200)

    def token(self) -> None:
        expected = "Basic " + base64.b64encode(self.registry.login.encode()).decode()
        if self.headers.get("Authorization") != expected:
            return self.answer(401)
        token = secrets.token_hex(16)
        self.registry.state.tokens.add(token)
        return self.answer(200, {"Content-Type": "application/json"}, json.dumps({"token": token}).encode())

    def head_blob(self) -> None:
        self.get_blob()

    def get_blob(self) -> None:
        found = self.registry.state.blobs.get(self.last())
        if found is None:
            self.answer(404, error="BLOB_UNKNOWN")
        else:
            self.answer(200, {"Docker-Content-Digest": self.last()}, found)

    def begin(self) -> None:
        identifier = secrets.token_hex(4)
        self.registry.state.uploads[identifier] = bytearray()
        self.answer(202, self.progress(identifier))

    def send(self) -> None:
        upload = self.registry.state.uploads.get(self.last())
        if upload is None:
            return self.answer(404, error="BLOB_UPLOAD_UNKNOWN")
        wanted = re.match(r"(\d+)-", self.headers.get("Content-Range", ""))
        if wanted and int(wanted[1]) != len(upload):
            self.body()
            return self.answer(416, self.progress(self.last()), error="RANGE_INVALID")
        left = int(self.headers["Content-Length"])
        while left and (piece := self.rfile.read(min(left, 10_000))):
            upload.extend(piece)
            left -= len(piece)
        return self.answer(202, self.progress(self.last()))

    def ask(self) -> None:
        if self.last() not in self.registry.state.uploads:
            return self.answer(404, error="BLOB_UPLOAD_UNKNOWN")
        return self.answer(204, self.progress(self.last()))

    def end(self) -> None:
        upload = self.registry.state.uploads.pop(self.last(), None)
        if upload is None:
            return self.answer(404, error="BLOB_UPLOAD_UNKNOWN")
        content = bytes(upload) + self.body()
        if digest_of(content) != self.query["digest"]:
            return self.answer(400, error="DIGEST_INVALID")
        self.registry.state.blobs[self.query["digest"]] = content
        return self.answer(201, {"Docker-Content-Digest": self.query["digest"]})

    def put_manifest(self) -> None:
        content, state = self.body(), self.registry.state
        parts = json.loads(content)
        needed = [parts.get("config"), *parts.get("layers", ())]
        if any(part["digest"] not in state.blobs for part in needed if part):
            return self.answer(400, error="MANIFEST_BLOB_UNKNOWN")
        digest = digest_of(content)
        state.manifests[digest] = (self.headers["Content-Type"], content)
        if not self.last().startswith("sha256:"):
            state.tags[self.last()] = digest
        return self.answer(201, {"Docker-Content-Digest": digest})

    def get_manifest(self) -> None:
        state = self.registry.state
        found = state.manifests.get(state.tags.get(self.last(), self.last()))
        if found is None:
            return self.answer(404, error="MANIFEST_UNKNOWN")
        return self.answer(200, {"Content-Type": found[0], "Docker-Content-Digest": digest_of(found[1])}, found[1])

    def delete_manifest(self) -> None:
        gone = self.registry.state.manifests.pop(self.last(), None)
        self.answer(404 if gone is None else 202, error=None if gone else "MANIFEST_UNKNOWN")

    def referrers(self) -> None:
        found = [
            {"mediaType": kind, "digest": digest, "size": len(content)}
            for digest, (kind, content) in self.registry.state.manifests.items()
            if json.loads(content).get("subject", {}).get("digest") == self.last()
        ]
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}).encode()
        self.answer(200, {"Content-Type": OCI_INDEX}, body)

    # what they have in common

    def last(self) -> str:
        return self.path_only.rpartition("/")[2]

    def progress(self, identifier: str) -> dict[str, str]:
        size = len(self.registry.state.uploads[identifier])
        place = f"/v2/team/model/blobs/uploads/{identifier}?state=a%2Fb%3D"
        return {"Location": place, "Range": f"0-{max(size - 1, 0)}"}

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(
        self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", *, error: str | None = None
    ) -> None:
        if error:
            body = json.dumps({"errors": [{"code": error, "message": error.lower(), "detail": None}]}).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        """With a reset, whatever was on its way."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


Misbehave = Callable[[str, Handler], bool]


class Listener(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 50

    def handle_error(self, request: object, address: object) -> None:
        """Of a client that hung up; what matters is asserted by tests."""


class LoopbackRegistry:
    """The registry, and another host (a port of its own) that holds the same and wants no credentials."""

    def __init__(self, login: str, misbehave: Misbehave | None = None) -> None:
        self.login = login
        self.misbehave = misbehave
        self.state = State()
        self.closing = threading.Event()
        self._listeners = [
            Listener(("127.0.0.1", 0), type("Bound", (Handler,), {"registry": self, "is_elsewhere": elsewhere}))
            for elsewhere in (False, True)
        ]
        self.place, self.elsewhere = (f"127.0.0.1:{listener.server_port}" for listener in self._listeners)
        self._threads = [
            threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
            for listener in self._listeners
        ]
        for thread in self._threads:
            thread.start()

    def challenge(self) -> str:
        scope = "repository:team/model:pull"
        return f'Bearer realm="http://{self.place}/token",service="a, \\"registry\\"",scope="{scope}"'

    def __enter__(self) -> LoopbackRegistry:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for listener, thread in zip(self._listeners, self._threads, strict=True):
            listener.shutdown()
            thread.join()
            listener.server_close()

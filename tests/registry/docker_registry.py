"""Debian's docker-registry on loopback, and a server of tokens for it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import bcrypt
import jwt
import trustme

READY_SECONDS = 20.0
ISSUER, SERVICE = "smlocal's tests", "registry.test"


def write_htpasswd(path: Path, username: str, password: str) -> Path:
    path.write_text(f"{username}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()}\n")
    return path


@contextlib.contextmanager
def docker_registry(
    folder: Path, *, auth: Mapping[str, object] | None = None, tls: trustme.LeafCert | None = None
) -> Iterator[str]:
    """Host and port of a registry with its files in `folder`; it ends with the block."""
    program = shutil.which("docker-registry")
    assert program, "there is no docker-registry: run `sh bootstrap.sh test-engines` (Debian package docker-registry)"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    http_part: dict[str, object] = {"addr": f"127.0.0.1:{port}", "secret": "of the tests"}
    if tls is not None:
        certificate, key = folder / "tls.crt", folder / "tls.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in tls.cert_chain_pems))
        key.write_bytes(tls.private_key_pem.bytes())
        http_part["tls"] = {"certificate": str(certificate), "key": str(key)}
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http_part,
        **({"auth": auth} if auth else {}),
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("REGISTRY_")}
        environment["OTEL_TRACES_EXPORTER"] = "none"
        registry = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stdout=log, stderr=subprocess.STDOUT, env=environment
        )
    try:
        _wait_until_ready(registry, port, tls is not None, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        registry.terminate()
        registry.wait(10)


def _wait_until_ready(registry: subprocess.Popen[bytes], port: int, tls: bool, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and registry.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if tls:
                context = ssl._create_unverified_context()  # only whether it listens
                connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
            else:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/v2/")
                connection.getresponse().read()
                return
        time.sleep(0.05)
    raise AssertionError(f"docker-registry did not start: {log.read_text()[-2000:]}")


@dataclass
class TokenServer:
    """Gives tokens for what is asked, to whoever knows the password or the identity token."""

    username: str
    password: str
    identity_token: str = "the-identity-token"
    actions: tuple[str, ...] = ("pull", "push", "delete")
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)  # method and parameters
    url: str = ""

    def __post_init__(self) -> None:
        self._authority = trustme.CA()
        self._leaf = self._authority.issue_cert("tokens.test", key_type=trustme.KeyType.RSA)

    def auth(self, folder: Path) -> Mapping[str, object]:
        """The registry's configuration."""
        bundle = folder / "tokens.crt"
        bundle.write_bytes(self._authority.cert_pem.bytes())
        return {
            "token": {"realm": self.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)},
        }

    def is_known(self, authorization: str | None) -> bool:
        expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return authorization == f"Basic {expected}"

    def token(self, scopes: list[str]) -> str:
        access = []
        for scope in " ".join(scopes).split():
            kind, name, actions = scope.split(":", 2)
            granted = [action for action in actions.split(",") if action in self.actions]
            access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": self.username,
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        chain = [
            base64.b64encode(ssl.PEM_cert_to_DER_cert(pem.bytes().decode())).decode()
            for pem in self._leaf.cert_chain_pems
        ]
        return jwt.encode(claims, self._leaf.private_key_pem.bytes(), "RS256", headers={"x5c": chain})


@contextlib.contextmanager
def serving_tokens(server: TokenServer) -> Iterator[TokenServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            server.asked.append(("GET", asked))
            if not server.is_known(self.headers.get("Authorization")):
                self._answer(401, {"details": "incorrect username or password"})
            else:
                self._answer(200, {"token": server.token(asked["scope"]), "expires_in": 300})

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            server.asked.append(("POST", form))
            if form.get("refresh_token") != [server.identity_token] or form.get("grant_type") != ["refresh_token"]:
                self._answer(401, {"details": "wrong token"})
            else:
                self._answer(200, {"access_token": server.token(form["scope"]), "expires_in": 300})

        def _answer(self, status: int, content: dict[str, object]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{listener.server_port}/token"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()

"""A gateway on a real port, in this process, and clients of it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from smlocal.aws.credentials import CredentialRegistry
from smlocal.aws.gateway import Gateway, nobody
from smlocal.aws.server import AwsServer
from smlocal.aws.verification import Verifier
from smlocal.aws.wire import Call, Reply, Service
from smlocal.aws_clients import Credentials
from smlocal.http_client import HttpClient

REGION = "us-east-1"
DUMMY = Credentials("smlocal", "any")


@dataclass
class Front:
    """A gateway that listens, and what it said."""

    server: AwsServer
    credentials: CredentialRegistry
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def client(self, service: str, credentials: Credentials = DUMMY, *, url: str = "", **config: Any) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=url or self.url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=Config(**{"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}, **config}),
        )

    def say(self, data: bytes, *, port: int = 0, timeout: float = 10) -> bytes:
        """What the server answers to these bytes until it closes the connection."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout) as connection:
            connection.sendall(data)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@contextmanager
def fronted(
    others: Service = nobody,
    services: dict[str, Service] | None = None,
    *,
    verify_all: bool = False,
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    idle: float = 60.0,
    http: HttpClient | None = None,
) -> Iterator[Front]:
    """A front whose calls go to these services."""
    registry = CredentialRegistry()
    lines: list[str] = []
    gateway = Gateway(
        services or {},
        others,
        lambda: Verifier(registry, clock),
        region=REGION,
        verify_all=verify_all,
        log=lines.append,
        on_fault=lines.append,
    )
    with HttpClient() as own, AwsServer(http or own, gateway, idle=idle) as server:
        yield Front(server, registry, lines)


@dataclass
class Echo:
    """A Service that keeps the calls and their bodies, and answers 200 with nothing."""

    calls: list[Call] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        self.bodies.append(await call.read(1 << 30))
        return Reply(200, {"Content-Type": "application/x-amz-json-1.1", "ETag": '"0"'})


async def back(call: Call) -> Reply:
    """A Service that sends the body back as it comes."""
    length = call.headers.get("Content-Length")
    return Reply(200, {"Content-Length": length} if length else {}, call.body)


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


SIGNED = (
    b"Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, "
    b"Signature=0\r\n"
    b"X-Amz-Date: 20260101T000000Z\r\n"
)


def head(method: str, target: str, *headers: str, service: str = "s3", host: str = "127.0.0.1") -> bytes:
    """The head of a request that bears a signature which nobody verifies."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n" + SIGNED % service.encode() + b"\r\n"

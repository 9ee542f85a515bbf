"""The `docker` package's client, and the sockets under its answers."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import docker.utils
from docker.context import Context, ContextAPI
from docker.tls import TLSConfig

from smlocal.engine.docker_tls import TlsDoor

_SECONDS = 120  # for any single answer; streams and waits have no limit
_POOL = 64
_TLS_PORT = 2376


def client_of(address: str | None) -> tuple[docker.APIClient, str]:
    """A client of the engine at `address` (default: DOCKER_HOST, else the Docker context), and where it is.

    Raises the library's exceptions, and OSError.
    """
    given = address or os.environ.get("DOCKER_HOST")
    tls: TLSConfig | None = None
    if given is None:
        context = _context()
        if context.Host:
            given, tls = context.Host, context.TLSConfig
    elif address is None and os.environ.get("DOCKER_TLS_VERIFY"):
        tls = docker.utils.kwargs_from_env()["tls"]
    if tls and given and given.startswith(("tcp://", "https://")):
        return _ClientOverTls(_door(given, tls)), given
    _knock(given)
    api = docker.APIClient(base_url=given, version="auto", timeout=_SECONDS, max_pool_size=_POOL)
    return api, given or api.base_url


class _ClientOverTls(docker.APIClient):
    """A client that speaks through a door of its own."""

    def __init__(self, door: TlsDoor) -> None:
        self._door = door
        try:
            super().__init__(base_url=f"unix://{door.path}", version="auto", timeout=_SECONDS, max_pool_size=_POOL)
        except BaseException:
            door.close()
            raise

    def close(self) -> None:
        super().close()
        self._door.close()


def _door(address: str, tls: TLSConfig) -> TlsDoor:
    """The door to an engine that shows a certificate of `tls`'s authority, and is shown ours.

    The variables with which a machine knows its firm's authority (REQUESTS_CA_BUNDLE) say nothing of an engine.
    """
    parts = urlsplit(address)
    context = ssl.create_default_context(cafile=tls.ca_cert or None)
    if not tls.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls.cert:
        context.load_cert_chain(*tls.cert)
    return TlsDoor(parts.hostname or "localhost", parts.port or _TLS_PORT, context)


def _context() -> Context:
    """The context that DOCKER_CONTEXT names, or else the Docker client's configuration, as the client itself chooses.

    Raises the library's ContextNotFound: to run on the default engine instead would be to run on the wrong one.
    """
    name = os.environ.get("DOCKER_CONTEXT") or None
    context = ContextAPI.get_context(name)
    if context is None:
        raise docker.errors.ContextNotFound(name or "named in Docker's configuration")
    return context


def _knock(address: str | None) -> None:
    """Raises OSError when nobody listens at a Unix socket: the library would leave its own socket open then."""
    path = (address or "unix:///var/run/docker.sock").partition("unix://")[2]
    if path and hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(path)


def socket_under(found: Any) -> tuple[socket.socket, bytes]:
    """The socket under the file-like object that the library gives, and the bytes that arrived with the answer's
    headers: the library leaves them in the buffer of the response."""
    connection: socket.socket = found._sock
    connection.setblocking(False)
    buffer = found._response.raw._fp.fp
    early: bytes = buffer.read1(len(buffer.peek()))
    connection.settimeout(None)
    return connection, early

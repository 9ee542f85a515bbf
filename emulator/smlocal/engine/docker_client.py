"""The `docker` package's client, and the sockets under its answers."""

from __future__ import annotations

import os
import socket
from typing import Any

import docker
import docker.errors
from docker.context import Context, ContextAPI

_SECONDS = 120  # for any single answer; streams and waits have no limit
_POOL = 64


def client_of(address: str | None) -> tuple[docker.APIClient, str]:
    """A client of the engine at `address` (default: DOCKER_HOST, else the Docker context), and where it is.

    Raises the library's exceptions, and OSError.
    """
    given = address or os.environ.get("DOCKER_HOST")
    tls: Any = False
    if given is None:
        context = _context()
        if context.Host:
            given, tls = context.Host, context.TLSConfig or False
    elif address is None and os.environ.get("DOCKER_TLS_VERIFY"):
        client = docker.from_env(timeout=_SECONDS, max_pool_size=_POOL)
        return client.api, given
    _knock(given)
    api = docker.APIClient(base_url=given, version="auto", timeout=_SECONDS, tls=tls, max_pool_size=_POOL)
    return api, given or api.base_url


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
    """The socket under the file-like object that the library gives (TLS sockets come bare), and the bytes that
    arrived with the answer's headers: the library leaves them in the buffer of the response."""
    connection: socket.socket = getattr(found, "_sock", found)
    connection.setblocking(False)
    buffer = found._response.raw._fp.fp
    early: bytes = buffer.read1(len(buffer.peek()))
    connection.settimeout(None)
    return connection, early

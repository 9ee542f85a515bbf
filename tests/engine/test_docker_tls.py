"""A door to an engine over TLS: what is said, and who has ended, arrives as over a plain socket."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
import trustme

from smlocal.engine.docker_tls import TlsDoor

PATIENCE = 30.0
Serve = Callable[[ssl.SSLSocket], None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextlib.contextmanager
def engine(authority: trustme.CA, serve: Serve) -> Iterator[int]:
    """A port where `serve` has each connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def one(connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
            serve(wrapped)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def trusting(authority: trustme.CA, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.maximum_version = version
    authority.configure_trust(context)
    return context


@contextlib.contextmanager
def caller(port: int, context: ssl.SSLContext) -> Iterator[socket.socket]:
    """A connection through a door."""
    door = TlsDoor("127.0.0.1", port, context)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(door.path))
            yield connection
    finally:
        door.close()
    assert not door.path.parent.exists()


def all_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


versions = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@versions
def test_what_is_on_its_way_when_the_caller_ends_arrives(authority: trustme.CA, version: ssl.TLSVersion) -> None:
    """The case for which Python's own sockets lose data."""

    def serve(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"a" * 3_000_000)
        heard = all_of(connection)
        connection.sendall(b"heard " + heard)
        connection.unwrap()

    with engine(authority, serve) as port, caller(port, trusting(authority, version)) as connection:
        connection.sendall(b"hello")
        threading.Event().wait(0.2)  # until as much waits to be read as there is room for
        connection.shutdown(socket.SHUT_WR)
        threading.Event().wait(0.1)
        found = all_of(connection)
    assert found == b"a" * 3_000_000 + b"heard hello"


@versions
def test_much_goes_both_ways_at_once(authority: trustme.CA, version: ssl.TLSVersion) -> None:
    def serve(connection: ssl.SSLSocket) -> None:
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.unwrap()

    sent = bytes(range(256)) * 40_000
    with engine(authority, serve) as port, caller(port, trusting(authority, version)) as connection:

        def send() -> None:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        found = all_of(connection)
        sending.join()
    assert found == sent


def test_a_caller_that_does_not_read_costs_no_memory(authority: trustme.CA) -> None:
    sent, stuck = [0], threading.Event()

    def serve(connection: ssl.SSLSocket) -> None:
        if connection.recv(1) != b"x":
            return  # the door's first look
        connection.settimeout(1)
        try:
            while sent[0] < 100_000_000:
                connection.sendall(b"a" * 100_000)
                sent[0] += 100_000
        finally:
            stuck.set()

    with engine(authority, serve) as port, caller(port, trusting(authority)) as connection:
        connection.sendall(b"x")
        assert stuck.wait(PATIENCE)
    assert 1_000_000 < sent[0] < 30_000_000  # what the kernel holds, and the door's megabyte


def test_an_engine_that_ends_is_an_end_to_the_caller(authority: trustme.CA) -> None:
    def serve(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"bye")
        with contextlib.suppress(OSError):
            connection.unwrap()

    with engine(authority, serve) as port, caller(port, trusting(authority)) as connection:
        assert all_of(connection) == b"bye"


def test_an_engine_that_breaks_off_is_a_closed_connection(authority: trustme.CA) -> None:
    with (
        engine(authority, lambda connection: connection.close()) as port,
        caller(port, trusting(authority)) as connection,
    ):
        assert all_of(connection) == b""


def test_a_caller_that_leaves_is_told_to_the_engine(authority: trustme.CA) -> None:
    arrived, left = threading.Event(), threading.Event()

    def serve(connection: ssl.SSLSocket) -> None:
        if connection.recv(1) == b"x":
            arrived.set()
            if all_of(connection) == b"":
                left.set()

    with engine(authority, serve) as port, caller(port, trusting(authority)) as connection:
        connection.sendall(b"x")
        assert arrived.wait(PATIENCE)
        connection.close()
        assert left.wait(PATIENCE)


def test_an_engine_of_another_authority_or_name_is_an_error_at_once(authority: trustme.CA) -> None:
    with engine(authority, lambda connection: None) as port:
        for host, context in (("127.0.0.1", trusting(trustme.CA())), ("localhost", trusting(authority))):
            with pytest.raises(ssl.SSLCertVerificationError):
                TlsDoor(host, port, context)


def test_nobody_is_an_error_at_once(authority: trustme.CA) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        TlsDoor("127.0.0.1", port, trusting(authority))


def test_who_closes_in_the_middle_of_the_handshake_is_an_error(authority: trustme.CA) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(OSError):
            TlsDoor("127.0.0.1", server.getsockname()[1], trusting(authority))


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """The first 1024 descriptors are taken, which `select` knows no others than."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    taken = [os.open(os.devnull, os.O_RDONLY)]
    while taken[-1] < 1100:
        taken.append(os.dup(taken[0]))
    yield
    for descriptor in taken:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_process_with_many_open_files_is_carried_too(authority: trustme.CA) -> None:
    def echo(connection: ssl.SSLSocket) -> None:
        connection.sendall(connection.recv(100).upper())

    with engine(authority, echo) as port, caller(port, trusting(authority)) as connection:
        assert connection.fileno() > 1024
        connection.sendall(b"hello")
        assert all_of(connection) == b"HELLO"

"""A proxy that refuses: what is told, and what is not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from smlocal.errors import RegistryUnreachable
from smlocal.http_client import HttpClient
from smlocal.outbound import Outbound
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.reference import parse_reference
from tests.registry.conftest import QUICK

ANSWERS = {
    "wants a password": b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    "cannot": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    "is none": b"hello\r\n\r\n",
}


@pytest.fixture(params=ANSWERS.values(), ids=ANSWERS.keys())
def answer(request: pytest.FixtureRequest) -> bytes:
    found: bytes = request.param
    return found


@pytest.fixture
def proxy(answer: bytes) -> Iterator[str]:
    """The address of a proxy that answers everybody so."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def refusal(place: str) -> str:
    reference = parse_reference("registry.example/team/model:1")
    outbound = Outbound({"HTTPS_PROXY": f"http://bob:s3cr@t@{place}"})
    with HttpClient(outbound) as http, pytest.raises(RegistryUnreachable) as refused:
        DistributionRepository(reference, http, patience=QUICK).manifest("1")
    return str(refused.value)


def test_the_proxys_password_is_in_no_message(proxy: str) -> None:
    said = refusal(proxy)
    assert proxy in said or "hello" in said, said
    assert "bob" not in said and "s3cr" not in said, said


def test_an_address_without_a_port_shows_no_password_either() -> None:
    assert "s3cr" not in refusal("127.0.0.1:none")


@pytest.mark.parametrize("answer", [ANSWERS["wants a password"]], indirect=True)
def test_a_proxy_that_wants_a_password_is_asked_once_and_says_where_to_write_it(proxy: str) -> None:
    said = refusal(proxy)
    assert "HTTPS_PROXY=http://name:password@host:port" in said and "times" not in said


def test_where_nobody_is_there_it_says_what_to_look_at() -> None:
    reference = parse_reference("registry.invalid/team/model:1")
    with HttpClient(Outbound({})) as http, pytest.raises(RegistryUnreachable) as refused:
        DistributionRepository(reference, http, patience=QUICK).manifest("1")
    said = str(refused.value)
    assert "HTTPS_PROXY and NO_PROXY name proxies" in said and "Cannot connect to host registry.invalid:443 [" in said
    assert "object at" not in said

"""A container reaches a service of ours also where its engine is elsewhere, and although the service is on loopback."""

from __future__ import annotations

import hashlib
import http.server
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from smlocal import owner
from smlocal.engine.interface import ContainerSpec
from smlocal.host_relay import HostRelay
from tests.engine.adapters import IMAGE, REAL, Adapter

on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)

# Asks several times at once, with a body, and says what it was told.
_ASK = """
import concurrent.futures, sys, urllib.request
url = sys.argv[1]
def ask(number):
    body = bytes([number]) * 300_000
    return urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=30).read().decode()
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for answer in pool.map(ask, range(int(sys.argv[2]))):
        print(answer)
"""


class Digest(http.server.BaseHTTPRequestHandler):
    """Answers the SHA-256 of a body."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def service() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Digest) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


def told(adapter: Adapter, url: str, times: int) -> list[str]:
    """What a container on the default bridge was answered."""
    engine, name = adapter.engine, f"suite-{secrets.token_hex(4)}"
    labels = {**owner.this_process().labels(), owner.NAME: name}
    container = engine.create_container(ContainerSpec(IMAGE, name, labels, ("python3", "-c", _ASK, url, str(times))))
    try:
        engine.start(container)
        assert engine.wait(container, 60) is not None
        return engine.logs(container).decode().splitlines()
    finally:
        engine.remove_container(container)


@on_real_engines
def test_requests_at_once_reach_a_service_on_loopback_and_their_answers_come_back(adapter: Adapter) -> None:
    name = f"suite-{secrets.token_hex(4)}"
    relay = HostRelay(adapter.engine, IMAGE, name, {**owner.this_process().labels(), owner.NAME: name})
    try:
        with service() as port:
            host, door = relay.open("127.0.0.1", port)
            answers = told(adapter, f"http://{host}:{door}/", 20)
    finally:
        relay.close()
    assert answers == [hashlib.sha256(bytes([number]) * 300_000).hexdigest() for number in range(20)]
    assert adapter.engine.owned({owner.NAME: name}) == []


@on_real_engines
def test_a_service_that_is_away_is_a_closed_connection_and_the_door_stays_open(adapter: Adapter) -> None:
    name = f"suite-{secrets.token_hex(4)}"
    relay = HostRelay(adapter.engine, IMAGE, name, {**owner.this_process().labels(), owner.NAME: name})
    try:
        with service() as port:
            pass
        host, door = relay.open("127.0.0.1", port)
        said = "".join(told(adapter, f"http://{host}:{door}/", 1))
        assert any(words in said for words in ("Remote end closed connection", "Connection reset", "Broken pipe")), said
    finally:
        relay.close()

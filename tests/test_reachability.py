"""Addresses are asked all at once, and none is awaited for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smlocal.reachability import ask, unreachable


class Registry(BaseHTTPRequestHandler):
    """Greets strangers as a registry does."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/open" else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", ["/open", "/v2/"])
def test_any_status_is_an_answer(address: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert ask(address + path, 5) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[", "nonsense", "http://host.invalid/"])
def test_no_answer_has_a_reason(url: str) -> None:
    assert ask(url, 2)


def test_all_are_asked_at_once_and_the_slow_are_given_up() -> None:
    never = threading.Event()

    def slow(url: str, seconds: float) -> str | None:
        if url == "fast":
            return None
        never.wait(30)
        return "too late"

    start = time.monotonic()
    answers = unreachable({"a": "fast", "b": "slow", "c": "slow"}, seconds=0.2, ask=slow)
    assert time.monotonic() - start < 5
    never.set()
    assert answers == {"a": None, "b": "no answer in 0.2 s", "c": "no answer in 0.2 s"}

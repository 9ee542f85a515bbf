"""Soaking: memory after each tenth of the requests, until one is not answered."""

from __future__ import annotations

import pytest

from smlocal.evidence import Exchange
from smlocal.examination.soak import soak


class Server:
    """Holds a MiB more after each request, and answers up to a number of them."""

    def __init__(self, answers: int = 10_000) -> None:
        self.asked: list[int] = []
        self._answers = answers

    def send(self, number: int) -> Exchange:
        self.asked.append(number)
        return Exchange("sample", "POST /invocations", 0.0, 0.0, 200 if number < self._answers else None)

    def memory(self) -> int | None:
        return 100 + len(self.asked)


def test_memory_is_looked_at_before_the_first_request_and_after_each_tenth() -> None:
    server = Server()
    assert soak(100, server.send, server.memory) == tuple((sent, 100 + sent) for sent in range(0, 101, 10))
    assert sorted(server.asked) == list(range(100))


@pytest.mark.parametrize("requests", [0, 1, 7, 15])
def test_all_requests_are_made_however_few(requests: int) -> None:
    server = Server()
    soak(requests, server.send, server.memory)
    assert sorted(server.asked) == list(range(requests))


def test_it_ends_with_the_first_request_that_is_not_answered() -> None:
    server = Server(answers=25)
    assert [sent for sent, _ in soak(1000, server.send, server.memory)] == [0]
    assert len(server.asked) < 35  # those that were under way, and no more


def test_an_engine_that_says_nothing_is_asked_once() -> None:
    server = Server()
    assert soak(100, server.send, lambda: None) == ()
    assert server.asked == []

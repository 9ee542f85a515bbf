"""The container of a multi-model endpoint is asked as the platform asks it, and its lists are read to their end."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from smlocal.evidence import Exchange
from smlocal.examination import Plan, Sample
from smlocal.examination.multi_model import (
    BIG_MODEL,
    DESCRIBE,
    INVOKE_AFTER,
    INVOKE_MODEL,
    INVOKE_UNLOADED,
    LISTED,
    LISTED_AFTER,
    LISTED_FIRST,
    LOAD,
    LOAD_AGAIN,
    LOAD_TWICE,
    MODELS,
    TOO_BIG,
    UNKNOWN,
    UNLOAD,
    MultiModelProbes,
)
from smlocal.examination.probes import Probes
from smlocal.examination.stopping import Stop
from smlocal.http_client import HttpClient
from smlocal.settings import Limits
from tests.raw_server import RawServer

CSV = Sample(b"1\n2\n", "text/csv", "text/csv", b"0\n0\n")
LIMITS = Limits(invocation_timeout=0.5, model_load_timeout=5)
FIRST, SECOND, THIRD = MODELS
Answer = tuple[int, bytes]
Asked = tuple[list[Exchange], list[bytes]]


class Models:
    """A multi-model server in memory, which lists `page` models at a time."""

    def __init__(self, page: int = 9) -> None:
        self.loaded: list[str] = []
        self._page = page

    def answer(self, method: str, path: str, body: bytes) -> Answer | None:
        """None: no answer at all."""
        if path.partition("?")[0] == "/models":
            return self.load(json.loads(body)) if method == "POST" else self.list(path)
        name = path.split("/")[2]
        if name not in self.loaded:
            return 404, b""
        if method == "DELETE":
            self.loaded.remove(name)
        return 200, json.dumps({"modelName": name}).encode() if method == "GET" else b"0\n0\n"

    def load(self, wanted: dict[str, str]) -> Answer | None:
        if wanted["model_name"] == BIG_MODEL:
            return 507, b""
        if wanted["model_name"] in self.loaded:
            return 409, b""
        self.loaded.append(wanted["model_name"])
        return 200, wanted["url"].encode()

    def list(self, path: str) -> Answer | None:
        start = int(path.partition("=")[2].replace("%2B", "") or 0)
        names = self.loaded[start : start + self._page]
        told: dict[str, object] = {"models": [{"modelName": name, "modelUrl": f"/{name}"} for name in names]}
        more = start + self._page < len(self.loaded)
        return 200, json.dumps({**told, "nextPageToken": f"+{start + self._page}"} if more else told).encode()


@pytest.fixture
def ask() -> Iterator[Callable[..., Asked]]:
    """Ask a server; gives what was seen and the requests that it got."""
    http, servers = HttpClient(), []

    def run(models: Models, samples: tuple[Sample, ...] = (CSV,), too_big: bool = True) -> Asked:
        def script(connection: socket.socket, request: bytes) -> None:
            head, _, body = request.partition(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
            made = models.answer(method, path, body)
            if made is None:
                connection.shutdown(socket.SHUT_RDWR)
                return
            status, text = made
            connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)

        server = RawServer(script)
        servers.append(server)
        probes = Probes(http, lambda: server.url, LIMITS, Plan(samples=samples), Stop())
        return list(MultiModelProbes(probes, LIMITS, samples, too_big).run()), server.requests

    yield run
    http.close()
    for server in servers:
        server.close()


def test_everything_is_asked_in_turn(ask: Callable[..., Asked]) -> None:
    exchanges, requests = ask(Models())
    assert [(item.probe, item.status, item.model) for item in exchanges] == [
        (LISTED_FIRST, 200, ""),
        (LOAD, 200, FIRST),
        (LOAD, 200, SECOND),
        (LOAD, 200, THIRD),
        (LOAD_TWICE, 409, FIRST),
        (LISTED, 200, ""),
        (DESCRIBE, 200, FIRST),
        (INVOKE_MODEL, 200, FIRST),
        (INVOKE_MODEL, 200, THIRD),
        (UNKNOWN, 404, exchanges[9].model),
        (UNKNOWN, 404, exchanges[9].model),
        (UNKNOWN, 404, exchanges[9].model),
        (UNLOAD, 200, THIRD),
        (LISTED_AFTER, 200, ""),
        (INVOKE_UNLOADED, 404, THIRD),
        (LOAD_AGAIN, 200, THIRD),
        (TOO_BIG, 507, BIG_MODEL),
        (INVOKE_AFTER, 200, FIRST),
    ]
    assert exchanges[9].model not in (*MODELS, BIG_MODEL)
    told = {item.probe: item.models for item in exchanges if item.models is not None}
    assert told == {LISTED_FIRST: (), LISTED: MODELS, DESCRIBE: (FIRST,), LISTED_AFTER: (FIRST, SECOND)}
    assert len(requests) == len(exchanges)


def test_each_request_is_the_platforms(ask: Callable[..., Asked]) -> None:
    """Source: developer guide, mms-container-apis."""
    _, requests = ask(Models())
    load = requests[1].lower()
    assert load.startswith(b"post /models http/1.1\r\n") and b"content-type: application/json\r\n" in load
    assert b"accept: application/json\r\n" in load and b"accept: application/json\r\n" in requests[0].lower()
    body = f'{{"model_name":"{FIRST}","url":"/opt/ml/models/{FIRST}/model"}}'
    assert requests[1].partition(b"\r\n\r\n")[2] == body.encode()
    invoke, _, sent = requests[7].partition(b"\r\n\r\n")
    assert invoke.startswith(f"POST /models/{FIRST}/invoke HTTP/1.1\r\n".encode()) and sent == CSV.body
    head = invoke.lower()
    assert b"x-amzn-sagemaker-target-model: " in head and b"content-type: text/csv" in head
    assert b"accept: text/csv" in head
    assert requests[12].startswith(f"DELETE /models/{THIRD} HTTP/1.1\r\n".encode())


def test_a_list_is_read_page_by_page(ask: Callable[..., Asked]) -> None:
    exchanges, requests = ask(Models(page=2))
    pages = [item for item in exchanges if item.probe == LISTED]
    assert [item.models for item in pages] == [(FIRST, SECOND), (THIRD,)]
    assert any(item.startswith(b"GET /models?next_page_token=%2B2 HTTP/1.1\r\n") for item in requests)


def test_a_list_without_end_is_left(ask: Callable[..., Asked]) -> None:
    class Endless(Models):
        def list(self, path: str) -> Answer | None:
            return 200, b'{"models": [], "nextPageToken": 0}'

    exchanges, _ = ask(Endless())
    assert len([item for item in exchanges if item.probe == LISTED]) == 10


def test_a_list_that_goes_on_after_an_endless_word_is_left(ask: Callable[..., Asked]) -> None:
    class Endless(Models):
        def list(self, path: str) -> Answer | None:
            return 200, json.dumps({"models": [], "nextPageToken": "x" * 9000}).encode()

    exchanges, _ = ask(Endless())
    assert len([item for item in exchanges if item.probe == LISTED]) == 1


def test_the_request_of_a_page_is_told_in_one_line(ask: Callable[..., Asked]) -> None:
    class Wordy(Models):
        def list(self, path: str) -> Answer | None:
            return 200, json.dumps({"models": [], "nextPageToken": "x" * 8000}).encode()

    exchanges, requests = ask(Wordy())
    assert max(len(item.request) for item in exchanges if item.probe == LISTED) < 100
    assert any(b"=" + b"x" * 8000 + b" " in item for item in requests)


def test_a_long_list_is_read_whole(ask: Callable[..., Asked]) -> None:
    class Verbose(Models):
        def list(self, path: str) -> Answer | None:
            told = [{"modelName": name, "labels": "x" * 9000} for name in self.loaded]
            return 200, json.dumps({"models": told}).encode()

    exchanges, _ = ask(Verbose())
    assert next(item for item in exchanges if item.probe == LISTED).models == MODELS


@pytest.mark.parametrize(
    ("claim", "text", "names"),
    [
        ("nothing", b"", None),
        ("no JSON", b"loaded: a", None),
        ("deep JSON", b"[" * 100_000, None),
        ("not UTF-8", b'{"models": [{"modelName": "\xff"}]}', None),
        ("a number", b"3", None),
        ("names alone", b'["a", "b"]', None),
        ("an object by names", b'{"models": {"a": {}}}', None),
        ("a name that is a number", b'{"models": [{"modelName": 1}]}', None),
        ("one without name", b'{"models": [{"modelName": "a"}, {"modelUrl": "/b"}]}', None),
        ("an object", b'{"modelName": "a", "modelUrl": "/a"}', ("a",)),
        ("a list of one, as of multi-model-server", b'[{"modelName": "a", "minWorkers": 1}]', ("a",)),
    ],
)
def test_what_an_answer_tells_of_models(
    claim: str, text: bytes, names: tuple[str, ...] | None, ask: Callable[..., Asked]
) -> None:
    class Odd(Models):
        def list(self, path: str) -> Answer | None:
            return 200, text

    exchanges, _ = ask(Odd())
    assert exchanges[0].models == names


def test_no_more_is_asked_once_a_model_cannot_be_loaded(ask: Callable[..., Asked]) -> None:
    class Full(Models):
        def load(self, wanted: dict[str, str]) -> Answer | None:
            return (507, b"") if self.loaded else super().load(wanted)

    exchanges, _ = ask(Full())
    assert [(item.probe, item.status) for item in exchanges] == [(LISTED_FIRST, 200), (LOAD, 200), (LOAD, 507)]


def test_a_model_that_is_there_already_is_asked(ask: Callable[..., Asked]) -> None:
    models = Models()
    models.loaded = [*MODELS]
    exchanges, _ = ask(models)
    assert [item.status for item in exchanges if item.probe == LOAD] == [409, 409, 409]
    assert exchanges[-1].probe == INVOKE_AFTER


def test_a_load_may_take_longer_than_an_invocation(ask: Callable[..., Asked]) -> None:
    class Slow(Models):
        def load(self, wanted: dict[str, str]) -> Answer | None:
            time.sleep(0 if self.loaded else 1)
            return super().load(wanted)

    exchanges, _ = ask(Slow())
    assert [item.status for item in exchanges if item.probe == LOAD] == [200, 200, 200]


def test_no_more_is_asked_once_there_is_no_answer(ask: Callable[..., Asked]) -> None:
    class Mute(Models):
        def answer(self, method: str, path: str, body: bytes) -> Answer | None:
            return None if path.endswith("/invoke") else super().answer(method, path, body)

    exchanges, _ = ask(Mute())
    assert (exchanges[-1].probe, exchanges[-1].status) == (INVOKE_MODEL, None)


def test_without_samples_and_a_big_model_the_rest_is_asked(ask: Callable[..., Asked]) -> None:
    exchanges, _ = ask(Models(), samples=(), too_big=False)
    asked = {item.probe for item in exchanges}
    assert not asked & {INVOKE_MODEL, TOO_BIG, INVOKE_AFTER}
    assert {UNKNOWN, INVOKE_UNLOADED, LOAD_AGAIN} <= asked


def test_every_sample_is_sent_to_the_first_and_the_last_model(ask: Callable[..., Asked]) -> None:
    exchanges, _ = ask(Models(), samples=(CSV, Sample(b"3\n", "text/csv")))
    sent = [item for item in exchanges if item.probe == INVOKE_MODEL]
    assert [item.model for item in sent] == [FIRST, FIRST, THIRD, THIRD]
    assert [item.expected for item in sent] == [CSV.expect, None] * 2

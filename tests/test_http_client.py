"""The HTTP client, against servers that answer from a script of raw bytes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlocal.errors import ConnectionFailed, ResponseTooLarge, TimedOut, UsageError
from smlocal.http_client import Headers, HttpClient
from smlocal.outbound import Outbound
from tests.raw_server import RawServer, Script

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient() as made:
        yield made


@pytest.fixture
def serve(client: HttpClient) -> Iterator[Callable[[Script], RawServer]]:
    servers: list[RawServer] = []

    def start(script: Script) -> RawServer:
        servers.append(RawServer(script))
        return servers[-1]

    yield start
    client.close()
    for server in servers:
        server.close()


def sends(data: bytes) -> Script:
    return lambda connection, request: connection.sendall(data)


def test_a_request_has_the_callers_headers_and_no_other(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    server = serve(sends(GOOD))
    client.request("GET", server.url + "/ping", headers={}, timeout=5)
    client.request("POST", server.url + "/a%2Fb?c=%20d", headers={"X-One": "1"}, body=b"abc", timeout=5)
    host = server.url.removeprefix("http://").encode()
    assert server.requests == [
        b"GET /ping HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
        b"POST /a%2Fb?c=%20d HTTP/1.1\r\nHost: " + host + b"\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nabc",
    ]


def test_a_post_without_a_body_has_a_length_of_zero(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    server = serve(sends(GOOD))
    client.request("POST", server.url, headers={}, timeout=5)
    client.request("POST", server.url, headers={}, body=b"", timeout=5)
    assert all(b"\r\nContent-Length: 0\r\n\r\n" in request for request in server.requests)


def test_proxies_of_the_environment_are_not_used(
    client: HttpClient, serve: Callable[[Script], RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert client.request("GET", serve(sends(GOOD)).url, headers={}, timeout=5).body == b"ok"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300_000))
def test_bytes_arrive_as_they_were_sent_and_come_back_as_they_were_answered(body: bytes) -> None:
    def echo(connection: socket.socket, request: bytes) -> None:
        received = request.partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(received) + received)

    server = RawServer(echo)
    with HttpClient() as client:
        assert client.request("POST", server.url, headers={}, body=body, timeout=5).body == body
    server.close()


def test_a_big_body_is_sent_with_its_length(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    body = os.urandom(3_000_000)
    server = serve(sends(GOOD))
    client.request("POST", server.url, headers={}, body=body, timeout=10)
    head, _, received = server.requests[0].partition(b"\r\n\r\n")
    assert received == body
    assert b"Content-Length: 3000000" in head
    assert b"Transfer-Encoding" not in head


def test_an_iterable_body_is_sent_chunked(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    server = serve(sends(GOOD))
    client.request("POST", server.url, headers={}, body=pieces(), timeout=5)
    head, _, received = server.requests[0].partition(b"\r\n\r\n")
    assert received == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head


def test_an_error_of_the_callers_body_is_not_taken_for_one_of_the_connection(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise LookupError("the object is gone")

    with pytest.raises(LookupError, match="the object is gone"):
        client.request("POST", serve(sends(GOOD)).url, headers={}, body=pieces(), timeout=5)


def test_an_error_of_the_callers_sink_is_not_taken_for_one_of_the_connection(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    def full(piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        client.request("GET", serve(sends(GOOD)).url, headers={}, timeout=5, sink=full)


def test_a_sink_takes_the_body(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    taken: list[bytes] = []
    answer = client.request("GET", serve(sends(GOOD)).url, headers={}, timeout=5, sink=taken.append)
    assert (answer.body, b"".join(taken)) == (b"", b"ok")


def test_what_head_announces_is_not_taken_for_a_body(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    server = serve(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
    answer = client.request("HEAD", server.url, headers={}, timeout=5, max_response=10)
    assert (answer.headers["Content-Length"], answer.body) == ("1000000", b"")


def test_a_body_with_a_length_of_its_own_is_sent_with_it_and_watched_piece_by_piece(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    async def pieces(pause: float) -> AsyncIterator[bytes]:
        for _ in range(5):
            await asyncio.sleep(pause)
            yield b"12345"

    server = serve(sends(GOOD))
    length = {"Content-Length": "25"}
    client.request("PUT", server.url, headers=length, body=pieces(0.1), timeout=None, idle=0.4)
    assert b"\r\nContent-Length: 25\r\n" in server.requests[0]
    assert b"Transfer-Encoding" not in server.requests[0]
    with pytest.raises(TimedOut, match=r"did not move for 0\.2 s"):
        client.request("PUT", server.url, headers=length, body=pieces(1), timeout=None, idle=0.2)


def test_what_is_called_meanwhile_breaks_off_a_request_by_raising(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    def stop() -> None:
        raise LookupError("enough")

    silent = serve(lambda connection, request: time.sleep(0.5))
    began = time.monotonic()
    with pytest.raises(LookupError, match="enough"):
        client.request("GET", silent.url, headers={}, timeout=5, meanwhile=stop)
    assert time.monotonic() - began < 0.5


def test_duplicate_headers_and_bytes_beyond_ascii_are_kept(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    server = serve(sends(b"HTTP/1.1 200 Fine\r\nX-A: 1\r\nx-a: \xff\xe9\r\nContent-Length: 0\r\n\r\n"))
    answer = client.request("GET", server.url, headers={"X-Name": "Caf\xc3\xa9"}, timeout=5)
    assert answer.headers.every("X-A") == ("1", "\xff\xe9")
    assert (answer.headers["X-a"], answer.reason, "x-b" in answer.headers) == ("1", "Fine", False)
    assert b"X-Name: Caf\xc3\xa9\r\n" in server.requests[0]


def test_a_mapping_of_headers_has_one_entry_for_each_name() -> None:
    headers = Headers((("A", "1"), ("a", "2"), ("B", "3")))
    assert dict(headers) == {"a": "1", "b": "3"}
    assert len(headers) == 2
    assert "('B', '3')" in repr(headers)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "caf\xe9 not UTF-8", "\u20ac"])
def test_a_header_that_cannot_be_sent_is_refused(
    client: HttpClient, serve: Callable[[Script], RawServer], value: str
) -> None:
    server = serve(sends(GOOD))
    with pytest.raises(UsageError):
        client.request("GET", server.url, headers={"X-A": value}, timeout=5)
    assert server.requests == []


def test_a_redirect_is_answered_as_it_is(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    server = serve(sends(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"))
    answer = client.request("GET", server.url, headers={}, timeout=5)
    assert (answer.status, answer.headers["location"], len(server.requests)) == (302, "/elsewhere", 1)


def test_a_compressed_body_and_a_cookie_are_left_alone(
    client: HttpClient, serve: Callable[[Script], RawServer]
) -> None:
    server = serve(
        sends(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08x")
    )
    for _ in range(2):
        named = server.url.replace("127.0.0.1", "localhost")  # cookies are kept for names only
        assert client.request("GET", named, headers={}, timeout=5).body == b"\x1f\x8b\x08x"
    assert b"Cookie" not in server.requests[1]


HOSTILE = {
    "a long header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"\r\n",
    "no HTTP": b"Hello, I am not a web server\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "nothing": b"",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_answer_is_one_sentence(
    client: HttpClient, serve: Callable[[Script], RawServer], answer: bytes
) -> None:
    def script(connection: socket.socket, request: bytes) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    with pytest.raises(ConnectionFailed) as caught:
        client.request("POST", serve(script).url, headers={}, body=b"x", timeout=5)
    assert "failed: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_nobody_listening_is_a_failed_connection(client: HttpClient) -> None:
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        client.request("GET", "http://127.0.0.1:1/ping", headers={}, timeout=5)


def test_an_error_of_a_connection_shows_no_object_of_the_library(client: HttpClient) -> None:
    with pytest.raises(ConnectionFailed, match=r"host 127\.0\.0\.1:1 \[") as caught:
        client.request("GET", "https://127.0.0.1:1/ping", headers={}, timeout=5)
    assert "ssl" not in str(caught.value)
    with HttpClient(Outbound({})) as outside, pytest.raises(ConnectionFailed) as caught:
        outside.request("GET", "https://127.0.0.1:1/ping", headers={}, timeout=5)
    assert "ssl" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://", "http://[", "ftp://x/", "nothing"])
def test_an_address_that_is_none_is_one_sentence(client: HttpClient, url: str) -> None:
    with pytest.raises((ConnectionFailed, UsageError)):
        client.request("GET", url, headers={}, timeout=5)


@pytest.mark.parametrize(
    "head", [b"Content-Length: 11\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nb\r\n"], ids=["length", "chunked"]
)
def test_a_body_over_the_limit_is_an_error_of_its_own(
    client: HttpClient, serve: Callable[[Script], RawServer], head: bytes
) -> None:
    tail = b"\r\n0\r\n\r\n" if b"chunked" in head else b""
    server = serve(sends(b"HTTP/1.1 200 OK\r\n" + head + b"elevenbytes" + tail))
    with pytest.raises(ResponseTooLarge, match="more than 10 bytes"):
        client.request("GET", server.url, headers={}, timeout=5, max_response=10)
    assert client.request("GET", server.url, headers={}, timeout=5, max_response=11).body == b"elevenbytes"


def test_the_timeout_is_for_the_whole_exchange(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    stop = threading.Event()

    def drip(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            if stop.wait(0.05):
                return
            connection.sendall(b"x")

    server = serve(drip)
    begun = time.monotonic()
    with pytest.raises(TimedOut, match=r"within 0\.3 s"):
        client.request("GET", server.url, headers={}, timeout=0.3)
    assert 0.25 < time.monotonic() - begun < 2
    stop.set()


def test_an_early_refusal_is_heard_while_the_body_is_still_being_sent(client: HttpClient) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            while connection.recv(1_000_000):
                pass

    thread = threading.Thread(target=refuse)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    answer = client.request("POST", url, headers={}, body=b"x" * 20_000_000, timeout=10)
    assert (answer.status, answer.body) == (413, b"big")
    thread.join(5)
    listener.close()


def test_an_early_refusal_is_heard_although_the_server_closes_without_reading(client: HttpClient) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    rounds = 20

    def refuse() -> None:
        for _ in range(rounds):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")

    thread = threading.Thread(target=refuse)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    heard = 0
    for _ in range(rounds):
        try:
            heard += client.request("POST", url, headers={}, body=b"x" * 6_000_000, timeout=10).status == 413
        except ConnectionFailed:
            continue  # the reset may overtake the answer inside the kernel, rarely
    assert heard >= rounds * 3 // 4
    thread.join(5)
    listener.close()


def test_a_connection_is_used_again(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    server = serve(sends(GOOD))
    for _ in range(20):
        client.request("POST", server.url, headers={}, body=b"x", timeout=5)
    assert server.connections == 1


def test_many_threads_may_ask_at_once(client: HttpClient, serve: Callable[[Script], RawServer]) -> None:
    server = serve(sends(GOOD))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.request("GET", server.url, headers={}, timeout=5), range(200)))
    assert {answer.body for answer in answers} == {b"ok"}


def test_closing_breaks_off_what_is_under_way(serve: Callable[[Script], RawServer]) -> None:
    asked = threading.Event()
    over = threading.Event()

    def hang(connection: socket.socket, request: bytes) -> None:
        asked.set()
        over.wait(5)

    server = serve(hang)
    client = HttpClient()
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(client.request, "GET", server.url, headers={}, timeout=30)
        assert asked.wait(5)
        client.close()
        with pytest.raises(ConnectionFailed, match="closed"):
            pending.result(5)
    over.set()
    client.close()
    with pytest.raises(ConnectionFailed, match="closed"):
        client.request("GET", server.url, headers={}, timeout=5)


def test_no_thread_is_begun_before_the_first_request() -> None:
    before = threading.active_count()
    client = HttpClient()
    assert threading.active_count() == before
    client.run(asyncio.sleep(0))
    assert threading.active_count() == before + 1
    client.close()
    assert threading.active_count() == before

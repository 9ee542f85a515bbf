"""Calls that are handed on to another endpoint."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from smlocal.aws.delegate import Delegate
from smlocal.aws.wire import Call, Reply
from smlocal.errors import UsageError
from smlocal.http_client import HttpClient
from tests.aws.fronts import Echo, Front, back, fronted, head, read_all


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


def behind(front: Front, http: HttpClient) -> Delegate:
    return Delegate(http, front.url)


def test_a_call_arrives_there_as_it_came_here(http: HttpClient) -> None:
    echo = Echo()
    with fronted(echo) as other, fronted(behind(other, http), http=http) as front:
        s3 = front.client("s3")
        key = "a%2Fb//é?#+ "
        s3.put_object(Bucket="bucket", Key=key, Body=b"x" * 200_000, Metadata={"my_key": "v"})
        [call] = echo.calls
        assert call.target.startswith("/bucket/a%252Fb//%C3%A9%3F%23%2B%20")
        assert call.host == f"127.0.0.1:{front.port}"  # it is signed
        assert "x-amz-meta-my_key" in dict(call.headers.pairs)
        assert b"x" * 65536 in echo.bodies[0]


def test_its_answer_comes_back_as_it_is(http: HttpClient) -> None:
    async def answer(call: Call) -> Reply:
        return Reply(
            404, {"Content-Type": "application/xml", "x-amz-request-id": "theirs"}, b"<Error><Code>C</Code></Error>"
        )

    with fronted(answer) as other, fronted(behind(other, http), http=http) as front:
        said = front.say(head("GET", "/b/k", "Connection: close"))
        assert said.startswith(b"HTTP/1.1 404")
        assert b"theirs" in said
        assert said.endswith(b"<Error><Code>C</Code></Error>")
        assert b"Content-Length: 29\r\n" in said
        assert front.say(head("HEAD", "/b/k", "Connection: close")).startswith(b"HTTP/1.1 404")


def test_bodies_are_streamed_both_ways(http: HttpClient) -> None:
    size = 64 * 1024 * 1024
    with (
        fronted(back) as other,
        fronted(behind(other, http), http=http) as front,
        socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection,
    ):
        connection.sendall(head("PUT", "/b/k", f"Content-Length: {size}", "Connection: close"))
        writer = threading.Thread(target=lambda: [connection.sendall(b"x" * 1024 * 1024) for _ in range(64)])
        writer.start()
        received = read_all(connection)
        writer.join()
    assert received.count(b"x", received.index(b"\r\n\r\n")) == size


def test_an_endpoint_that_does_not_answer_is_told_in_awss_shape(http: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with fronted(Delegate(http, url), http=http) as front:
        answer = front.say(head("GET", "/b/k", "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"<Code>ServiceUnavailable</Code>" in answer
    assert url.encode() in answer


def test_an_answer_that_breaks_off_there_breaks_off_here(http: HttpClient) -> None:
    async def broken(call: Call) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"begun"
            raise OSError

        return Reply(200, {"Content-Length": "1000"}, pieces())

    with fronted(broken) as other, fronted(behind(other, http), http=http) as front:
        assert len(front.say(head("GET", "/b/k"))) < 1000


def test_a_reader_that_leaves_is_left_there_too(http: HttpClient) -> None:
    closed = threading.Event()

    async def endless(call: Call) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                closed.set()

        return Reply(200, {}, pieces())

    with fronted(endless) as other, fronted(behind(other, http), http=http) as front:
        with socket.create_connection(("127.0.0.1", front.port)) as connection:
            connection.sendall(head("GET", "/b/k"))
            connection.recv(1000)
        assert closed.wait(10)
        time.sleep(0.1)


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://a", "http://", "http://a/path", "http://a?x=1", ""])
def test_what_is_no_endpoint_is_refused(http: HttpClient, url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of an endpoint"):
        Delegate(http, url)

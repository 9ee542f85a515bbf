"""The gateway's HTTP server: calls arrive as they were sent, answers leave as they come, and nobody can hold it up."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.aws.server import AwsServer
from smlocal.aws.wire import Call, Reply
from smlocal.errors import UsageError
from smlocal.http_client import HttpClient
from tests.aws.fronts import Echo, Front, back, fronted, head, read_all

KEYS = ["a%2Fb", "a?b", "a#b", "a b+c", "/lead", "a//b", "ключ/é", "a%", "..", "a/../b", "~!$&'()*,;=:@", "trail/"]
TARGETS = st.lists(
    st.sampled_from(
        ["/", "%2F", "%23", "%00", "%C3%A9", "%25", "a", ".", "..", "+", "~", ";", "=", "&", "'", ":", "@"]
    ),
    max_size=12,
).map(lambda parts: "/" + "".join(parts))


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def front(echo: Echo) -> Iterator[Front]:
    with fronted(echo) as found:
        yield found


@pytest.mark.parametrize("key", KEYS)
def test_a_key_arrives_as_boto3_wrote_it(front: Front, echo: Echo, key: str) -> None:
    s3 = front.client("s3")
    s3.put_object(Bucket="bucket", Key=key, Body=b"x", Metadata={"my_key": "v"})
    call = echo.calls[-1]
    assert unquote(call.path) == f"/bucket/{key}"
    assert "x-amz-meta-my_key" in dict(call.headers.pairs)
    s3.close()


@given(path=TARGETS, query=st.text("ab=&%+/?", max_size=10))
@settings(max_examples=100, deadline=None)
def test_any_target_arrives_byte_for_byte(front: Front, echo: Echo, path: str, query: str) -> None:
    target = f"{path}?{query}"
    answer = front.say(head("GET", target, "Connection: close"))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert echo.calls[-1].target == target
    assert (echo.calls[-1].path, echo.calls[-1].query) == (path, query)


def test_headers_keep_their_names_their_bytes_and_their_repetition(front: Front, echo: Echo) -> None:
    front.say(
        head("GET", "/", "X-Amz-Meta-My_Key: \xc3\xa9\xff", "x-amz-META-b: 1", "x-amz-META-b: 2", "Connection: close")
    )
    pairs = echo.calls[-1].headers.pairs
    assert ("X-Amz-Meta-My_Key", "\xc3\xa9\xff") in pairs
    assert echo.calls[-1].headers.every("x-amz-meta-b") == ("1", "2")


def test_a_body_keeps_its_coding(front: Front, echo: Echo) -> None:
    packed = gzip.compress(b"text" * 1000)
    front.say(
        head("PUT", "/b/k", f"Content-Length: {len(packed)}", "Content-Encoding: gzip", "Connection: close") + packed
    )
    assert echo.bodies[-1] == packed


@pytest.mark.parametrize("target", ["/a#b", "/\xc3\xa9", "http://127.0.0.1/a", "*", "a"])
def test_a_target_that_no_client_may_send_is_refused(front: Front, echo: Echo, target: str) -> None:
    before = len(echo.calls)
    assert front.say(head("OPTIONS" if target == "*" else "GET", target, "Connection: close")).split()[1] in (
        b"400",
        b"404",
    )
    assert len(echo.calls) == before


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 50"),
        ("Content-Length: 5, 50",),
        ("Content-Length: +5",),
        ("Content-Length: -1",),
        ("Content-Length: 0x5",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Content-Length: 5", " folded: x"),
        ("A\x00B: 1",),
    ],
)
def test_a_request_of_two_lengths_is_no_two_requests(front: Front, echo: Echo, headers: tuple[str, ...]) -> None:
    before = len(echo.calls)
    answer = front.say(head("POST", "/outer", *headers) + b"0\r\n\r\n" + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400") or answer.startswith(b"HTTP/1.0 400"), answer[:100]
    assert answer.count(b"HTTP/1.") == 1
    assert len(echo.calls) == before


@pytest.mark.parametrize(
    "flood",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"y" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01" + bytes(range(256)) * 10,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 1000 + b"nonsense\r\n\r\n",
    ],
)
def test_a_flood_is_refused_and_the_next_caller_is_served(front: Front, flood: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        try:
            connection.sendall(flood)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        answer = read_all(connection)
    assert answer == b"" or answer.split()[1] == b"400", answer[:200]
    assert b"Traceback" not in answer
    assert front.say(head("GET", "/", "Connection: close")).startswith(b"HTTP/1.1 200")


def test_a_client_that_never_ends_its_head_is_left() -> None:
    with fronted(Echo(), idle=0.3) as front:
        for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX"):
            began = time.monotonic()
            assert front.say(begun) == b""
            assert time.monotonic() - began < 5


def test_a_client_that_never_ends_its_body_is_told() -> None:
    with fronted(Echo(), idle=0.3) as front:
        answer = front.say(head("PUT", "/b/k", "Content-Length: 10") + b"1")
        assert b"<Code>RequestTimeout</Code>" in answer


def test_a_body_without_an_end_is_refused_at_its_readers_limit() -> None:
    async def small(call: Call) -> Reply:
        return Reply(200, {}, await call.read(100_000))

    with fronted(small) as front, socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        connection.sendall(head("PUT", "/b/k", "Transfer-Encoding: chunked"))
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 20:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert time.monotonic() - began < 10


def test_a_caller_that_waits_for_100_is_answered_before_it_sends_its_body(front: Front) -> None:
    request = head("PUT", "/b/k", "Content-Length: 3", "Expect: 100-continue", "Connection: close")
    with socket.create_connection(("127.0.0.1", front.port), timeout=10) as connection:
        connection.sendall(request)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert read_all(connection).startswith(b"HTTP/1.1 200")
    unsigned = b"PUT /b/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    answer = front.say(unsigned)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"Connection: close" in answer


def test_what_is_left_of_a_refused_body_is_no_next_request(front: Front, echo: Echo) -> None:
    before = len(echo.calls)
    hidden = head("GET", "/smuggled")
    answer = front.say(
        b"PUT /b/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % (len(hidden) + 5) + hidden
    )
    assert answer.count(b"HTTP/1.1") == 1
    assert len(echo.calls) == before


@pytest.mark.parametrize("failing_at", [0, 1, 3])
def test_an_answer_that_breaks_off_is_no_whole_answer(failing_at: int) -> None:
    async def broken(call: Call) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(failing_at):
                yield b"piece"
            raise OSError("the disk is gone")

        return Reply(200, {}, pieces())

    with fronted(broken) as front:
        answer = front.say(head("GET", "/b/k"))
        assert not answer.endswith(b"0\r\n\r\n")


def test_a_stream_is_closed_when_its_reader_leaves() -> None:
    closed = threading.Event()

    async def endless(call: Call) -> Reply:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                closed.set()

        return Reply(200, {}, pieces())

    with fronted(endless) as front:
        with socket.create_connection(("127.0.0.1", front.port)) as connection:
            connection.sendall(head("GET", "/b/k"))
            connection.recv(1000)
        assert closed.wait(10)


def test_an_answer_has_the_headers_it_was_given_and_no_others() -> None:
    async def answer(call: Call) -> Reply:
        return Reply(200, {"x-amz-meta-a": "\xc3\xa9", "X-Bad": "a\r\nSet-Cookie: b"}, b"body")

    with fronted(answer) as front:
        said = front.say(head("GET", "/b/k", "Connection: close"))
    names = {line.partition(b":")[0].lower() for line in said.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
    assert names == {b"x-amz-meta-a", b"x-bad", b"x-amz-request-id", b"content-length", b"date", b"connection"}
    assert b"x-amz-meta-a: \xc3\xa9\r\n" in said


def test_head_has_the_length_and_no_body() -> None:
    async def answer(call: Call) -> Reply:
        return Reply(200, {"Content-Length": "5368709120"}, back_of(call))

    def back_of(call: Call) -> AsyncIterator[bytes]:
        return call.body  # type: ignore[return-value]

    with fronted(answer) as front:
        said = front.say(head("HEAD", "/b/k", "Connection: close"))
    assert b"Content-Length: 5368709120\r\n" in said
    assert said.endswith(b"\r\n\r\n")


def test_a_port_that_is_taken_is_told_and_one_that_was_closed_is_free() -> None:
    with fronted() as front, HttpClient() as http:
        with pytest.raises(UsageError, match=f"port {front.port} on 127.0.0.1 cannot be had .*--port N"):
            AwsServer(http, Echo(), port=front.port).open()
        with AwsServer(http, Echo()) as second:
            assert second.url != front.url
        port = front.port
    with HttpClient() as http, AwsServer(http, Echo(), port=port):
        pass


def test_what_comes_by_the_door_does_not_count_as_loopback(front: Front, echo: Echo) -> None:
    door = int(front.server.open_door().rpartition(":")[2])
    before = len(echo.calls)
    assert b"InvalidAccessKeyId" in front.say(head("GET", "/b/k", "Connection: close"), port=door)
    assert len(echo.calls) == before
    front.say(head("GET", "/b/k", "Connection: close"))
    assert echo.calls[-1].is_loopback


def test_fifty_clients_at_once_each_get_their_own_bytes() -> None:
    with fronted(back) as front:

        def once(number: int) -> bool:
            connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=30)
            body = bytes([number]) * 300_000
            for _ in range(4):
                connection.putrequest("PUT", f"/b/{number}", skip_host=True)
                for line in head("PUT", "/", f"Content-Length: {len(body)}").decode().split("\r\n")[1:-2]:
                    connection.putheader(*line.split(": ", 1))
                connection.endheaders(body)
                if connection.getresponse().read() != body:
                    return False
            connection.close()
            return True

        with ThreadPoolExecutor(50) as pool:
            assert all(pool.map(once, range(50)))


_STREAMER = """
import sys, time
from tests.aws.fronts import back, fronted
with fronted(back) as front:
    print(front.port, flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_half_a_gigabyte_goes_through_both_ways_with_flat_memory() -> None:
    size = 512 * 1024 * 1024
    server = subprocess.Popen(
        [sys.executable, "-c", _STREAMER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        before = _peak(server.pid)
        piece = os.urandom(1024 * 1024)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(head("PUT", "/b/k", f"Content-Length: {size}", "Connection: close"))
            writer = threading.Thread(target=lambda: [connection.sendall(piece) for _ in range(size // len(piece))])
            writer.start()
            received, last = 0, b""
            while data := connection.recv(1024 * 1024):
                received += len(data)
                last = data
            writer.join()
        assert size < received < size + 1000
        assert piece.endswith(last[-1000:])
        assert _peak(server.pid) - before < 30 * 1024
    finally:
        server.communicate()


def _open_here() -> tuple[int, int]:
    """How many threads and descriptors this process has."""
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def _peak(pid: int) -> int:
    """The most resident memory that a process ever had, in KiB."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


@pytest.mark.slow
def test_ten_thousand_calls_leave_no_thread_and_no_socket() -> None:
    async def nothing(call: Call) -> Reply:
        await asyncio.sleep(0)
        return Reply(200, {}, b"ok")

    with fronted(nothing) as front:
        request = head("GET", "/b/k")

        def some(count: int) -> None:
            with socket.create_connection(("127.0.0.1", front.port), timeout=30) as connection:
                for _ in range(count):
                    connection.sendall(request)
                    assert connection.recv(65536).startswith(b"HTTP/1.1 200")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(some, [1] * 50))
            time.sleep(0.2)
            before = _open_here()
            list(pool.map(some, [20] * 500))
            time.sleep(0.2)
            assert _open_here() == before
        assert len(front.lines) == 10_050

"""What the gateway adds to a bare aiohttp server, each in a process of its own, asked by the same client turn by turn.

`python -m benchmarks.front` needs neither engine nor images.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.measure import Comparison, compare

BODY = b"x" * 1024
_SCOPE = "smlocal/20260101/us-east-1/sagemaker/aws4_request"
_AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host, Signature=0"
REQUEST = (
    "POST /endpoints/e/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Date: 20260101T000000Z\r\n"
    f"Authorization: {_AUTHORIZATION}\r\nContent-Type: text/csv\r\nContent-Length: {len(BODY)}\r\n\r\n"
).encode() + BODY

_GATEWAY = """
import sys
from smlocal.aws.gateway import Gateway, nobody
from smlocal.aws.server import AwsServer
from smlocal.aws.wire import Call, Reply
from smlocal.http_client import HttpClient

async def echo(call: Call) -> Reply:
    return Reply(200, {"Content-Type": "text/csv"}, await call.read(1 << 20))

gateway = Gateway({"runtime.sagemaker": echo}, nobody, lambda: None, region="us-east-1")
with HttpClient() as http, AwsServer(http, gateway) as server:
    print(server.url.rpartition(":")[2], flush=True)
    sys.stdin.read()
"""
_BARE = """
import asyncio, sys
from aiohttp import web

async def echo(request):
    return web.Response(body=await request.read(), content_type="text/csv")

async def main():
    application = web.Application()
    application.router.add_post("/endpoints/{name}/invocations", echo)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


@contextlib.contextmanager
def _serving(program: str) -> Iterator[int]:
    """The port of a server in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


def _p50(port: int, count: int = 1000) -> float:
    """The median seconds of one request after the other on one connection."""
    seconds = []
    with _connected(port) as connection:
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(REQUEST)
            _take(connection)
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def _per_request(port: int, connections: int = 16, count: int = 6000) -> float:
    """Seconds for one request when so many connections have one under way at any time."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = stack.enter_context(_connected(port))
            selector.register(connection, selectors.EVENT_READ)
        began = time.perf_counter()
        for key in list(selector.get_map().values()):
            key.fileobj.sendall(REQUEST)
        answered = 0
        while answered < count:
            for key, _ in selector.select():
                _take(key.fileobj)
                answered += 1
                key.fileobj.sendall(REQUEST)
        return (time.perf_counter() - began) / answered


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _take(connection: socket.socket) -> None:
    data = connection.recv(65536)
    while not data.endswith(BODY):
        data += connection.recv(65536)
    if not data.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the server answered {data[:200]!r}")


def gateway() -> Comparison:
    """The median time of an invocation that an echo answers."""
    with _serving(_GATEWAY) as ours, _serving(_BARE) as bare:
        return compare("gateway", lambda: _p50(ours), lambda: _p50(bare), bound=3.0, turns=5)


def gateway_at_16() -> Comparison:
    """The same with sixteen at a time: seconds for one, the inverse of the throughput."""
    with _serving(_GATEWAY) as ours, _serving(_BARE) as bare:
        return compare("gateway-16", lambda: _per_request(ours), lambda: _per_request(bare), bound=3.0, turns=5)


if __name__ == "__main__":
    found = [gateway(), gateway_at_16()]
    for comparison in found:
        print(comparison, flush=True)
    sys.exit(0 if all(comparison.holds for comparison in found) else 1)

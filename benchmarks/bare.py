"""The floors: what the same work takes with the `docker` client, a socket, `wrk` and `tar` alone."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

IMAGE = "smlocal/sklearn:latest"


def hand_made_tree(root: Path, iris: Path) -> Path:
    """/opt/ml as one would make it by hand."""
    for folder in ("input/config", "input/data/train", "model", "output"):
        (root / folder).mkdir(parents=True)
    (root / "input/data/train/iris.csv").write_bytes(iris.read_bytes())
    documents = {
        "hyperparameters.json": {},
        "inputdataconfig.json": {"train": {"TrainingInputMode": "File", "ContentType": "text/csv"}},
        "resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, document in documents.items():
        (root / "input/config" / name).write_text(json.dumps(document))
    return root


def train(tree: Path) -> None:
    """`docker run IMAGE train`."""
    command = ["docker", "run", "--rm", "-v", f"{tree}:/opt/ml", IMAGE, "train"]
    subprocess.run(command, check=True, capture_output=True)


def time_to_healthy(tree: Path) -> float:
    """Seconds from `docker run -d IMAGE serve` to the first ping that is 200; the container is removed."""
    name = f"smlocal-benchmark-{uuid.uuid4().hex[:8]}"
    began = time.perf_counter()
    command = ["docker", "run", "-d", "--name", name, "-v", f"{tree}/model:/opt/ml/model:ro", "-p", "127.0.0.1::8080"]
    subprocess.run([*command, IMAGE, "serve"], check=True, capture_output=True)
    try:
        printed = subprocess.run(["docker", "port", name, "8080"], check=True, capture_output=True, text=True).stdout
        port = int(printed.splitlines()[0].rpartition(":")[2])
        while not _pings(port):
            threading.Event().wait(0.02)
        return time.perf_counter() - began
    finally:
        subprocess.run(["docker", "rm", "-f", name], check=True, capture_output=True)


def _pings(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.settimeout(2)
            connection.sendall(b"GET /ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


def post_loop(port: int, body: bytes, count: int) -> None:
    """Requests one after the other on one kept-alive connection."""
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    request = head.encode() + body
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            connection.sendall(request)
            _read_answer(connection)


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    if found is None or b" 200 " not in head[:20]:
        raise RuntimeError(f"the model answered {head[:200]!r}")
    while len(body) < int(found[1]):
        body += connection.recv(65536)


def wrk_seconds_per_request(port: int, body: bytes, connections: int, folder: Path) -> float:
    """What `wrk` needs for one request, with so many connections at a time."""
    script = folder / "post.lua"
    text = body.decode()
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "text/csv"\nwrk.body = [[{text}]]\n', encoding="utf-8"
    )
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", "3s", "-s", str(script)]
    printed = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/invocations"], check=True, capture_output=True, text=True
    ).stdout
    if "Non-2xx" in printed:
        raise RuntimeError(printed)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", printed)
    if found is None:
        raise RuntimeError(printed)
    return 1 / float(found[1])


def tar_czf(folder: Path, target: Path) -> None:
    subprocess.run(["tar", "czf", str(target), "-C", str(folder), "."], check=True)

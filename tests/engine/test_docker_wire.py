"""What an engine may do on the wire and a real one rarely does: a peer of ours plays it."""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smlocal.engine.docker import DockerEngine
from smlocal.engine.interface import LogChunk
from smlocal.errors import EngineUnavailable

VERSION = b'{"ApiVersion": "1.41", "Version": "20.10"}'
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


class Peer(socketserver.ThreadingUnixStreamServer):
    """Serves `GET /version`, and plays something else to a connection that asks for anything else."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Conversation)
        self.address = f"unix://{path}"
        self.play: Callable[[socket.socket], None] = lambda connection: None


class Conversation(socketserver.BaseRequestHandler):
    server: Peer

    def handle(self) -> None:
        while b"/version" in (head := self.head()):
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(VERSION), VERSION)
            self.request.sendall(answer)
        if head:  # the client has not just gone
            self.server.play(self.request)

    def head(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.request.recv(65536)
            if not data:
                return b""
            head += data
        return head


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with Peer(tmp_path / "socket") as found:
        serving = threading.Thread(target=found.serve_forever, args=(0.05,))
        serving.start()
        yield found
        found.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({}, ""),
        ({"Descriptor": None}, ""),
        (
            {"Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json"}},
            "application/vnd.oci.image.index.v1+json",
        ),
    ],
    ids=["before API 1.48", "another store", "the containerd store"],
)
def test_an_engine_whose_store_keeps_manifests_tells_their_type(peer: Peer, kept: dict[str, object], told: str) -> None:
    answer = json.dumps({"Id": "sha256:0123", "Architecture": "amd64", **kept}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(answer)
    peer.play = lambda connection: connection.sendall(head + answer)
    engine = DockerEngine(peer.address)
    assert engine.image("algorithm").manifest_type == told
    engine.close()


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@pytest.mark.parametrize("cut", [0, 5, 13])
def test_output_that_comes_with_the_answers_head_is_not_lost(peer: Peer, cut: int) -> None:
    data = frame(1, b"early") + frame(2, b"late")

    def play(connection: socket.socket) -> None:
        connection.sendall(UPGRADED + data[:cut])
        connection.sendall(data[cut:])

    peer.play = play
    engine = DockerEngine(peer.address)
    stream = engine.attach("container")
    assert list(stream) == [LogChunk("stdout", b"early"), LogChunk("stderr", b"late")]
    stream.close()
    engine.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_an_engine_that_breaks_off_its_answer_is_away(peer: Peer, answer: bytes) -> None:
    peer.play = lambda connection: connection.sendall(answer)
    engine = DockerEngine(peer.address)
    with pytest.raises(EngineUnavailable, match="does not answer"):
        engine.state("container")
    engine.close()

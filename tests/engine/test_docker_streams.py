"""Frames of Docker's multiplexed stream: whatever way they are cut, they are joined as they were."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.engine.docker_streams import Frames, SocketLogStream, SocketPipe
from smlocal.engine.interface import LogChunk
from smlocal.errors import EngineError


class Response:
    """What the library holds open beside the socket."""

    closed = False

    def close(self) -> None:
        self.closed = True


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@given(
    frames=st.lists(st.tuples(st.integers(1, 2), st.binary(max_size=300)), max_size=8),
    early=st.integers(0, 400),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=5),
)
def test_frames_cut_anywhere_are_joined(frames: list[tuple[int, bytes]], early: int, cuts: list[int]) -> None:
    data = b"".join(frame(*item) for item in frames)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        rest = memoryview(data)[early:]
        while rest:
            for cut in cuts:
                theirs.sendall(rest[:cut])
                rest = rest[cut:]
        theirs.shutdown(socket.SHUT_WR)
        reader = Frames(ours, data[:early])
        assert list(iter(reader.next, None)) == frames


def test_a_log_stream_tells_the_streams_apart(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(frame(2, b"bad") + frame(0, b"odd"))
    theirs.shutdown(socket.SHUT_WR)
    response = Response()
    stream = SocketLogStream(ours, frame(1, b"early"), response)
    assert list(stream) == [LogChunk("stdout", b"early"), LogChunk("stderr", b"bad"), LogChunk("stdout", b"odd")]
    stream.close()
    assert response.closed


def test_a_frame_that_is_cut_off_is_an_error(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(frame(1, b"whole") + frame(1, b"half")[:-2])
    theirs.close()
    stream = iter(SocketLogStream(ours, b"", Response()))
    assert next(stream).data == b"whole"
    with pytest.raises(EngineError, match="middle of a frame"):
        next(stream)


def test_a_connection_that_is_reset_between_frames_is_an_error_and_no_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        theirs.sendall(frame(1, b"whole"))
        stream = iter(SocketLogStream(ours, b"", Response()))
        assert next(stream).data == b"whole"
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by a reset
        theirs.close()
        with pytest.raises(EngineError, match="broke while output was read"):
            next(stream)


def test_closing_a_stream_ends_its_reader(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(frame(1, b"one"))
    stream = SocketLogStream(ours, b"", Response())
    read: list[bytes] = []
    first = threading.Event()

    def reading() -> None:
        for chunk in stream:
            read.append(chunk.data)
            first.set()

    reader = threading.Thread(target=reading)
    reader.start()
    assert first.wait(5)
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert read == [b"one"]


def test_a_pipe_gives_standard_output_only(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(frame(2, b"complaint") + frame(1, b"") + frame(1, b"answer"))
    theirs.shutdown(socket.SHUT_WR)
    pipe = SocketPipe(ours, b"", Response())
    pipe.send(b"question")
    pipe.close_sending()
    assert (pipe.receive(), pipe.receive()) == (b"answer", b"")
    assert theirs.recv(100) + theirs.recv(100) == b"question"
    pipe.close()


def test_a_pipe_whose_process_is_gone_takes_no_more(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.close()
    pipe = SocketPipe(ours, b"", Response())
    with pytest.raises(EngineError, match="no more input"):
        pipe.send(b"x" * 1_000_000)

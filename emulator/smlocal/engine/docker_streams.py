"""A container's output and a process's two-way stream, as Docker's API multiplexes them on one socket.

Source: Docker Engine API, "Attach to a container", stream format: 8 bytes of header (stream, 0, 0, 0, length as
big-endian unsigned 32 bits), then the payload.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Protocol

from smlocal.engine.interface import LogChunk
from smlocal.errors import EngineError

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_READ = 256 * 1024


class Closeable(Protocol):
    def close(self) -> None: ...


class Frames:
    """Frames from a socket, `early` having arrived already; keeps what a read brought beyond the frame."""

    def __init__(self, connection: socket.socket, early: bytes = b"") -> None:
        self._connection = connection
        self._buffer = bytearray(early)
        self.closed = False  # by us: what a read says then is the end

    def next(self) -> tuple[int, bytes] | None:
        """The next (stream, payload), or None at the end. A cut frame or a lost connection raises EngineError."""
        header = self._take(_HEADER.size)
        if header is None:
            return None
        stream, length = _HEADER.unpack(header)
        payload = self._take(length)
        if payload is None:
            if self.closed:
                return None
            raise EngineError("the engine broke off the container's output in the middle of a frame")
        return stream, payload

    def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            data = self._receive()
            if not data:
                return None
            self._buffer += data
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(_READ)
        except (OSError, ValueError) as error:
            if self.closed:
                return b""
            raise EngineError(f"the connection to the engine broke while output was read: {error}") from error


class SocketLogStream:
    """The output of one container from the moment of attaching."""

    def __init__(self, connection: socket.socket, early: bytes, response: Closeable) -> None:
        self._connection = connection
        self._frames = Frames(connection, early)
        self._response = response

    def __iter__(self) -> Iterator[LogChunk]:
        while (frame := self._frames.next()) is not None:
            stream, payload = frame
            yield LogChunk("stderr" if stream == _STDERR else "stdout", payload)

    def close(self) -> None:
        self._frames.closed = True
        _shut(self._connection, self._response)


class SocketPipe:
    """Standard input and output of a process that the engine runs in a container."""

    def __init__(self, connection: socket.socket, early: bytes, response: Closeable) -> None:
        self._connection = connection
        self._response = response
        self._frames = Frames(connection, early)

    def send(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise EngineError(f"the process in the container takes no more input: {error}") from error

    def receive(self) -> bytes:
        while (frame := self._frames.next()) is not None:
            stream, payload = frame
            if stream != _STDERR and payload:
                return payload
        return b""

    def close_sending(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._frames.closed = True
        _shut(self._connection, self._response)


def _shut(connection: socket.socket, response: Closeable) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
    response.close()

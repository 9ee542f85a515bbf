"""An engine behind TLS, as a Unix socket of ours: whatever talks to it need not know of TLS.

The streams of a container's output and of commands in it are read and written by two threads at once, and end one way
before the other. Python's TLS sockets can do neither: OpenSSL's connections are not for two threads, and `unwrap` of a
socket loses what is still on its way. Here one thread carries each connection, by TLS in memory.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import ssl
import tempfile
import threading
from pathlib import Path

_READ = 64 * 1024
_MOST = 1024 * 1024  # bytes held of one direction
_CONNECTING = 60.0  # seconds
_BROKEN = select.POLLHUP | select.POLLERR | select.POLLNVAL  # told whether it was wanted or not: the next call raises
_COMES, _GOES = select.POLLIN | _BROKEN, select.POLLOUT | _BROKEN


class TlsDoor:
    """A socket at `path` that leads to the engine at host and port. Raises OSError when that does not answer, and
    ssl.SSLError (an OSError) when it is not the one that it should be."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        self._address, self._context = (host, port), context
        _Line(self._address, context).close()
        self._folder = Path(tempfile.mkdtemp(prefix="smlocal-engine-"))
        self.path = self._folder / "socket"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(128)
        threading.Thread(target=self._accept, name="engine over TLS", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), name="engine over TLS", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        """An engine that is gone is a closed connection to the caller."""
        with caller, contextlib.suppress(OSError):
            line = _Line(self._address, self._context)
            try:
                line.carry(caller)
            finally:
                line.close()


class _Line:
    """One connection to the engine, its handshake made."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=address[0])
        self._wire = socket.create_connection(address, _CONNECTING)
        self._to_wire, self._to_caller = bytearray(), bytearray()
        self._ended = False  # by the engine
        try:
            self._shake_hands()
        except BaseException:
            self._wire.close()
            raise

    def close(self) -> None:
        self._wire.close()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._wire.sendall(self._outgoing.read())
                self._feed(self._wire.recv(_READ))
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._wire.sendall(self._outgoing.read())  # the alert that tells the engine why
                raise
            else:
                self._wire.sendall(self._outgoing.read())
                return

    def carry(self, caller: socket.socket) -> None:
        """Both ways until the engine ends its own; the caller's end is told to it. Raises OSError."""
        self._wire.setblocking(False)
        caller.setblocking(False)
        listening, ending = True, False
        while True:
            self._decrypt()
            if ending and not self._ended:  # and all that came is decrypted, or `unwrap` would fail on the rest of it
                ending = False
                with contextlib.suppress(ssl.SSLWantReadError):  # what the engine still has to say comes later
                    self._tls.unwrap()
            self._to_wire += self._outgoing.read()
            if self._ended and not self._to_caller:
                return
            readable, writable = self._wait(caller, listening)
            if caller in readable:
                data = caller.recv(_READ)
                listening, ending = bool(data), not data
                if data:
                    self._tls.write(data)
            if self._wire in readable:
                self._feed(self._wire.recv(_READ))
            _send(caller, self._to_caller, writable)
            _send(self._wire, self._to_wire, writable)

    def _wait(self, caller: socket.socket, listening: bool) -> tuple[list[socket.socket], list[socket.socket]]:
        """Who has something, and who takes something. No more is read of one side than the other takes."""
        wanted = {caller: 0, self._wire: 0}
        if listening and len(self._to_wire) < _MOST:
            wanted[caller] |= select.POLLIN
        if not self._ended and len(self._to_caller) < _MOST:
            wanted[self._wire] |= select.POLLIN
        for end, data in ((caller, self._to_caller), (self._wire, self._to_wire)):
            wanted[end] |= select.POLLOUT if data else 0
        ready = _poll({end: events for end, events in wanted.items() if events})
        readable = [end for end, events in ready.items() if wanted[end] & select.POLLIN and events & _COMES]
        writable = [end for end, events in ready.items() if wanted[end] & select.POLLOUT and events & _GOES]
        return readable, writable

    def _feed(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _decrypt(self) -> None:
        """Decrypt all that has come. An end that the engine did not announce is an error."""
        while not self._ended:
            try:
                data = self._tls.read(_READ)
            except ssl.SSLWantReadError:
                return
            except ssl.SSLZeroReturnError:
                data = b""
            self._to_caller += data
            self._ended = not data


def _poll(wanted: dict[socket.socket, int]) -> dict[socket.socket, int]:
    """What has happened to which; `select` knows no descriptor from 1024 on."""
    poll = select.poll()
    for end, events in wanted.items():
        poll.register(end, events)
    ends = {end.fileno(): end for end in wanted}
    return {ends[number]: events for number, events in poll.poll()}


def _send(target: socket.socket, data: bytearray, writable: list[socket.socket]) -> None:
    if target in writable:
        del data[: target.send(data[:_READ])]

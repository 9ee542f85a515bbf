"""Where the server in a container listens, as its kernel tells.

A server on 127.0.0.1 or on another port looks from outside as if there were none; this tells them apart. It needs a
`cat` in the image: without one nothing is known.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Protocol

from smlocal.engine.interface import Pipe
from smlocal.errors import SmlocalError

_LISTEN = "0A"
_MOST = 1024 * 1024  # bytes of the tables that are read


class _Container(Protocol):
    def open_pipe(self, argv: tuple[str, ...]) -> Pipe: ...


def listening_addresses(container: _Container) -> tuple[str, ...] | None:
    """Where programs in a running container listen: "0.0.0.0:8080", "[::]:8080". None when it cannot be found out."""
    table = bytearray()
    try:
        pipe = container.open_pipe(("cat", "/proc/net/tcp", "/proc/net/tcp6"))
        try:
            while len(table) < _MOST and (data := pipe.receive()):
                table += data
        finally:
            pipe.close()
    except SmlocalError:
        return None
    text = table.decode("ascii", "replace")
    return tuple(sorted(set(parsed(text)))) if "local_address" in text else None


def parsed(table: str) -> Iterator[str]:
    """The listening addresses of /proc/net/tcp and tcp6; addresses are words in the byte order of the machine."""
    for line in table.splitlines():
        columns = line.split()
        if len(columns) < 4 or columns[3] != _LISTEN:
            continue
        address, _, port = columns[1].rpartition(":")
        if len(address) == 8:
            yield f"{ipaddress.IPv4Address(_network_order(address))}:{int(port, 16)}"
        elif len(address) == 32:
            yield f"[{ipaddress.IPv6Address(_network_order(address))}]:{int(port, 16)}"


def _network_order(words: str) -> bytes:
    raw = bytes.fromhex(words)
    return b"".join(struct.pack(">I", word) for word in struct.unpack(f"<{len(raw) // 4}I", raw))


def is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    found = ipaddress.ip_address(host)
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])

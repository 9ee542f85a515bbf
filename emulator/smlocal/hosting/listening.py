"""Where the server in a container listens, as its kernel tells.

A server on 127.0.0.1 or on another port looks from outside as if there were none; this tells them apart. It needs a
`cat` in the image: without one nothing is known.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Protocol

from smlocal.engine.interface import Pipe
from smlocal.errors import SmlocalError

# number, local address, remote address, and the state LISTEN
_LINE = re.compile(r"\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ 0A\b", re.ASCII)
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
    """The listening addresses of /proc/net/tcp and tcp6, those of IPv4 in IPv6 as IPv4."""
    for line in table.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        packed, port = _network_order(found[1]), int(found[2], 16)
        if len(packed) == 4:
            yield f"{ipaddress.IPv4Address(packed)}:{port}"
        else:
            address = ipaddress.IPv6Address(packed)
            yield f"{address.ipv4_mapped}:{port}" if address.ipv4_mapped else f"[{address}]:{port}"


def _network_order(words: str) -> bytes:
    """Addresses are printed as words in the byte order of the machine."""
    raw = bytes.fromhex(words)
    return b"".join(struct.pack(">I", word) for word in struct.unpack(f"<{len(raw) // 4}I", raw))


def is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).is_loopback


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def on_loopback_only(addresses: Sequence[str], port: int) -> bool:
    """Whether the port that is called is taken, on loopback alone: nobody outside will reach what listens there."""
    right = [address for address in addresses if port_of(address) == port]
    return bool(right) and all(is_loopback(address) for address in right)

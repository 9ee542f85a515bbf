"""Reading /proc/net/tcp of a container."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.hosting.listening import is_loopback, on_loopback_only, parsed, port_of

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REAL = (
    HEADER
    + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    + "   1: 020011AC:1F90 010011AC:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n"
    + HEADER
    + "   0: 00000000000000000000000000000000:1388 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 3 1 0 100\n"
    + "   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 3 1 0 100\n"
)


def test_listening_sockets_are_read_and_connections_are_not() -> None:
    assert list(parsed(REAL)) == ["127.0.0.1:8080", "[::]:5000", "127.0.0.1:80"]


@pytest.mark.parametrize(
    ("address", "loopback", "port"),
    [
        ("127.0.0.1:8080", True, 8080),
        ("0.0.0.0:80", False, 80),
        ("[::1]:1", True, 1),
        ("[::]:8080", False, 8080),
        ("172.17.0.2:8080", False, 8080),
    ],
)
def test_what_only_the_container_itself_reaches(address: str, loopback: bool, port: int) -> None:
    assert is_loopback(address) is loopback
    assert port_of(address) == port


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_address_is_read_as_the_kernel_means_it(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    packed = address.packed
    words = "".join(packed[start : start + 4][::-1].hex().upper() for start in range(0, len(packed), 4))
    found = list(parsed(f"{HEADER}  0: {words}:{port:04X} 0:0 0A\n"))
    host, _, number = found[0].rpartition(":")
    assert ipaddress.ip_address(host.strip("[]")) == (getattr(address, "ipv4_mapped", None) or address)
    assert int(number) == port


@given(st.text(st.sampled_from("0123456789ABCDEFGx: \n"), max_size=60).map(lambda text: f"0: {text} 0A 0:0 0A"))
def test_other_text_is_no_fault(text: str) -> None:
    for found in parsed(text):
        assert port_of(found) >= 0


@pytest.mark.parametrize(
    ("addresses", "port", "expected"),
    [
        (("127.0.0.1:8080",), 8080, True),
        (("127.0.0.1:8080", "[::1]:8080", "0.0.0.0:5000"), 8080, True),
        (("127.0.0.1:8080", "0.0.0.0:8080"), 8080, False),
        (("127.0.0.1:8080",), 18080, False),  # a helper's port, when another one is called
        (("127.0.0.11:40000",), 8080, False),
        ((), 8080, False),
    ],
)
def test_a_port_that_is_taken_on_loopback_alone(addresses: tuple[str, ...], port: int, expected: bool) -> None:
    assert on_loopback_only(addresses, port) is expected

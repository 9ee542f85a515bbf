"""Through which proxy a request goes."""

from __future__ import annotations

import pytest

from smlocal.errors import NotSupported
from smlocal.outbound import Outbound, is_loopback

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("excepted", "url", "goes"),
    [
        ("", "https://registry.example/v2/", True),
        ("", "http://registry.example/v2/", False),
        ("*", "https://registry.example/v2/", False),
        ("example", "https://registry.example/v2/", False),
        (".example", "https://registry.example/v2/", False),
        ("other, REGISTRY.example", "https://registry.example:5000/v2/", False),
        ("registry.example:5000", "https://registry.example:5000/v2/", False),
        ("registry.example:5000", "https://registry.example/v2/", True),
        ("xample", "https://registry.example/v2/", True),
        ("10.0.0.0/8", "https://10.1.2.3/v2/", False),
        ("10.0.0.0/8", "https://11.1.2.3/v2/", True),
        ("1.2.3", "https://0.1.2.3/v2/", True),
        ("fd00::/8", "https://[fd00::1]:5000/v2/", False),
        ("nonsense/x, ,:", "https://10.1.2.3/v2/", True),
        ("", "https://localhost:5000/v2/", False),
        ("", "https://127.1.2.3/v2/", False),
        ("", "https://[::1]/v2/", False),
    ],
)
def test_a_proxy_is_used_unless_the_host_is_excepted_or_this_machine(excepted: str, url: str, goes: bool) -> None:
    outbound = Outbound({"HTTPS_PROXY": PROXY, "NO_PROXY": excepted})
    assert outbound.proxy(url) == (PROXY if goes else None)


def test_a_proxy_without_a_scheme_is_an_http_proxy_and_another_kind_is_refused() -> None:
    assert Outbound({"https_proxy": "proxy.example:3128"}).proxy("https://registry.example/") == PROXY
    with pytest.raises(NotSupported, match="socks5"):
        Outbound({"ALL_PROXY": "socks5://proxy.example"}).proxy("https://registry.example/")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_loopback_is_known_by_name(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "localhost.example", "127.0.0.1.example", "10.0.0.1", "0x7f.1", "registry.example"]
)
def test_anything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)

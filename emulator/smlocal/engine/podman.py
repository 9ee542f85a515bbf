"""Where Podman's Docker API falls short of Docker's, and what is done about it.

Source of each: observed on Podman 4.3.1 (Debian 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_API = "/v4.0.0/libpod"


def create_isolated_network(api: Any, name: str, labels: Mapping[str, str]) -> None:
    """An internal bridge without the host on it.

    By Docker's API the bridge has the host's address and a resolver on it that answers for the whole internet, internal
    or not; Podman's own API can leave both out. Raises the docker library's exceptions.
    """
    body = {"name": name, "driver": "bridge", "internal": True, "dns_enabled": False, "labels": dict(labels)}
    # The library has no public way to an address beside Docker's own API.
    response = api._post_json(f"{api.base_url}{_API}/networks/create", data=body)
    api._raise_for_status(response)


def adapt(config: dict[str, Any]) -> dict[str, Any]:
    """The body of `POST /containers/create` such that Podman makes of it what Docker does.

    Docker gives a container of an IPv4 network no IPv6; Podman leaves it a link-local address, by which it reaches
    the host over any bridge.
    """
    host = {**config["HostConfig"], "Sysctls": {"net.ipv6.conf.all.disable_ipv6": "1"}}
    return {**config, "HostConfig": host}


def start_failure(text: str) -> str | None:
    """The words of a program that could not be started, when they come at attaching: Podman prepares it there."""
    before, separator, words = text.partition(" for attach: ")
    return words if separator and "preparing container" in before else None

"""Where Podman's Docker API falls short of Docker's, and what is done about it.

Source of each: observed on Podman 4.3.1 (Debian 12).
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from smlocal.engine.docker_archive import member_bytes
from smlocal.streams import reader_of

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


def manifest_type(api: Any, reference: str) -> str:
    """The media type of the manifest that Podman keeps of an image; its answers in Docker's way do not tell it.

    Raises the docker library's exceptions.
    """
    response = api._get(f"{api.base_url}{_API}/images/{quote(reference, safe='')}/json")
    api._raise_for_status(response)
    return str(response.json().get("ManifestType") or "")


def start_failure(text: str) -> str | None:
    """The words of a program that could not be started, when they come at attaching: Podman prepares it there."""
    before, separator, words = text.partition(" for attach: ")
    return words if separator and "preparing container" in before else None


def put_archive(api: Any, container: str, path: str, chunks: Iterable[bytes]) -> None:
    """Unpack a tar stream at `path`, members that lie in a volume into that volume.

    Podman does not mount a created container's volumes for this: what lies in one would land below it, unseen. So the
    stream is cut where it passes from one volume to another; nothing of it is held. Raises the library's exceptions.
    """
    top = PurePosixPath(path)
    volumes = [PurePosixPath(mount["Destination"]) for mount in api.inspect_container(container)["Mounts"]]
    below = [volume for volume in volumes if volume != top and volume.is_relative_to(top)]
    if not below:
        api.put_archive(container, path, iter(chunks))
        return
    with reader_of(chunks) as source, tarfile.open(fileobj=source, mode="r|") as archive:
        placed = ((_place(top / member.name, below, top), member) for member in archive)
        for place, group in groupby(placed, key=lambda item: item[0]):
            api.put_archive(container, str(place), _moved(archive, (member for _, member in group), top, place))


def _place(path: PurePosixPath, volumes: list[PurePosixPath], otherwise: PurePosixPath) -> PurePosixPath:
    """The innermost volume that a path lies in."""
    holding = [volume for volume in volumes if path.is_relative_to(volume)]
    return max(holding, key=lambda volume: len(volume.parts), default=otherwise)


def _moved(
    archive: tarfile.TarFile, members: Iterable[tarfile.TarInfo], top: PurePosixPath, place: PurePosixPath
) -> Iterator[bytes]:
    """Members of an archive for `top` as an archive for `place`."""
    for member in members:
        member.name = str((top / member.name).relative_to(place))
        if member.islnk():
            member.linkname = str((top / member.linkname).relative_to(place))
        yield from member_bytes(archive, member)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)

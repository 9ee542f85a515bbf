"""Archives as engines save them, made of the same image."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from smlocal.engine.scripted_saving import layer_of
from smlocal.registry.interface import OCI_INDEX, OCI_MANIFEST, digest_of

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYERS = tuple(layer_of({f"/file{number}": bytes([number]) * 3_000}) for number in range(3))


@dataclass(frozen=True)
class Member:
    """A member of an archive: a file, or a link when `link` says where to."""

    name: str
    content: bytes = b""
    link: str = ""
    type: bytes = tarfile.REGTYPE


def tar_of(members: Iterable[Member]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type = tarfile.SYMTYPE if member.link and member.type == tarfile.REGTYPE else member.type
            info.linkname = member.link
            info.size = len(member.content) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(member.content))
    return target.getvalue()


def config_of(layers: Iterable[bytes] = LAYERS) -> bytes:
    diff_ids = [digest_of(layer) for layer in layers]
    return _json({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}})


def classic(layers: tuple[bytes, ...] = LAYERS) -> list[Member]:
    """Docker's classic store before version 25: a layer that comes again is a symbolic link."""
    members: list[Member] = []
    first: dict[bytes, str] = {}
    names = []
    for number, layer in enumerate(layers):
        name = f"{number:064x}/layer.tar"
        names.append(name)
        members += [Member(f"{number:064x}/VERSION", b"1.0"), Member(f"{number:064x}/json", b'{"id":"x"}')]
        if layer in first:
            members.append(Member(name, link=f"../{first[layer]}"))
        else:
            first[layer] = name
            members.append(Member(name, layer))
    config = config_of(layers)
    manifest = _json([{"Config": f"{digest_of(config)[7:]}.json", "RepoTags": None, "Layers": names}])
    return [*members, Member(f"{digest_of(config)[7:]}.json", config), Member("manifest.json", manifest)]


def podman(layers: tuple[bytes, ...] = LAYERS) -> list[Member]:
    """Podman's docker-archive: layers by their digest, and links to them in the place of Docker's."""
    members = [Member(f"{digest_of(layer)[7:]}.tar", layer) for layer in layers]
    for number, layer in enumerate(layers):
        members.append(Member(f"{number:064x}/layer.tar", link=f"../{digest_of(layer)[7:]}.tar"))
    config = config_of(layers)
    names = [f"{digest_of(layer)[7:]}.tar" for layer in layers]
    manifest = _json([{"Config": f"{digest_of(config)[7:]}.json", "RepoTags": [], "Layers": names}])
    return [*members, Member(f"{digest_of(config)[7:]}.json", config), Member("manifest.json", manifest)]


@dataclass(frozen=True)
class Oci:
    """An OCI layout in a tar, and the digests of what is in it."""

    members: list[Member]
    config: str
    manifest: str
    index: str


def oci(
    layers: tuple[bytes, ...] = LAYERS, *, compress: bool = True, attested: bool = False, layer_type: str = ""
) -> Oci:
    """As Docker's containerd store saves it, with gzip'd layers; else as its classic store does since 25."""
    blobs = [gzip.compress(layer, 1, mtime=0) if compress else layer for layer in layers]
    kind = layer_type or OCI_LAYER + ("+gzip" if compress else "")
    config = config_of(layers)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _entry(OCI_CONFIG, config),
            "layers": [_entry(kind, blob) for blob in blobs],
        }
    )
    entries = [{**_entry(OCI_MANIFEST, manifest), "platform": {"os": "linux", "architecture": "amd64"}}]
    extra: list[bytes] = []
    if attested:
        statement = _json({"_type": "https://in-toto.io/Statement/v0.1"})
        extra = [statement, _json({"schemaVersion": 2, "config": _entry(OCI_CONFIG, b"{}"), "layers": []}), b"{}"]
        entries.append(
            {
                **_entry(OCI_MANIFEST, extra[1]),
                "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
                "platform": {"os": "linux", "architecture": "amd64"},  # as buildkit's never is; the annotation counts
            }
        )
    index = _json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    top = _json({"schemaVersion": 2, "manifests": [_entry(OCI_INDEX, index)]})
    members = [Member("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), Member("index.json", top)]
    for blob in (*blobs, config, manifest, index, *extra):
        members.append(Member(f"blobs/sha256/{digest_of(blob)[7:]}", blob))
    return Oci(members, digest_of(config), digest_of(manifest), digest_of(index))


def _entry(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()

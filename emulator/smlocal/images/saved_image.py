"""What an engine saved of an image, read once from front to back: documents by their digests, layers into files.

The archive of Docker's classic store, its OCI layout (Docker 25 and later, the containerd image store) and Podman's
archive differ in names and order alone, and neither is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from smlocal.engine.interface import ImageFacts
from smlocal.errors import BrokenArchive, NotSupported
from smlocal.images.image_config import ImageConfig, read_config
from smlocal.images.layer_files import LayerFiles
from smlocal.registry.interface import digest_of
from smlocal.settings import MEBIBYTE
from smlocal.tarstream import Member, members

LONGEST_DOCUMENT = 4 * MEBIBYTE  # of a manifest or a configuration; what registries take (OCI distribution)
_ALL_DOCUMENTS = 64 * MEBIBYTE
_MOST_MEMBERS = 20_000
_DEEPEST = 4  # an index, an index within, a manifest, a configuration
_JSON = (b"{", b"[")
_USTAR = slice(257, 262)
_FOREIGN = ("foreign", "nondistributable")
_ATTESTATION = "vnd.docker.reference.type"


@dataclass
class SavedImage:
    """The documents of an archive by their digest."""

    documents: dict[str, bytes] = field(default_factory=dict)

    def config(self, facts: ImageFacts) -> ImageConfig:
        """The configuration of the image with that id. Raises BrokenArchive, NotSupported."""
        content = self._document(facts.id)
        for _ in range(_DEEPEST):
            document = _parsed(content)
            if "manifests" in document:
                content = self._document(_of_platform(document, facts))
            elif "config" in document and "layers" in document:
                _check_types(_dicts(document["layers"]))
                content = self._document(_digest(document["config"]))
            else:
                break
        return read_config(content)

    def check_sources(self) -> None:
        """Raises NotSupported for layers that must not be published: Docker lists where those come from."""
        for content in self.documents.values():
            try:
                entries = json.loads(content)
            except (ValueError, RecursionError):
                continue
            for entry in _dicts(entries):
                sources = entry.get("LayerSources")
                _check_types(_dicts(list(sources.values()) if isinstance(sources, dict) else []))

    def _document(self, digest: str) -> bytes:
        if digest not in self.documents:
            raise BrokenArchive(f"it holds no document with the digest {digest}, which the image's id is or leads to")
        return self.documents[digest]


def read_saved(tar: BinaryIO, files: LayerFiles, enough: str | None = None) -> SavedImage:
    """Read an archive; what may be a layer goes to `files`. With `enough`, no further than the configuration that has
    this digest. Raises BrokenArchive, DiskFull, NotSupported, and exceptions of `tar`."""
    saved, total, number = SavedImage(), 0, 0
    for member in members(tar):
        number += 1
        if number > _MOST_MEMBERS:
            raise BrokenArchive(f"it has more than {_MOST_MEMBERS:,} members")
        if member.kind != "file" or not member.size:
            continue
        content = _document(member, files)
        if content is None:
            continue
        total += len(content)
        if total > _ALL_DOCUMENTS:
            raise BrokenArchive(f"its documents have more than {_ALL_DOCUMENTS:,} bytes")
        digest = digest_of(content)
        saved.documents[digest] = content
        if digest == enough and "rootfs" in _parsed(content):
            break
    saved.check_sources()
    return saved


def _document(member: Member, files: LayerFiles) -> bytes | None:
    """The bytes of what looks like JSON; anything else, and JSON longer than any document, may be a layer."""
    chunks = member.chunks()
    first = next(chunks, b"")
    if not first.startswith(_JSON) or first[_USTAR] == b"ustar" or member.size > LONGEST_DOCUMENT:
        files.take(_again(first, chunks), member.size)
        return None
    return b"".join(_again(first, chunks))


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _of_platform(index: dict[str, Any], facts: ImageFacts) -> str:
    """The digest of the one manifest of an index that is for the platform that the engine says the image has; an
    attestation is none (Source: buildkit's documentation, attestation storage)."""
    found = []
    for entry in _dicts(index["manifests"]):
        platform = entry.get("platform") or {}
        noted = entry.get("annotations") or {}
        if not isinstance(platform, dict) or not isinstance(noted, dict) or _ATTESTATION in noted:
            continue
        if platform.get("os") == facts.operating_system and platform.get("architecture") == facts.architecture:
            found.append(_digest(entry))
    if len(found) != 1:
        wanted = f"{facts.operating_system}/{facts.architecture}"
        raise NotSupported(
            f"the image is an index with {len(found)} manifests for {wanted}, and one is published: build it for one"
            f" platform (--platform {wanted} --provenance=false)"
        )
    return found[0]


def _check_types(layers: list[dict[str, Any]]) -> None:
    for layer in layers:
        kind = str(layer.get("mediaType") or layer.get("MediaType") or "")
        if any(word in kind for word in _FOREIGN):
            raise NotSupported(
                f"the image has a layer of the type {kind}, which its maker lets nobody else publish: SageMaker runs no"
                " image with such layers"
            )


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BrokenArchive("a document in it is no JSON") from error
    if not isinstance(document, dict):
        raise BrokenArchive("a document in it is of an unknown kind")
    return document


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _digest(descriptor: Any) -> str:
    found = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(found, str):
        raise BrokenArchive("a document in it names something without a digest")
    return found

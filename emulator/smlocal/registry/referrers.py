"""What is attached to a manifest, where the registry keeps no list of its own: an index under a tag made of the digest.

Source: the OCI distribution specification 1.1, "Referrers Tag Schema".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from smlocal.errors import RegistryError
from smlocal.registry.interface import OCI_INDEX, Descriptor, Manifest

_EMPTY: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}


def referrers_tag(subject: str) -> str:
    """The tag that stands for the digest `subject`."""
    return subject.replace(":", "-", 1)


def subject_of(manifest: Manifest) -> str | None:
    """The digest that a manifest is attached to."""
    subject = _json(manifest.content).get("subject")
    digest = subject.get("digest") if isinstance(subject, Mapping) else None
    return digest if isinstance(digest, str) else None


def check_subject(manifest: Manifest, subject: str) -> None:
    """Raises RegistryError for a manifest that is not attached to `subject`: nobody would find it there."""
    if subject_of(manifest) != subject:
        raise RegistryError(f"the manifest {manifest.digest} does not name {subject} as its subject")


def listed(index: bytes) -> tuple[Descriptor, ...]:
    """The descriptors of an index. Raises RegistryError for what is none."""
    return tuple(_descriptors(index))


def with_referrer(index: Manifest | None, manifest: Manifest) -> Manifest | None:
    """The index with `manifest` in it too; None when it is there already. Raises RegistryError for what is no index."""
    content = _EMPTY if index is None else _json(index.content)
    if index is not None and any(item.digest == manifest.digest for item in _descriptors(index.content)):
        return None
    entries = [*content["manifests"], _entry(manifest)]
    return Manifest(OCI_INDEX, json.dumps({**content, "manifests": entries}).encode())


def _entry(manifest: Manifest) -> dict[str, Any]:
    """As the specification has it: the type of what is attached and its annotations stand in the index too."""
    content = _json(manifest.content)
    config = content.get("config")
    kind = content.get("artifactType") or (config.get("mediaType") if isinstance(config, Mapping) else None)
    entry = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.content)}
    return {**entry, "artifactType": kind, "annotations": content.get("annotations", {})} if kind else entry


def _descriptors(index: bytes) -> Iterator[Descriptor]:
    entries = _json(index).get("manifests")
    if not isinstance(entries, list):
        raise RegistryError("the registry's list of what is attached is no OCI index")
    for entry in entries:
        try:
            media_type, digest, size = entry["mediaType"], entry["digest"], entry["size"]
        except (KeyError, TypeError) as error:
            raise RegistryError("the registry's list of what is attached has an entry that is no descriptor") from error
        if not (isinstance(media_type, str) and isinstance(digest, str) and isinstance(size, int)):
            raise RegistryError("the registry's list of what is attached has an entry that is no descriptor")
        yield Descriptor(media_type, digest, size)


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RegistryError("what should be a manifest is not JSON") from error
    if not isinstance(found, dict):
        raise RegistryError("what should be a manifest is not a JSON object")
    return found

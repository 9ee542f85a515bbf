"""Images as small as they can be."""

from __future__ import annotations

import gzip
import io
import json
import os
from dataclasses import dataclass

from smlocal.registry.interface import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    Repository,
    digest_of,
)

EMPTY = b"{}"


@dataclass(frozen=True)
class Sample:
    """One image: its manifest and its blobs."""

    manifest: Manifest
    blobs: tuple[tuple[Descriptor, bytes], ...]

    def push_blobs(self, repository: Repository) -> None:
        for blob, content in self.blobs:
            repository.push_blob(blob, lambda content=content: io.BytesIO(content))  # type: ignore[misc]


def blob_of(content: bytes, media_type: str = DOCKER_LAYER) -> Descriptor:
    return Descriptor(media_type, digest_of(content), len(content))


def sample(size: int = 1000) -> Sample:
    """An image of its own each time, with one layer of at least `size` random bytes."""
    layer = gzip.compress(os.urandom(size), 0)
    config = json.dumps({"architecture": "amd64", "os": "linux", "id": os.urandom(8).hex()}).encode()
    parts = (blob_of(config, DOCKER_CONFIG), blob_of(layer))
    content = json.dumps(
        {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": _json(parts[0]), "layers": [_json(parts[1])]},
        indent=3,  # as Docker writes it: the digest is that of exactly these bytes
    ).encode()
    return Sample(Manifest(DOCKER_MANIFEST, content), ((parts[0], config), (parts[1], layer)))


def attachment(subject: Manifest, kind: str = "application/vnd.in-toto+json") -> Sample:
    """Something to attach to `subject`."""
    payload = os.urandom(20)
    config, layer = blob_of(EMPTY, "application/vnd.oci.empty.v1+json"), blob_of(payload, kind)
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": _json(config),
        "layers": [_json(layer)],
        "subject": _json(Descriptor(subject.media_type, subject.digest, len(subject.content))),
        "annotations": {"made": "by a test"},
    }
    return Sample(Manifest(OCI_MANIFEST, json.dumps(content).encode()), ((config, EMPTY), (layer, payload)))


def _json(blob: Descriptor) -> dict[str, object]:
    return {"mediaType": blob.media_type, "size": blob.size, "digest": blob.digest}

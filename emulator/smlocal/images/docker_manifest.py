"""The manifest under which an image is published: Docker's, version 2 schema 2, of one platform.

Source: distribution project, "Image Manifest Version 2, Schema 2". SageMaker's CreateModel takes no other (rule SM102).
"""

from __future__ import annotations

import json

from smlocal.images.export import ExportedImage
from smlocal.registry.interface import DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor, Manifest, digest_of


def config_descriptor(image: ExportedImage) -> Descriptor:
    return Descriptor(DOCKER_CONFIG, digest_of(image.config), len(image.config))


def docker_manifest(image: ExportedImage) -> Manifest:
    """The same image and the same compressed layers give the same bytes: keys in order, no white space."""
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _entry(config_descriptor(image)),
        "layers": [_entry(layer.blob) for layer in image.layers],
    }
    return Manifest(DOCKER_MANIFEST, json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def _entry(blob: Descriptor) -> dict[str, object]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}

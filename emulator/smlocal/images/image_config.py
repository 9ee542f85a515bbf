"""The configuration of an image: the document that says what its layers are.

Source: OCI image specification, config; Docker image specification v1.2. Both write the same members.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from smlocal.errors import BrokenArchive, NotSupported

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MOST_LAYERS = 1024  # Docker's own limit is 125


@dataclass(frozen=True)
class ImageConfig:
    """`content` is the document byte for byte; `diff_ids` are digests of uncompressed layers, the lowest first."""

    content: bytes
    diff_ids: tuple[str, ...]


def read_config(content: bytes) -> ImageConfig:
    """Raises BrokenArchive for what is no configuration, NotSupported for an image without layers."""
    try:
        document = json.loads(content)
        diff_ids = document["rootfs"]["diff_ids"] or []
        good = isinstance(diff_ids, list) and all(
            isinstance(item, str) and _DIGEST.fullmatch(item) for item in diff_ids
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BrokenArchive("its configuration does not say what its layers are") from error
    if not good or len(diff_ids) > MOST_LAYERS:
        raise BrokenArchive("its configuration does not say what its layers are")
    if not diff_ids:
        raise NotSupported(
            "the image has no layers, so that nothing in it can run: give it a file, or publish another image"
        )
    return ImageConfig(content, tuple(diff_ids))

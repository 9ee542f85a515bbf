"""What a push of an OCI image layout hands to a registry: its index, or the one manifest that is in it.

Source: OCI image specification, image-layout and image-index. A layout is a folder, or a tar of it, as `docker buildx
build --output type=oci` writes both.
"""

from __future__ import annotations

import json
import posixpath
from pathlib import Path

from smlocal.errors import BrokenArchive
from smlocal.evidence import PushedManifest
from smlocal.settings import MEBIBYTE
from smlocal.tarstream import Member, members

_INDEX = "index.json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_LONGEST = 4 * MEBIBYTE  # what registries take of a manifest (OCI distribution specification)


def pushed_manifest(path: Path) -> PushedManifest:
    """Raises BrokenArchive for what is no layout, OSError."""
    try:
        document = json.loads(_index(path))
        types = [manifest["mediaType"] for manifest in document["manifests"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BrokenArchive(f"its {_INDEX} is no image index") from error
    if not all(isinstance(name, str) and name.isprintable() for name in types) or not types:
        raise BrokenArchive(f"its {_INDEX} names no manifest with a media type")
    return PushedManifest(types[0] if len(types) == 1 else _OCI_INDEX, f"the OCI layout {path.name}")


def _index(path: Path) -> bytes:
    """The bytes of a layout's index."""
    if path.is_dir():
        with (path / _INDEX).open("rb") as source:
            return _whole(source.read(_LONGEST + 1))
    with path.open("rb") as source:
        for member in members(source):
            if member.kind == "file" and posixpath.normpath(member.name) == _INDEX:
                return _whole(_beginning(member))
    raise BrokenArchive(f"it has no {_INDEX}")


def _beginning(member: Member) -> bytes:
    with member.open() as source:
        return source.read(_LONGEST + 1)


def _whole(data: bytes) -> bytes:
    if len(data) > _LONGEST:
        raise BrokenArchive(f"its {_INDEX} has more than {_LONGEST:,} bytes")
    return data

"""What the scripted engine makes of an image when it is saved: the archive of Docker's classic store.

Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from smlocal.tree import TreeFile, tar_stream


def layer_of(files: Mapping[str, bytes]) -> bytes:
    """A layer with these files, by their absolute paths."""
    return b"".join(tar_stream(_file(path.lstrip("/"), content) for path, content in sorted(files.items())))


def config_of(facts: Mapping[str, object], layers: Sequence[bytes]) -> bytes:
    """The configuration of an image: `facts` as its `config`, and what its layers are."""
    document = {
        "architecture": facts["architecture"],
        "os": "linux",
        "config": {key: value for key, value in facts.items() if key != "architecture"},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def archive_of(config: bytes, layers: Sequence[bytes]) -> Iterator[bytes]:
    """Layers, then the configuration, then what ties them together; a layer that comes twice is in it once."""
    names = [f"{digest(layer)[7:]}/layer.tar" for layer in layers]
    name = f"{digest(config)[7:]}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": None, "Layers": names}]).encode()
    files = {**dict(zip(names, layers, strict=True)), name: config, "manifest.json": manifest}
    yield from tar_stream(_file(path, content) for path, content in files.items())


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _file(path: str, content: bytes) -> TreeFile:
    return TreeFile(path, len(content), lambda: io.BytesIO(content))

"""What layers became when they were compressed, and configurations of images: kept between runs, never relied on.

    <folder>/layers.json                     the newest layers, each with a checksum of its entry
    <folder>/configs/<image id>.<digest>     the newest configurations

Whatever is missing, damaged or cannot be written is as if it had never been kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smlocal.registry.interface import DOCKER_LAYER, Descriptor, digest_of

_MOST_LAYERS = 4096
_MOST_CONFIGS = 64
_LONGEST = 4 * 1024 * 1024  # bytes of either file
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class KnownLayer:
    """A layer and what it was compressed to. `size` is that of its uncompressed bytes."""

    diff_id: str
    blob: Descriptor
    size: int


class LayerCache:
    """The cache in `folder`. Several processes may use it at once: the last one's additions win."""

    def __init__(self, folder: Path, *, most_layers: int = _MOST_LAYERS, most_configs: int = _MOST_CONFIGS) -> None:
        self._most_layers, self._most_configs = most_layers, most_configs
        self._layers = folder / "layers.json"
        self._configs = folder / "configs"

    def layers(self, diff_ids: Iterable[str]) -> list[KnownLayer]:
        """Those that are known of these layers, each once."""
        known = self._read()
        return [known[diff_id] for diff_id in dict.fromkeys(diff_ids) if diff_id in known]

    def config(self, image_id: str) -> bytes | None:
        """The configuration of an image, byte for byte."""
        for path in self._configs.glob(f"{_hex(image_id)}.*"):
            with contextlib.suppress(OSError):
                content = path.read_bytes() if path.stat().st_size <= _LONGEST else b""
                if _hex(digest_of(content)) == path.suffix[1:]:
                    return content
        return None

    def remember(self, image_id: str, config: bytes, layers: Sequence[KnownLayer]) -> None:
        with contextlib.suppress(OSError):
            self._configs.mkdir(parents=True, exist_ok=True)
            known = self._read()
            for layer in layers:
                known.pop(layer.diff_id, None)
                known[layer.diff_id] = layer
            entries = [_entry(layer) for layer in list(known.values())[-self._most_layers :]]
            _replace(self._layers, json.dumps(entries, indent=0).encode())
            _replace(self._configs / f"{_hex(image_id)}.{_hex(digest_of(config))}", config)
            self._shrink()

    def _shrink(self) -> None:
        """Forget the oldest configurations, and drafts of writers that died."""
        found = sorted(self._configs.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in found[: -self._most_configs]:
            path.unlink(missing_ok=True)

    def _read(self) -> dict[str, KnownLayer]:
        """All layers, the oldest first."""
        try:
            if self._layers.stat().st_size > _LONGEST:
                return {}
            entries = json.loads(self._layers.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        found = map(_layer, entries if isinstance(entries, list) else [])
        return {layer.diff_id: layer for layer in found if layer is not None}


def _entry(layer: KnownLayer) -> dict[str, Any]:
    fields = [layer.diff_id, layer.blob.digest, layer.blob.size, layer.size]
    return {"layer": fields, "check": _check(fields)}


def _layer(entry: Any) -> KnownLayer | None:
    """None for an entry that is none: a wrong one would publish a layer that is another's."""
    if not isinstance(entry, dict) or not isinstance(entry.get("layer"), list) or len(entry["layer"]) != 4:
        return None
    fields = entry["layer"]
    diff_id, digest, length, size = fields
    texts = all(isinstance(text, str) and _DIGEST.fullmatch(text) for text in (diff_id, digest))
    numbers = all(type(number) is int and number >= 0 for number in (length, size))
    if not texts or not numbers or entry.get("check") != _check(fields):
        return None
    return KnownLayer(diff_id, Descriptor(DOCKER_LAYER, digest, length), size)


def _check(fields: list[Any]) -> str:
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()[:16]


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _replace(target: Path, content: bytes) -> None:
    """All of it or nothing, whatever happens meanwhile."""
    draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)

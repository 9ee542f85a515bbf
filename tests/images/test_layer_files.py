"""Layers in files: what is compressed, what is not, and what is left of a damaged one."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from smlocal import gzip_stream
from smlocal.images.layer_cache import KnownLayer
from smlocal.images.layer_files import LayerFiles
from smlocal.registry.interface import DOCKER_LAYER, Descriptor, digest_of

LAYER, OTHER = b"a" * 10_240, b"b" * 10_240
KNOWN = KnownLayer(digest_of(LAYER), Descriptor(DOCKER_LAYER, digest_of(b"packed"), 6), len(LAYER))


class Compressor:
    """Counts what it compresses."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self.calls += 1
        return gzip_stream.compressed(chunks)


@pytest.mark.parametrize(
    ("claim", "taken", "calls", "files"),
    [
        ("a known layer is not compressed", [LAYER], 0, 0),
        ("another of the same size is", [OTHER], 1, 1),
        ("a layer that comes again is not compressed again", [OTHER, OTHER, LAYER], 1, 1),
        ("a layer that comes compressed is not compressed either", [gzip.compress(OTHER)], 0, 1),
        ("nor is it kept twice", [OTHER, gzip.compress(OTHER)], 1, 1),
        ("nor kept when it is known", [gzip.compress(LAYER)], 0, 0),
        ("a damaged one leaves no file", [gzip.compress(OTHER)[:-4], b"\x28\xb5\x2f\xfdxxxx"], 0, 0),
    ],
)
def test_only_what_is_needed_is_compressed_and_kept(
    claim: str, taken: list[bytes], calls: int, files: int, tmp_path: Path
) -> None:
    compressor = Compressor()
    layers = LayerFiles(tmp_path, [KNOWN], 1, compressor)
    for content in taken:
        layers.take(iter([content[:100], content[100:]]), len(content))
    assert (compressor.calls, len(list(tmp_path.iterdir())), len(layers.seen)) == (calls, files, files)
    for layer in layers.seen.values():
        assert layer.diff_id == digest_of(OTHER)
        assert (layer.size, digest_of(layer.path.read_bytes())) == (len(OTHER), layer.blob.digest)

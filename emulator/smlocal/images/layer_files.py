"""Layers on their way from the engine to a registry: each compressed into a file, once, and known by its bytes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import BinaryIO

from smlocal import gzip_stream
from smlocal.errors import BrokenArchive, DiskFull, StorageError
from smlocal.images.layer_cache import KnownLayer
from smlocal.registry.interface import DOCKER_LAYER, Descriptor
from smlocal.streams import chunks_of, counted, reader_of

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"

Compress = Callable[[Iterable[bytes]], Iterator[bytes]]


@dataclass(frozen=True)
class LayerSeen:
    """A layer in a file. `size` is that of its uncompressed bytes."""

    diff_id: str
    blob: Descriptor
    size: int
    path: Path


class LayerFiles:
    """The layers of one image in files of `folder`. Each is in it once, however often it is taken.

    `known` are layers that are needed in no file. `needed` is the size in bytes that all layers together have
    uncompressed: the files need no more, commonly a third of it.
    """

    def __init__(
        self, folder: Path, known: Iterable[KnownLayer], needed: int, compress: Compress = gzip_stream.compressed
    ) -> None:
        self.seen: dict[str, LayerSeen] = {}
        self.unusable: list[str] = []  # why some file could be used as no layer
        self._folder = folder
        self._needed = needed
        self._compress = compress
        self._known = {layer.diff_id for layer in known}
        self._sizes = {layer.size for layer in known}
        self._names = count()

    def take(self, chunks: Iterator[bytes], size: int) -> None:
        """A file that may be a layer, `size` bytes of it: a tar archive, compressed with gzip or not at all.

        Raises DiskFull, and exceptions of `chunks`.
        """
        first = next(chunks, b"")
        whole = chain([first], chunks)
        try:
            if first.startswith(_ZSTD):
                raise BrokenArchive(
                    "a layer is compressed with zstd, for which Docker's manifest has no media type; build the image"
                    " with gzip layers (buildx: --output type=image,compression=gzip,force-compression=true)"
                )
            with _told(self._folder, self._needed):
                layer = self._compressed(whole) if first.startswith(_GZIP) else self._plain(whole, size)
        except BrokenArchive as error:
            self.unusable.append(str(error))
            for _ in chunks:
                pass
            return
        if layer is not None:
            self.seen[layer.diff_id] = layer
            self._sizes.add(layer.size)

    def _plain(self, chunks: Iterable[bytes], size: int) -> LayerSeen | None:
        """Compressing costs far more than all else: where the size is that of a layer that may not need it, the digest
        is made first."""
        if size not in self._sizes:
            return self._kept(self._packed(chunks))
        raw, digest = self._new(), hashlib.sha256()
        _write(raw, _hashed(chunks, digest))
        diff_id = f"sha256:{digest.hexdigest()}"
        layer = None if self._is_there(diff_id) else self._kept(self._packed(chunks_of(raw.open("rb"))))
        raw.unlink()
        return layer

    def _packed(self, chunks: Iterable[bytes]) -> LayerSeen:
        inner, outer = hashlib.sha256(), hashlib.sha256()
        path, sizes = self._new(), [0]

        def add(size: int) -> None:
            sizes[0] += size

        length = _write(path, _hashed(self._compress(_hashed(counted(chunks, add), inner)), outer))
        return _layer(inner, outer, length, sizes[0], path)

    def _compressed(self, chunks: Iterable[bytes]) -> LayerSeen | None:
        """A layer that comes compressed is taken as it is: its digest may be known elsewhere."""
        inner, outer, path, size = hashlib.sha256(), hashlib.sha256(), self._new(), 0
        try:
            with path.open("wb") as target:
                for data, _ in gzip_stream.decompressed(reader_of(_copied(chunks, target, outer))):
                    inner.update(data)
                    size += len(data)
                length = target.tell()
        except BrokenArchive:
            path.unlink()
            raise
        return self._kept(_layer(inner, outer, length, size, path))

    def _kept(self, layer: LayerSeen) -> LayerSeen | None:
        if not self._is_there(layer.diff_id):
            return layer
        layer.path.unlink()
        return None

    def _is_there(self, diff_id: str) -> bool:
        return diff_id in self._known or diff_id in self.seen

    def _new(self) -> Path:
        return self._folder / f"layer-{next(self._names)}"


def _layer(inner: hashlib._Hash, outer: hashlib._Hash, length: int, size: int, path: Path) -> LayerSeen:
    blob = Descriptor(DOCKER_LAYER, f"sha256:{outer.hexdigest()}", length)
    return LayerSeen(f"sha256:{inner.hexdigest()}", blob, size, path)


def _hashed(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _copied(chunks: Iterable[bytes], target: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in _hashed(chunks, digest):
        target.write(chunk)
        yield chunk


def _write(path: Path, chunks: Iterable[bytes]) -> int:
    """Gives how many bytes it wrote."""
    with path.open("wb") as target:
        target.writelines(chunks)
        return target.tell()


@contextlib.contextmanager
def _told(folder: Path, needed: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"the image's layers cannot be written to {folder}: {error.strerror or error}"
            ) from error
        room = shutil.disk_usage(folder)
        raise DiskFull(
            f"no space is left for the image's compressed layers in {folder.parent}: they need up to {needed:,} bytes"
            f" (commonly a third of that), and of the {room.total:,} there {room.free:,} are free; make room, or name"
            " another state folder with --state"
        ) from error

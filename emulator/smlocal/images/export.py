"""An image of the engine as a registry takes it: its configuration, and each layer compressed.

What the engine saves is read once, from front to back, and everything in it is known by the digest of its bytes, never
by its name: the configuration is the document whose digest is the image's id, a layer the file whose uncompressed
bytes have the digest that the configuration names. So names, duplicates and links within the archive cannot matter.

The id of an image is the digest of its configuration, except in Docker's containerd image store, where it is that of
the image's manifest or of an index of manifests (Source: Docker Engine API, ImageInspect; observed to be so in the
classic store of 20.10 and in Podman 4.3). There the way from the id to the configuration is followed by digests.

What need not be done is not done: a layer that the registry holds, as the cache knows, is not compressed again; when it
holds all of them and the configuration is at hand too, nothing is saved at all. No engine gives the configuration's
exact bytes but by saving the image (its inspection is another document), so they are taken from the cache or from the
registry where they can be, checked by their digest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from smlocal.engine.interface import Engine, ImageFacts
from smlocal.errors import BrokenArchive, EngineError, NotInRegistry, NotSupported
from smlocal.images.image_config import ImageConfig, read_config
from smlocal.images.layer_cache import KnownLayer, LayerCache
from smlocal.images.layer_files import LayerFiles, LayerSeen
from smlocal.images.saved_image import LONGEST_DOCUMENT, SavedImage, read_saved
from smlocal.images.spool import spool_folder, sweep
from smlocal.registry.interface import Descriptor, digest_of
from smlocal.streams import ahead, counted, reader_of


class Blobs(Protocol):
    """What is asked of the repository that the image goes to; see `registry.interface.Repository`."""

    def has_blob(self, digest: str) -> bool: ...

    def blob(self, digest: str, limit: int) -> bytes: ...


@dataclass(frozen=True)
class ExportedLayer:
    """A layer as a registry takes it. `path` has its bytes; None: the registry has them."""

    diff_id: str
    blob: Descriptor
    path: Path | None


@dataclass(frozen=True)
class ExportedImage:
    """An image ready to be sent. The files of its layers are there until the export is closed."""

    id: str
    config: bytes
    layers: tuple[ExportedLayer, ...]  # the lowest first
    saved: bool  # whether the engine had to save it


class ImageExporter:
    """Takes images out of an engine. `spool` is a folder for the layers' files, `cache` remembers what they became."""

    def __init__(self, engine: Engine, spool: Path, cache: LayerCache) -> None:
        self._engine = engine
        self._spool = spool
        self._cache = cache

    @contextlib.contextmanager
    def exported(
        self, image_id: str, there: Blobs, on_read: Callable[[int], None] = lambda total: None
    ) -> Iterator[ExportedImage]:
        """The image with that id; its files are gone afterwards. `there` is the repository that it goes to, `on_read`
        is told the bytes that were read of the engine so far, also while none come, and may end the export by raising.

        Raises ImageNotFound, DiskFull (the text says how much room the layers may need), NotSupported for an image that
        no single Docker manifest can hold, EngineError when what the engine saved is not that image.
        """
        sweep(self._spool)
        facts = self._engine.image(image_id)
        if facts.id != image_id:
            raise EngineError(f"the engine gives {facts.id} for the image {image_id}")
        known = {
            layer.diff_id: layer for layer in self._cache.layers(facts.layers) if there.has_blob(layer.blob.digest)
        }
        config = self._config_at_hand(image_id, there)
        if config is not None and known.keys() >= set(config.diff_ids):
            yield ExportedImage(image_id, config.content, _in_order(config, {}, known), saved=False)
            return
        with spool_folder(self._spool) as folder:
            files = LayerFiles(folder, known.values(), facts.size_bytes)
            config, seen = self._read(facts, files, known, on_read)
            self._cache.remember(image_id, config.content, [_known(layer) for layer in seen.values()])
            yield ExportedImage(image_id, config.content, _in_order(config, seen, known), saved=True)

    def _config_at_hand(self, image_id: str, there: Blobs) -> ImageConfig | None:
        content = self._cache.config(image_id)
        if content is None and there.has_blob(image_id):
            with contextlib.suppress(NotInRegistry):
                content = there.blob(image_id, LONGEST_DOCUMENT)
            if content is not None and digest_of(content) != image_id:
                content = None
        with contextlib.suppress(BrokenArchive):  # an id may be that of another document
            return None if content is None else read_config(content)
        return None

    def _read(
        self, facts: ImageFacts, files: LayerFiles, known: Mapping[str, KnownLayer], on_read: Callable[[int], None]
    ) -> tuple[ImageConfig, dict[str, LayerSeen]]:
        """The configuration, and the layers that are needed, by their diff_id."""
        total = 0

        def count(size: int) -> None:
            nonlocal total
            total += size
            on_read(total)

        everything_known = bool(facts.layers) and known.keys() >= set(facts.layers)
        try:
            # before its first byte an engine may be silent for as long as it takes to write all of them to its disk
            waited = ahead(self._engine.save(facts.id), lambda: on_read(total))
            with reader_of(counted(waited, count)) as stream:
                saved = read_saved(stream, files, facts.id if everything_known else None)
            config = saved.config(facts)
            seen = {diff_id: _found(saved, files, diff_id) for diff_id in config.diff_ids if diff_id not in known}
        except BrokenArchive as error:
            raise EngineError(f"what the engine saved of image {facts.id} cannot be used: {error}") from error
        return config, seen


def _found(saved: SavedImage, files: LayerFiles, diff_id: str) -> LayerSeen:
    """Raises BrokenArchive, NotSupported."""
    if diff_id not in files.seen and diff_id in saved.documents:  # a layer that looked like a document
        files.take(iter([saved.documents[diff_id]]), len(saved.documents[diff_id]))
    if diff_id in files.seen:
        return files.seen[diff_id]
    if files.unusable:
        raise NotSupported(f"the layer {diff_id} cannot be published: {files.unusable[0]}")
    raise BrokenArchive(f"it has no layer {diff_id}, which the image's configuration names")


def _in_order(
    config: ImageConfig, seen: Mapping[str, LayerSeen], known: Mapping[str, KnownLayer]
) -> tuple[ExportedLayer, ...]:
    return tuple(
        ExportedLayer(item, seen[item].blob, seen[item].path)
        if item in seen
        else ExportedLayer(item, known[item].blob, None)
        for item in config.diff_ids
    )


def _known(layer: LayerSeen) -> KnownLayer:
    return KnownLayer(layer.diff_id, layer.blob, layer.size)

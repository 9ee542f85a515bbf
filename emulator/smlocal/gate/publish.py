"""Publish the image that was checked, and no other, so that nothing half-published ever has a name.

Blobs and the manifest go to the registry without a name: a manifest is put by its digest, as the OCI distribution
specification allows, and so has none, not even after `kill -9`. It gets its tag only after everything was read back and
compared, and the engine's reference still names the image that was checked. A registry that refuses a manifest without
a tag gets it under `smlocal-<random>`, which is removed in any case.

On a failure at any step, and when it is asked to stop, the tag names what it named before, and a manifest that was put
is removed, unless it was there before or another tag names it by then. Blobs cannot be named, and the registry's own
garbage collection takes those that no manifest has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from smlocal.engine.interface import Engine
from smlocal.errors import (
    CannotRun,
    ImageNotFound,
    NotInRegistry,
    NotPublished,
    RegistryDenied,
    RegistryError,
    RegistryUnreachable,
    TagIsTaken,
)
from smlocal.examination.stopping import Stopped
from smlocal.gate.standing import Standing
from smlocal.gate.uploads import Uploads
from smlocal.images.docker_manifest import config_descriptor, docker_manifest
from smlocal.images.export import ExportedImage, ImageExporter
from smlocal.registry.interface import Descriptor, Manifest, Repository
from smlocal.registry.retries import Waiting

STEPS = ("export", "upload", "manifest", "read back", "compare", "tag", "confirm")


class PublishingStopped(Stopped):
    """It was asked to stop; the text says what is in the registry now."""


@dataclass(frozen=True)
class PublishedLayer:
    """A layer in the registry. `sent`: by this push; otherwise it was there."""

    diff_id: str
    digest: str
    size: int
    sent: bool


@dataclass(frozen=True)
class Published:
    """An image in a registry, under its tag. Sizes in bytes, compressed."""

    repository: str
    tag: str
    digest: str  # of the manifest
    image_id: str  # as it was checked
    config_digest: str
    size_bytes: int  # of the configuration and all layers
    sent_bytes: int
    layers: tuple[PublishedLayer, ...]
    seconds: Mapping[str, float]  # step -> how long it took

    @property
    def reference(self) -> str:
        """What names this very image for ever."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True)
class Progress:
    """Who wants to know how far it is. `on_sent` is called from several threads."""

    on_step: Callable[[str], None] = lambda step: None
    on_read: Callable[[int], None] = lambda total: None  # bytes of what the engine saves
    on_sent: Callable[[Descriptor, int], None] = lambda blob, sent: None


@dataclass
class Publisher:
    """Publishes images to one repository. `stop` asks it to give up."""

    engine: Engine
    exporter: ImageExporter
    repository: Repository
    progress: Progress = field(default_factory=Progress)
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    waiting: Waiting = field(default_factory=Waiting)  # of the repository, for its answers

    def publish(self, reference: str, image_id: str, tag: str) -> Published:
        """Publish the image with the id that was checked, which the engine's `reference` names, under `tag`.

        Raises NotPublished, whose cause is what failed (TagIsTaken, RegistryDenied, DiskFull, ...), and
        PublishingStopped, NotSupported for an image that cannot be published; whatever else ends it, KeyboardInterrupt
        too, is raised after the same clearing up.
        """
        return _Publication(self, reference, image_id, tag).run()


class _Publication:
    """One push under way."""

    def __init__(self, publisher: Publisher, reference: str, image_id: str, tag: str) -> None:
        self._of = publisher
        self._repository = publisher.repository
        self._reference, self._image_id, self._tag = reference, image_id, tag
        self._standing = Standing(publisher.repository, tag)
        self._step = STEPS[0]
        self._seconds: dict[str, float] = {}

    def run(self) -> Published:
        try:
            with self._of.waiting.asking(self._check), ExitStack() as files:
                with self._timed("export"):
                    exported = self._of.exporter.exported(self._image_id, self._repository, self._read)
                    image = files.enter_context(exported)
                return self._publish(image)
        except Stopped as error:
            raise PublishingStopped(f"stopped ({self._step}). {self._standing.undone()}") from error
        except CannotRun as error:
            standing = self._standing.undone()
            raise NotPublished(self._step, str(error).rstrip("."), standing) from error
        except BaseException:
            self._standing.undone()
            raise

    def _read(self, total: int) -> None:
        self._check()
        self._of.progress.on_read(total)

    def _publish(self, image: ExportedImage) -> Published:
        manifest = docker_manifest(image)
        uploads = Uploads(self._repository, self._of.progress.on_sent, self._check)
        with self._timed("upload"):
            sent = uploads.send(image)
        with self._timed("manifest"):
            self._standing.look(manifest)
            self._put(manifest)
        with self._timed("read back"):
            self._compare(self._repository.manifest(manifest.digest), manifest)
            uploads.confirm(image)
        with self._timed("compare"):
            self._compare_reference()
        with self._timed("tag"):
            self._name(manifest)
        with self._timed("confirm"):
            self._confirm(manifest)
            self._standing.remove_temporary()
        return self._published(image, manifest, sent)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        """A step, which is not begun after it was asked to stop."""
        self._step = step
        self._check()
        self._of.progress.on_step(step)
        started = self._of.clock()
        yield
        self._seconds[step] = self._of.clock() - started

    def _check(self) -> None:
        if self._of.stop.is_set():
            raise Stopped

    def _put(self, manifest: Manifest) -> None:
        if self._standing.was_there:
            return
        try:
            self._standing.put(manifest)
        except (RegistryUnreachable, RegistryDenied, TagIsTaken):
            raise
        except RegistryError:  # some take no manifest without a tag
            self._standing.put_under_temporary_tag(manifest)

    def _compare(self, found: Manifest, manifest: Manifest) -> None:
        if (found.content, found.media_type) != (manifest.content, manifest.media_type):
            raise RegistryError(
                f"{self._repository.name} gives another manifest than it was given: {found.media_type} {found.digest}"
                f" instead of {manifest.media_type} {manifest.digest}; do not use this registry until that is explained"
            )

    def _compare_reference(self) -> None:
        """What was built or pulled meanwhile was not checked."""
        try:
            now = self._of.engine.image(self._reference).id
        except ImageNotFound as error:
            raise ImageNotFound(
                f"the engine has no {self._reference} any more, which was {self._image_id} when it was checked: tag"
                " the image again, or check and publish another"
            ) from error
        if now != self._image_id:
            raise ImageNotFound(
                f"{self._reference} names {now} now, and {self._image_id} was checked: check it again, and publish that"
            )

    def _name(self, manifest: Manifest) -> None:
        """Give it its tag. The answer may be lost and the tag set, or an immutable tag be this very manifest's."""
        try:
            self._standing.name()
        except RegistryError:
            with suppress(RegistryError):  # no answer again: the first error is the one to tell
                if self._standing.named_digest() == manifest.digest:
                    return
            raise

    def _confirm(self, manifest: Manifest) -> None:
        try:
            found = self._repository.manifest(self._tag)
        except NotInRegistry as error:
            raise RegistryError(
                f"{self._repository.name} took the tag {self._tag} and does not have it: push again, and ask who runs"
                " the registry when it happens again"
            ) from error
        except RegistryUnreachable:
            found = self._repository.manifest(self._tag)  # a last time: nothing but this answer is missing
        if found.digest != manifest.digest:
            raise RegistryError(
                f"the tag {self._tag} of {self._repository.name} names {found.digest}, not {manifest.digest}: another"
                " push came between; push again if this image shall have the tag"
            )
        self._compare(found, manifest)

    def _published(self, image: ExportedImage, manifest: Manifest, sent: frozenset[str]) -> Published:
        config = config_descriptor(image)
        blobs = {blob.digest: blob.size for blob in (config, *(layer.blob for layer in image.layers))}
        return Published(
            repository=self._repository.name,
            tag=self._tag,
            digest=manifest.digest,
            image_id=self._image_id,
            config_digest=config.digest,
            size_bytes=sum(blobs.values()),
            sent_bytes=sum(size for digest, size in blobs.items() if digest in sent),
            layers=tuple(
                PublishedLayer(layer.diff_id, layer.blob.digest, layer.blob.size, layer.blob.digest in sent)
                for layer in image.layers
            ),
            seconds={step: self._seconds[step] for step in STEPS if step in self._seconds},
        )

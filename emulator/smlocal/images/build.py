"""Build smlocal's own images, once for each content, and say what is there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from smlocal.engine.interface import Engine, ImageFacts
from smlocal.errors import ImageNotFound, NotSupported, UsageError
from smlocal.images.base_image import (
    Bootstrap,
    debian_recipe,
    import_debian_base,
    mmdebstrap,
    obtain_public_image,
    public_image,
)
from smlocal.images.build_settings import BuildSettings
from smlocal.images.references import IMAGE_NAMES
from smlocal.images.stages import StageWatch

PLATFORMS = ("linux/amd64", "linux/arm64")
CONTENT_LABEL = "smlocal.content"
ORIGIN_LABEL = "smlocal.origin"


@dataclass(frozen=True)
class BuiltImage:
    """One image after `build`."""

    name: str
    reference: str
    id: str
    size_bytes: int
    built: bool  # False: the engine held this very content already
    seconds: float


@dataclass(frozen=True)
class ImageStatus:
    """One of smlocal's images as the engine has it, or has it not."""

    name: str
    reference: str
    present: bool
    current: bool = False  # built from the files of this installation
    id: str = ""
    tags: tuple[str, ...] = ()
    size_bytes: int = 0
    created: str = ""
    architecture: str = ""
    origin: str = ""  # of the base: the public image, or "Debian packages"


class ImageBuilder:
    """Builds the images whose folders lie in `containers`, for one engine.

    `settings` is what of this machine the downloads need; `namespace` the first part of the images' names.
    """

    def __init__(
        self,
        engine: Engine,
        containers: Path,
        settings: BuildSettings,
        version: str,
        *,
        bootstrap: Bootstrap = mmdebstrap,
        namespace: str = "smlocal",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._containers = containers
        self._settings = settings
        self._version = version
        self._bootstrap = bootstrap
        self._namespace = namespace
        self._clock = clock

    def build(
        self,
        names: Sequence[str] = (),
        *,
        platform: str = "linux/amd64",
        rebuild: bool = False,
        on_line: Callable[[str], None],
    ) -> list[BuiltImage]:
        """Build `names` (none: all), and the base when it is missing or old. `on_line` takes progress.

        What the engine holds with the same content is left alone unless `rebuild`. Raises UsageError for a name or
        platform that there is not, CannotRun and EngineError when a build fails.
        """
        _check(names, platform)
        wanted = [name for name in IMAGE_NAMES if not names or name in names or name == "base"]
        return [self._one(name, platform, rebuild and (not names or name in names), on_line) for name in wanted]

    def list(self) -> list[ImageStatus]:
        """All of smlocal's images, present or not, whatever platform they were built for."""
        return [self._status(name) for name in IMAGE_NAMES]

    def _one(self, name: str, platform: str, rebuild: bool, on_line: Callable[[str], None]) -> BuiltImage:
        start = self._clock()
        reference = self._reference(name)
        content = self._content(name, platform)
        held = self._held(reference)
        fresh = held is not None and held.labels.get(CONTENT_LABEL) == content
        if rebuild or not fresh:
            on_line(f"building {reference}")
            if name == "base":
                self._make_base(reference, content, platform, on_line)
            else:
                base = {"BASE": self._reference("base")}
                self._make(name, reference, {CONTENT_LABEL: content}, base, platform, on_line)
        self._engine.tag(reference, self._reference(name, self._version))
        facts = self._engine.image(reference)
        return BuiltImage(name, reference, facts.id, facts.size_bytes, rebuild or not fresh, self._clock() - start)

    def _make_base(self, reference: str, content: str, platform: str, on_line: Callable[[str], None]) -> None:
        folder = self._containers / "base"
        public = public_image(folder)
        refusal = obtain_public_image(self._engine, public, platform, on_line)
        if refusal is None:
            self._make("base", reference, {CONTENT_LABEL: content, ORIGIN_LABEL: public}, {}, platform, on_line)
            return
        on_line(f"no public image to stand on ({refusal}); making the base from Debian packages")
        labels = (f"LABEL {CONTENT_LABEL}={content}", f'LABEL {ORIGIN_LABEL}="Debian packages"')
        import_debian_base(self._engine, folder, reference, platform, labels, self._bootstrap, on_line)

    def _make(
        self,
        name: str,
        reference: str,
        labels: dict[str, str],
        arguments: dict[str, str],
        platform: str,
        on_line: Callable[[str], None],
    ) -> None:
        native = platform == f"linux/{self._engine.facts().architecture}"
        with StageWatch(self._engine) as stages:
            for line in self._engine.build(
                self._containers / name,
                (reference,),
                arguments={**arguments, **self._settings.arguments},
                labels=labels,
                platform=None if native else platform,
                extra_files=self._settings.files,
            ):
                stages.see(line)
                on_line(line)

    def _status(self, name: str) -> ImageStatus:
        reference = self._reference(name)
        facts = self._held(reference)
        if facts is None:
            return ImageStatus(name, reference, present=False)
        return ImageStatus(
            name=name,
            reference=reference,
            present=True,
            current=facts.labels.get(CONTENT_LABEL) == self._content(name, f"linux/{facts.architecture}"),
            id=facts.id,
            tags=facts.tags,
            size_bytes=facts.size_bytes,
            created=facts.created,
            architecture=facts.architecture,
            origin=facts.labels.get(ORIGIN_LABEL, "") if name == "base" else "",
        )

    def _content(self, name: str, platform: str) -> str:
        """A digest of all that an image is made of: its files, its platform and the base that it stands on."""
        digest = hashlib.sha256(platform.encode())
        base = None if name == "base" else self._held(self._reference("base"))
        digest.update((base.id if base else debian_recipe()).encode())
        for relative, path in sorted(_content_files(self._containers / name)):
            mode = b"x" if path.stat().st_mode & 0o100 else b"-"
            digest.update(b"\0".join([relative.encode(), mode, hashlib.sha256(path.read_bytes()).digest()]))
        return digest.hexdigest()

    def _held(self, reference: str) -> ImageFacts | None:
        try:
            return self._engine.image(reference)
        except ImageNotFound:
            return None

    def _reference(self, name: str, tag: str = "latest") -> str:
        return f"{self._namespace}/{name}:{tag}"


def _check(names: Sequence[str], platform: str) -> None:
    for name in names:
        if name not in IMAGE_NAMES:
            raise UsageError(f"there is no image '{name}'; there are: {', '.join(IMAGE_NAMES)}")
    if platform not in PLATFORMS:
        raise NotSupported(f"images for '{platform}' are not supported; there are: {', '.join(PLATFORMS)}")


def _content_files(folder: Path) -> Iterable[tuple[str, Path]]:
    """The files that a build reads; the same in a checkout and in a wheel, which leaves out what git ignores."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") and part != ".dockerignore" for part in parts)
        if path.is_file() and not hidden and "__pycache__" not in parts and parts[0] != "build-settings":
            yield "/".join(parts), path

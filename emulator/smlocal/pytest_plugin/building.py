"""Images built of folders for tests, each once in a session."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from smlocal.engine.interface import Engine
from smlocal.errors import EngineError, ImageNotFound, UsageError
from smlocal.pytest_plugin.session import leave, locked, read
from smlocal.pytest_plugin.telling import plainly

_BUILT = "image-"  # beginning of the names of what a session leaves for its processes to know
_KNOWN = f"{_BUILT}*.json"
_NAMESPACE = "smlocal-pytest"


class ImageFactory:
    """Called, gives the image of a folder with a Dockerfile.

    `smlocal-pytest/<folder>-<digest>:latest` stays in the engine, as of `docker build`, so that the next session's
    build finds its layers; it is replaced by the next build of the same folder. Tests get a name of this session's
    own, for which it is the same image to the end, whatever another session builds meanwhile.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder  # that the session's processes share

    @plainly
    def __call__(
        self,
        folder: str | PathLike[str],
        *,
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
        platform: str | None = None,
    ) -> str:
        """Raises UsageError when there is no Dockerfile, EngineError with the failing step's last lines."""
        context = Path(folder).expanduser().resolve()
        if not (context / "Dockerfile").is_file():
            raise UsageError(f"there is no Dockerfile in {folder}")
        what = json.dumps([str(context), target, sorted((arguments or {}).items()), platform])
        key = hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:12]
        path = self._folder / f"{_BUILT}{key}.json"
        with locked(self._folder, f"{_BUILT}{key}"):
            document = read(path)
            if document is None:
                document = self._made(
                    f"{_NAMESPACE}/{_clean(context.name)}-{key}", context, target, arguments, platform
                )
                leave(path, document)
        if "problem" in document:
            raise EngineError(document["problem"])
        return str(document["reference"])

    def _made(
        self,
        name: str,
        context: Path,
        target: str | None,
        arguments: Mapping[str, str] | None,
        platform: str | None,
    ) -> dict[str, str]:
        latest = f"{name}:latest"
        before = self._id(latest)
        try:
            for _ in self._engine.build(context, (latest,), target=target, arguments=arguments, platform=platform):
                pass
        except EngineError as error:
            return {"problem": str(error)}
        reference = f"{name}:{self._folder.name.lower()}"
        self._engine.tag(latest, reference)
        if before is not None and before != self._id(latest):
            _remove_unnamed(self._engine, before)
        return {"reference": reference}

    def _id(self, reference: str) -> str | None:
        try:
            return self._engine.image(reference).id
        except ImageNotFound:
            return None


def has_images(folder: Path) -> bool:
    """Whether a session has built what is not forgotten yet."""
    return any(folder.glob(_KNOWN))


def forget_images(engine: Engine, folder: Path) -> None:
    """Remove the names that a session gave to images."""
    for path in folder.glob(_KNOWN):
        document = read(path) or {}
        if "reference" in document:
            with contextlib.suppress(EngineError):  # somebody else was first, or a container of it is left
                engine.remove_image(document["reference"])
        path.unlink()


def _remove_unnamed(engine: Engine, image: str) -> None:
    """Remove what a build has replaced, unless another session still has a name for it."""
    with contextlib.suppress(EngineError):
        if not engine.image(image).tags:
            engine.remove_image(image)


def _clean(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "image"

"""An engine that only knows images, for the tests of this folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from smlocal.engine.interface import EngineFacts, ImageFacts
from smlocal.errors import CannotRun, EngineError, ImageNotFound

FACTS = EngineFacts(
    name="docker",
    version="20.10",
    api_version="1.41",
    operating_system="Debian",
    architecture="amd64",
    storage_driver="overlay2",
    cpus=2,
    memory_bytes=8 * 1024**3,
    host_id="host",
    address="unix:///var/run/docker.sock",
    shares_this_machine=True,
    has_gpu=False,
    root_directory="/var/lib/docker",
)


@dataclass
class Build:
    """One call of `build`."""

    context: Path
    tags: tuple[str, ...]
    arguments: Mapping[str, str]
    labels: Mapping[str, str]
    platform: str | None
    extra_files: Mapping[str, bytes]


@dataclass
class ImageEngine:
    """Holds images by name, builds whatever it is told to, and pulls what `pullable` has."""

    pullable: dict[str, Callable[[], Iterator[str]]] = field(default_factory=dict)
    build_lines: tuple[str, ...] = ()
    build_error: EngineError | None = None
    pull_error: CannotRun | None = None
    architecture: str = "amd64"
    held: dict[str, ImageFacts] = field(default_factory=dict)
    builds: list[Build] = field(default_factory=list)
    pulled: list[tuple[str, str | None]] = field(default_factory=list)
    imported: list[tuple[bytes, str, tuple[str, ...]]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    undeletable: frozenset[str] = frozenset()

    def facts(self) -> EngineFacts:
        return replace(FACTS, architecture=self.architecture)

    def hold(self, *names: str, labels: Mapping[str, str] | None = None, architecture: str = "amd64") -> ImageFacts:
        seed = repr((names, sorted((labels or {}).items()), len(self.builds), len(self.imported)))
        facts = ImageFacts(
            id="sha256:" + hashlib.sha256(seed.encode()).hexdigest(),
            tags=names,
            architecture=architecture,
            operating_system="linux",
            size_bytes=1000,
            created="2026-01-01T00:00:00Z",
            entrypoint=(),
            command=(),
            environment={},
            labels=dict(labels or {}),
            user="",
            working_directory="",
        )
        for name in names:
            self.held[name] = facts
        return facts

    def hold_unnamed(self, short: str) -> None:
        self.held[short] = replace(self.hold(short), tags=())

    def image(self, reference: str) -> ImageFacts:
        if reference not in self.held:
            raise ImageNotFound(f"image {reference}: No such image")
        return self.held[reference]

    def pull(self, reference: str, platform: str | None = None) -> Iterator[str]:
        self.pulled.append((reference, platform))
        if self.pull_error is not None:
            raise self.pull_error
        if reference not in self.pullable:
            raise ImageNotFound(f"{reference} cannot be pulled: dial tcp: no such host")
        yield from self.pullable[reference]()
        self.hold(reference)

    def build(
        self,
        context: Path,
        tags: tuple[str, ...],
        *,
        arguments: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        platform: str | None = None,
        extra_files: Mapping[str, bytes] | None = None,
    ) -> Iterator[str]:
        self.builds.append(Build(context, tags, arguments or {}, labels or {}, platform, extra_files or {}))
        yield from self.build_lines
        if self.build_error is not None:
            raise self.build_error
        architecture = platform.partition("/")[2] if platform else self.architecture
        self.hold(*tags, labels=labels, architecture=architecture)

    def import_image(self, archive: Path, reference: str, changes: tuple[str, ...] = ()) -> str:
        self.imported.append((archive.read_bytes(), reference, changes))
        pairs = [change.removeprefix("LABEL ").partition("=") for change in changes if change.startswith("LABEL ")]
        return self.hold(reference, labels={name: value.strip('"') for name, _, value in pairs}).id

    def tag(self, reference: str, new: str) -> None:
        facts = self.image(reference)
        tags = tuple(dict.fromkeys([*facts.tags, new]))
        self.held[reference] = self.held[new] = replace(facts, tags=tags)

    def remove_image(self, reference: str) -> None:
        if reference in self.undeletable:
            raise EngineError(f"removing image {reference}: image has dependent child images")
        del self.held[reference]
        self.removed.append(reference)


@pytest.fixture
def engine() -> ImageEngine:
    return ImageEngine()


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    """Folders of three small images."""
    for name in ("base", "sklearn", "xgboost"):
        folder = tmp_path / "container" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(
            f"ARG PYTHON=python:3.11-slim\nFROM ${{PYTHON}}\n# {name}\n", encoding="utf-8"
        )
    (tmp_path / "container" / "base" / "customize.sh").write_text("#!/bin/sh\n", encoding="utf-8")
    return tmp_path / "container"

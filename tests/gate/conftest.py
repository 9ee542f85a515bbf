from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.engine.scripted_saving import layer_of
from smlocal.gate.publish import Publisher
from smlocal.http_client import HttpClient
from smlocal.images.export import ImageExporter
from smlocal.images.layer_cache import LayerCache
from smlocal.registry.scripted import ScriptedRepository
from tests.gate.registry import RealRegistry
from tests.registry.docker_registry import docker_registry

IMAGE = "team/model:1"
LAYERS = tuple(layer_of({f"/file{number}": bytes([number]) * 50_000}) for number in range(4))


@dataclass
class Bench:
    """An engine with an image, a repository, and what publishes from one to the other."""

    folder: Path
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    repository: ScriptedRepository = field(default_factory=ScriptedRepository)

    def __post_init__(self) -> None:
        self.engine.add_image(IMAGE, ScriptedImage(Script(), layers=LAYERS))

    @property
    def id(self) -> str:
        return self.engine.image(IMAGE).id

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def exporter(self, cache: str = "cache") -> ImageExporter:
        return ImageExporter(self.engine, self.spool, LayerCache(self.folder / cache))

    def publisher(self, repository: Any = None, cache: str = "cache", **more: Any) -> Publisher:
        return Publisher(self.engine, self.exporter(cache), repository or self.repository, **more)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Debian's docker-registry."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as place, HttpClient() as http:
        yield RealRegistry(place, http)

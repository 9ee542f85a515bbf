"""An engine, a machine and a doctor whose every finding a test decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.staged_machine import StagedMachine

from smlocal.doctor.examination import Doctor
from smlocal.engine.interface import EngineFacts
from smlocal.errors import EngineError, EngineUnavailable
from smlocal.images.build import ImageStatus
from smlocal.settings import Settings

FACTS = EngineFacts(
    name="docker",
    version="20.10.24",
    api_version="1.41",
    operating_system="Debian GNU/Linux 12",
    architecture="amd64",
    storage_driver="overlay2",
    cpus=4,
    memory_bytes=16 * 1024**3,
    host_id="host",
    address="unix:///var/run/docker.sock",
    shares_this_machine=True,
    has_gpu=False,
    root_directory="/",
    registry="https://registry.example/",
)
IMAGES = [
    ImageStatus(name, f"smlocal/{name}:latest", present=True, current=True) for name in ("base", "sklearn", "xgboost")
]


@dataclass
class StagedEngine:
    """An engine with the facts that it was given; it remembers its networks."""

    stated: EngineFacts = FACTS
    facts_error: EngineError | EngineUnavailable | None = None
    network_error: EngineError | None = None
    networks: dict[str, Mapping[str, str]] = field(default_factory=dict)
    isolated: list[bool] = field(default_factory=list)
    closed: int = 0

    def facts(self) -> EngineFacts:
        if self.facts_error is not None:
            raise self.facts_error
        return self.stated

    def create_network(self, name: str, labels: Mapping[str, str], *, isolated: bool) -> None:
        if self.network_error is not None:
            raise self.network_error
        self.isolated.append(isolated)
        self.networks[name] = labels

    def remove_network(self, name: str) -> None:
        self.networks.pop(name, None)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Stage:
    """What the doctor will find."""

    folder: Path
    engine: StagedEngine = field(default_factory=StagedEngine)
    machine: StagedMachine = field(default_factory=StagedMachine)
    engine_answers: bool = True
    images: list[ImageStatus] = field(default_factory=lambda: list(IMAGES))
    silent: dict[str, str | None] = field(default_factory=lambda: {"registry": None, "index": None})
    environment: dict[str, str] = field(default_factory=lambda: {"HOME": "/nonexistent"})
    settings: Settings | None = None

    def connect(self) -> StagedEngine:
        if not self.engine_answers:
            raise EngineUnavailable("no such file: /var/run/docker.sock")
        return self.engine

    def doctor(self) -> Doctor:
        return Doctor(
            connect=self.connect,
            images=lambda engine: self.images,
            settings=self.settings or Settings(state=self.folder),
            machine=self.machine,
            environment=self.environment,
            version="1.2.3",
            labels={"smlocal.owner.host": "me"},
            probe=lambda urls: self.silent,
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)

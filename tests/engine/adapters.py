"""The engines that one suite runs against, and where they truly differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pytest

from smlocal.engine.interface import Engine
from smlocal.engine.scripted import Run, ScriptedEngine, ScriptedImage, connector, forwarder
from tests.engine.programs import TRIALS

IMAGE = "smlocal/base:latest"
"""An image with `python3`, in every engine of the suite."""
RELAY = "smlocal-suite/relay:latest"
"""What a relay runs in the scripted engine; in a real one it is `IMAGE`."""


_SECOND = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("second daemon")]
_PODMAN = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("podman")]
REAL = [
    pytest.param("docker-local", marks=pytest.mark.engine),
    pytest.param("docker-second", marks=_SECOND),
    pytest.param("podman", marks=_PODMAN),
]
ALL = [pytest.param("scripted"), *REAL]


@dataclass(frozen=True)
class Differences:
    """What the adapters do not do alike. The first value is Docker's on this machine; each line names its tests."""

    # a container killed for want of memory bears the flag (Podman 4.3: exit code 137 alone)
    flags_out_of_memory: bool = True
    # an archive for a volume that the container mounts read-only is refused (Podman writes it)
    refuses_archive_into_read_only: bool = True
    # an archive for a directory that does not exist is refused (Podman makes the directory)
    refuses_archive_into_nothing: bool = True
    # a program that cannot be started is told at `start`; Podman tells it at `attach`, where that comes first
    start_failure_comes_at: str = "start"
    # the state of such a container keeps the engine's words (Podman keeps none)
    keeps_words_of_start_failure: bool = True
    # a published port is reachable from this process
    publishes_to_us: bool = True
    # a folder of this machine can be shown as a volume
    overlays_folders: bool = True
    # such a volume is read after the run (Podman 4.3 reads the bare folder below it, which has nothing)
    reads_overlays_after_the_run: bool = True
    # a link that leads nowhere is something (to Podman 4.3 nothing is there)
    tells_links_to_nothing: bool = True
    # the manifest of an image is told (Docker: with the containerd image store, from API 1.48 on)
    keeps_manifests: bool = False
    # the volumes of the engine have a known size, so that a full disk can be had
    disk_bytes: int | None = None
    # containers are real: memory, shared memory, networks and process ids are the kernel's
    real: bool = True
    # what the engine's facts say of themselves
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({"name": "docker"}))


@dataclass(frozen=True)
class Adapter:
    """An engine under test."""

    name: str
    engine: Engine
    differences: Differences


def scripted_engine() -> ScriptedEngine:
    """The scripted engine with the suite's image: its programs are the trials' Python counterparts."""
    engine = ScriptedEngine(disk_bytes=SCRIPTED_DISK)
    image = ScriptedImage(
        _trial,
        command=("python3",),
        environment={"PATH": "/usr/bin"},
        files={"/etc/passwd": b"root:x:0:0::/root:/bin/sh\n"},
        executables=frozenset({"python3"}),
        pipe=lambda run, argv, stdio: TRIALS[argv[2]].pipe(run, stdio),
    )
    engine.add_image(IMAGE, image)
    engine.add_image(RELAY, ScriptedImage(forwarder, pipe=connector))
    return engine


def _trial(run: Run) -> int | None:
    return TRIALS[run.arguments[2]].scripted(run)


SCRIPTED_DISK = 64 * 1024 * 1024
SCRIPTED = Differences(real=False, disk_bytes=SCRIPTED_DISK, facts=MappingProxyType({"name": "scripted"}))
LOCAL = Differences()
PODMAN = Differences(
    flags_out_of_memory=False,
    refuses_archive_into_read_only=False,
    refuses_archive_into_nothing=False,
    start_failure_comes_at="attach",
    keeps_words_of_start_failure=False,
    reads_overlays_after_the_run=False,
    tells_links_to_nothing=False,
    keeps_manifests=True,
    facts=MappingProxyType({"name": "podman"}),
)


def second(disk_bytes: int) -> Differences:
    return Differences(publishes_to_us=False, overlays_folders=False, disk_bytes=disk_bytes)

"""The doctor's look at the container engine."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from smlocal.doctor.report import Row
from smlocal.engine.interface import Engine, EngineFacts
from smlocal.errors import EngineError
from smlocal.images.build import ImageStatus

GIBIBYTE = 1024**3
_LOW_DISK = 5 * GIBIBYTE
_NO_DISK = 1 * GIBIBYTE
_MEMORY = 2 * GIBIBYTE
_OLDEST_API = (1, 40)  # Docker 19.03: what the engine tests are run against begins at 1.40
_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
INSTALL_DOCKER = "python3 -m webbrowser https://docs.docker.com/engine/install/"
# Slow ones: every layer is copied whole.
_COPYING_DRIVERS = frozenset({"vfs"})


def engine_rows(engine: Engine, labels: Mapping[str, str]) -> Iterator[Row]:
    """Rows on an engine that answers. `labels` mark the network that isolation is tried with as ours."""
    facts = engine.facts()
    yield Row("engine", "ok", f"{facts.name} {facts.version} at {facts.address} ({facts.operating_system})")
    yield _api(facts)
    yield _architecture(facts)
    yield _storage(facts)
    yield _isolation(engine, labels, facts)
    yield _resources(facts)
    gpu = "NVIDIA's runtime is there" if facts.has_gpu else "none: ml.p and ml.g instance types are refused"
    yield Row("gpu", "ok", gpu)
    yield _engine_disk(facts)
    if facts.name == "podman":
        yield _podman(facts)
    for text in facts.warnings:
        yield Row("engine-says", "warning", f"{text} (a warning of the engine's own; its manual has what mends it)")


def _api(facts: EngineFacts) -> Row:
    numbers = tuple(int(part) for part in facts.api_version.split(".") if part.isdigit())
    if numbers < _OLDEST_API:
        return Row(
            "api", "problem", f"{facts.api_version} is too old: smlocal needs Docker 20.10 or newer", INSTALL_DOCKER
        )
    return Row("api", "ok", facts.api_version)


def _architecture(facts: EngineFacts) -> Row:
    if facts.architecture == "amd64":
        return Row("architecture", "ok", "amd64, as most ml.* instances")
    return Row(
        "architecture",
        "warning",
        f"{facts.architecture}: images for ml.* instances other than Graviton's are amd64 and run here under emulation",
        "docker run --privileged --rm tonistiigi/binfmt --install amd64",
    )


def _storage(facts: EngineFacts) -> Row:
    if facts.storage_driver in _COPYING_DRIVERS:
        text = f"{facts.storage_driver}: every layer is copied whole; expect slow builds and full disks"
        return Row("storage-driver", "warning", text, "dockerd --storage-driver overlay2")
    return Row("storage-driver", "ok", facts.storage_driver)


def _isolation(engine: Engine, labels: Mapping[str, str], facts: EngineFacts) -> Row:
    """Tried, not guessed: an isolated network is made and removed."""
    name = f"smlocal-doctor-{uuid.uuid4().hex[:12]}"
    try:
        engine.create_network(name, labels, isolated=True)
    except EngineError as error:
        text = f"not possible: --network-isolation is refused here ({error})"
        return Row("isolation", "warning", text, _another_engine(facts))
    finally:
        engine.remove_network(name)
    return Row("isolation", "ok", "possible: an internal network without an address of the host")


def _resources(facts: EngineFacts) -> Row:
    text = f"{facts.cpus} CPUs, {facts.memory_bytes / GIBIBYTE:.1f} GiB; bigger instance types are clamped to it"
    if facts.memory_bytes < _MEMORY:
        return Row(
            "resources",
            "warning",
            f"{text}; most training needs 2 GiB or more, and no command adds memory: DOCKER_HOST names a bigger engine",
        )
    return Row("resources", "ok", text)


def _engine_disk(facts: EngineFacts) -> Row:
    root = Path(facts.root_directory)
    if not facts.shares_this_machine or not facts.root_directory or not root.exists():
        return Row("engine-disk", "ok", "not visible from here")
    return disk_row("engine-disk", root, f"{'podman' if facts.name == 'podman' else 'docker'} image prune --force")


def disk_row(name: str, folder: Path, fix: str, *, low: int = _LOW_DISK, none: int = _NO_DISK) -> Row:
    """Free space of the disk that `folder` is on, or will be on; `low` and `none` in bytes."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / GIBIBYTE:.1f} GiB free at {folder}"
    if free < none:
        return Row(name, "problem", text, fix)
    return Row(name, "warning", text, fix) if free < low else Row(name, "ok", text)


def _podman(facts: EngineFacts) -> Row:
    return Row(
        "podman",
        "warning",
        "Podman's Docker API (4.3) differs: an out-of-memory kill is told as exit code 137 alone, and a program"
        " that cannot be started is told without the reason once its container is there",
        _another_engine(facts),
    )


def _another_engine(facts: EngineFacts) -> str:
    """The command that leads to Docker itself: the engine of this machine, unless that is the one looked at."""
    return INSTALL_DOCKER if facts.address == _DEFAULT_ADDRESS else f"export DOCKER_HOST={_DEFAULT_ADDRESS}"


def image_rows(images: list[ImageStatus]) -> Iterator[Row]:
    """A row for each of smlocal's own images."""
    for image in images:
        name = f"image-{image.name}"
        command = f"smlocal images build {image.name}"
        if not image.present:
            uses = " (also needed to reach isolated containers)" if image.name == "base" else ""
            yield Row(name, "warning", f"{image.reference} is not built{uses}", command)
        elif not image.current:
            yield Row(name, "warning", f"{image.reference} was built from other files than these", command)
        else:
            origin = f", from {image.origin}" if image.origin else ""
            yield Row(name, "ok", f"{image.reference} ({image.size_bytes / 1024**2:.0f} MiB{origin})")

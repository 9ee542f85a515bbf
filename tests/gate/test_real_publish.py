"""Images of a real engine in a real registry: what arrives is pulled again and is the image that was checked."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import secrets
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal.engine.interface import Engine
from smlocal.errors import DiskFull, ImageNotFound, NotPublished
from smlocal.gate.publish import STEPS, Published, Publisher
from smlocal.images.export import ImageExporter
from smlocal.images.layer_cache import LayerCache
from smlocal.registry.interface import DOCKER_MANIFEST, digest_of
from smlocal.registry.scripted import ScriptedRepository
from tests.gate.registry import RealRegistry
from tests.images.archives import Member, tar_of

HERE = Path(__file__).parent
MEBIBYTE = 1024 * 1024


def publisher(engine: Engine, registry: RealRegistry, name: str, state: Path) -> Publisher:
    exporter = ImageExporter(engine, state / "spool", LayerCache(state / "cache"))
    return Publisher(engine, exporter, registry.repository(name))


@pytest.fixture
def image(local_engine: Engine, tmp_path: Path) -> Iterator[str]:
    """A small image that nothing else has a layer of."""
    content = random.Random(secrets.token_hex(8)).randbytes(300_000)
    (tmp_path / "root.tar").write_bytes(tar_of([Member("opt/model", content)]))
    name = f"smlocal-suite/{secrets.token_hex(6)}:1"
    local_engine.import_image(tmp_path / "root.tar", name, ("ENV SUITE=yes", 'CMD ["none"]'))
    yield name
    _forget(local_engine, name)


def _forget(engine: Engine, name: str) -> None:
    with contextlib.suppress(ImageNotFound):
        engine.remove_image(name)


@pytest.mark.engine
def test_a_pulled_image_is_the_one_that_was_checked(
    local_engine: Engine, registry: RealRegistry, image: str, tmp_path: Path
) -> None:
    """It is gone from the engine in between, so that every byte comes from the registry."""
    name, checked = registry.new_name(), local_engine.image(image)
    published = publisher(local_engine, registry, name, tmp_path).publish(image, checked.id, "1.0")
    reference = f"{registry.place}/{name}:1.0"
    local_engine.remove_image(image)
    try:
        list(local_engine.pull(reference))
        assert local_engine.image(reference).id == checked.id == published.config_digest
        assert local_engine.image(reference).layers == checked.layers
    finally:
        _forget(local_engine, reference)
    assert registry.repository(name).manifest("1.0").media_type == DOCKER_MANIFEST
    assert registry.tags(name) == ["1.0"]


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("image", ["smlocal/base:latest", "smlocal/sklearn:latest"])
def test_our_own_images_arrive_layer_by_layer(
    local_engine: Engine, registry: RealRegistry, image: str, tmp_path: Path
) -> None:
    name, facts = registry.new_name(), local_engine.image(image)
    repository = registry.repository(name)
    first = publisher(local_engine, registry, name, tmp_path).publish(image, facts.id, "1.0")

    manifest = repository.manifest(first.digest)
    document = json.loads(manifest.content)
    assert document["config"]["digest"] == facts.id
    assert digest_of(repository.blob(facts.id, MEBIBYTE)) == facts.id
    unpacked = [
        digest_of(gzip.decompress(repository.blob(layer["digest"], 512 * MEBIBYTE))) for layer in document["layers"]
    ]
    assert tuple(unpacked) == facts.layers

    second = publisher(local_engine, registry, name, tmp_path).publish(image, facts.id, "2.0")
    assert (second.digest, second.sent_bytes) == (first.digest, 0)
    assert second.seconds["export"] < first.seconds["export"] / 10
    assert registry.tags(name) == ["1.0", "2.0"]
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.engine
def test_two_pushes_at_once_of_the_same_and_of_different_tags(
    local_engine: Engine, registry: RealRegistry, image: str, tmp_path: Path
) -> None:
    name, checked = registry.new_name(), local_engine.image(image)
    results: dict[int, Published | Exception] = {}

    def push(number: int) -> None:
        try:
            made = publisher(local_engine, registry, name, tmp_path / f"state{number % 3}")
            results[number] = made.publish(image, checked.id, f"tag{number % 2}")
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=push, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {getattr(result, "digest", result) for result in results.values()} == {
        registry.repository(name).manifest("tag0").digest
    }
    assert registry.tags(name) == ["tag0", "tag1"]


@pytest.mark.parametrize("step", STEPS)
def test_a_push_that_is_killed_leaves_no_name_and_the_next_one_works(
    registry: RealRegistry, step: str, tmp_path: Path
) -> None:
    name = registry.new_name()
    command = [sys.executable, str(HERE / "killed_push.py"), str(tmp_path), f"{registry.place}/{name}", "1.0"]
    killed = subprocess.run([*command, step], capture_output=True, check=False, timeout=60)
    assert killed.returncode == -9, killed.stderr
    repository = registry.repository(name)
    # it gets its name when all of it was read back and compared
    assert registry.tags(name) == (["1.0"] if step == "confirm" else [])
    assert bool(list((tmp_path / "spool").glob("*/layer-*"))) == (step != "export")

    again = subprocess.run([*command, "never"], capture_output=True, check=False, timeout=60, text=True)
    assert again.returncode == 0, again.stderr
    assert repository.manifest("1.0").digest == again.stdout.strip()
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.engine
def test_a_full_disk_is_said_with_what_is_needed_and_leaves_nothing(
    local_engine: Engine, image: str, tmp_path: Path
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=True)
    try:
        repository = ScriptedRepository()
        exporter = ImageExporter(local_engine, folder / "spool", LayerCache(tmp_path / "cache"))
        size = local_engine.image(image).size_bytes
        with pytest.raises(NotPublished, match=rf"they need up to {size:,} bytes .* make room, or name") as raised:
            Publisher(local_engine, exporter, repository).publish(image, local_engine.image(image).id, "1.0")
        assert isinstance(raised.value.__cause__, DiskFull)
        assert list((folder / "spool").iterdir()) == []
        assert (repository.tags, repository.manifests, repository.blobs) == ({}, {}, {})
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.engine
@pytest.mark.slow
def test_an_image_of_two_gigabytes_takes_no_more_memory_than_a_small_one(
    local_engine: Engine, registry: RealRegistry, image: str, tmp_path: Path
) -> None:
    big = f"smlocal-suite/{secrets.token_hex(6)}:big"
    with tarfile.open(tmp_path / "big.tar", "w") as archive:
        with (tmp_path / "part").open("wb") as part:
            piece = random.Random(1).randbytes(MEBIBYTE // 4) + bytes(MEBIBYTE * 3 // 4)
            part.writelines(piece for _ in range(256))
        for number in range(8):
            archive.add(tmp_path / "part", f"opt/part{number}")
    try:
        local_engine.import_image(tmp_path / "big.tar", big)
        (tmp_path / "big.tar").unlink()
        assert local_engine.image(big).size_bytes >= 2 * 1024 * MEBIBYTE
        small, large = (_pushed(registry, name, tmp_path / name.rpartition(":")[2]) for name in (image, big))
        assert large["sent"] > 500 * MEBIBYTE
        assert small["memory"] < large["memory"] < small["memory"] + 32 * MEBIBYTE, (small, large)
    finally:
        _forget(local_engine, big)


def _pushed(registry: RealRegistry, image: str, state: Path) -> dict[str, int]:
    place = f"{registry.place}/{registry.new_name()}"
    command = [sys.executable, str(HERE / "big_push.py"), str(state), image, place]
    done = subprocess.run(command, capture_output=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found

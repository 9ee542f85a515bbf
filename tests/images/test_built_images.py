"""The real images, built by the real engine: complete, cached, and without a byte of this machine's configuration."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import docker
import pytest

from smlocal import __version__
from smlocal.engine.docker import DockerEngine
from smlocal.errors import ImageNotFound
from smlocal.images.build import CONTENT_LABEL, ImageBuilder
from smlocal.images.build_settings import BuildSettings, machine_build_settings
from smlocal.images.stages import StageWatch
from smlocal.shipped import shipped_folder

pytestmark = [pytest.mark.engine, pytest.mark.slow]

MARK = b"smlocal-mark-of-this-machine"
CHUNK = 1024 * 1024


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    engine = DockerEngine()
    yield engine
    engine.close()


@pytest.fixture
def namespace(engine: DockerEngine) -> Iterator[str]:
    """A name for images of this test alone, on the base that the set-up made."""
    name = f"smlocal-test-{uuid.uuid4().hex[:8]}"
    engine.tag("smlocal/base:latest", f"{name}/base:latest")
    yield name
    for image in engine.images(f"{name}/"):
        for tag in image.tags:
            if tag.startswith(f"{name}/"):
                engine.remove_image(tag)


def marked_settings() -> BuildSettings:
    """This machine's own settings, so that downloads work, with a mark in each file."""
    own = machine_build_settings(os.environ)
    configuration = own.files.get("build-settings/pip.conf", b"[global]\n") + b"# " + MARK + b"\n"
    certificates = own.files.get("build-settings/ca.crt")
    files = {"build-settings/pip.conf": configuration}
    if certificates is not None:
        files["build-settings/ca.crt"] = certificates + b"\n# " + MARK + b"\n"
    return BuildSettings(files, {**own.arguments, "NO_PROXY": MARK.decode() + ".example"})


def holds_mark(source: BinaryIO) -> bool:
    """Whether the mark stands anywhere in a stream, also across the edges of what is read at once."""
    tail = b""
    while data := source.read(CHUNK):
        if MARK in tail + data:
            return True
        tail = data[-len(MARK) :]
    return False


def marked_members(reference: str) -> list[str]:
    """The parts of a saved image (layers, settings, history) in which the mark stands."""
    api = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto", timeout=300)
    found: list[str] = []
    with tempfile.TemporaryFile() as saved:
        for chunk in api.get_image(reference, chunk_size=CHUNK):
            saved.write(chunk)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None and holds_mark(content):
                    found.append(member.name)
    history = repr(api.history(reference)).encode() + repr(api.inspect_image(reference)).encode()
    api.close()
    return [*found, "history"] if holds_mark(io.BytesIO(history)) else found


class StageEnds(StageWatch):
    """Remembers the unnamed images with which stages ended."""

    def __init__(self, engine: DockerEngine, seen: list[str]) -> None:
        super().__init__(engine)
        self._ends = seen


@pytest.mark.parametrize("name", ["sklearn", "xgboost"])
def test_this_machines_settings_serve_the_build_and_stay_in_no_layer_and_no_history(
    engine: DockerEngine, namespace: str, name: str
) -> None:
    builder = ImageBuilder(engine, shipped_folder("container"), marked_settings(), "0", namespace=namespace)
    lines: list[str] = []
    (base, built) = builder.build([name], on_line=lines.append)
    assert (base.built, built.built) == (False, True)
    assert marked_members(f"{namespace}/{name}:latest") == []
    ends: list[str] = []
    watch = StageEnds(engine, ends)
    for line in lines:
        watch.see(line)
    with pytest.raises(ImageNotFound):  # the stage that downloaded, and held the settings, is gone from the engine
        engine.image(ends[0])


@pytest.fixture
def careless(tmp_path: Path) -> Path:
    """Containers whose `sklearn` lets the settings into its last stage."""
    containers = tmp_path / "container"
    shutil.copytree(shipped_folder("container") / "base", containers / "base")
    (containers / "sklearn").mkdir()
    dockerfile = "ARG BASE\nFROM ${BASE}\nCOPY build-settings/ /settings/\n"
    (containers / "sklearn" / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    return containers


def test_the_search_finds_settings_where_an_image_does_keep_them(
    engine: DockerEngine, namespace: str, careless: Path
) -> None:
    builder = ImageBuilder(engine, careless, marked_settings(), "0", namespace=namespace)
    builder.build(["sklearn"], on_line=lambda line: None)
    assert marked_members(f"{namespace}/sklearn:latest") != []


def test_a_second_build_of_the_same_content_takes_less_than_a_second(
    engine: DockerEngine, namespace: str, careless: Path
) -> None:
    builder = ImageBuilder(engine, careless, BuildSettings({"build-settings/x": b""}), "0", namespace=namespace)
    assert [image.built for image in builder.build(["sklearn"], on_line=lambda line: None)] == [False, True]
    start = time.monotonic()
    assert [image.built for image in builder.build(["sklearn"], on_line=lambda line: None)] == [False, False]
    assert time.monotonic() - start < 1.0


@pytest.mark.parametrize("name", ["base", "sklearn", "xgboost"])
def test_the_set_up_left_each_image_under_latest_and_the_version(engine: DockerEngine, name: str) -> None:
    latest, version = engine.image(f"smlocal/{name}:latest"), engine.image(f"smlocal/{name}:{__version__}")
    assert latest.id == version.id
    assert latest.labels[CONTENT_LABEL]
    assert (latest.operating_system, latest.architecture) == ("linux", "amd64")

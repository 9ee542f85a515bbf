"""What would be pushed of an OCI image layout is read of its index, whatever the layout holds."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.errors import BrokenArchive
from smlocal.evidence import PushedManifest
from smlocal.examination.image_facts import ImageExaminer
from smlocal.examination.oci_layout import pushed_manifest
from smlocal.launch import Launcher
from smlocal.owner import this_process

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def index_of(*types: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": name} for name in types]}).encode()


def layout(folder: Path, index: bytes | None, name: str = "index.json", as_tar: bool = True) -> Path:
    """A layout with a blob before its index, as buildx writes them."""
    if not as_tar:
        (folder / "layout").mkdir()
        (folder / "layout" / name).write_bytes(index or b"")
        return folder / "layout"
    files = {"blobs/sha256/00": bytes(3_000_000), **({} if index is None else {name: index}), "oci-layout": b"{}"}
    with tarfile.open(folder / "image.tar", "w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return folder / "image.tar"


@pytest.mark.parametrize("as_tar", [True, False], ids=["a tar", "a folder"])
@pytest.mark.parametrize(
    ("types", "pushed"),
    [((MANIFEST,), MANIFEST), ((INDEX,), INDEX), ((DOCKER,), DOCKER), ((MANIFEST, MANIFEST), INDEX)],
    ids=["one manifest", "an index in the index", "Docker's media type", "a manifest for each processor"],
)
def test_the_one_manifest_is_pushed_or_else_the_index(
    tmp_path: Path, types: tuple[str, ...], pushed: str, as_tar: bool
) -> None:
    path = layout(tmp_path, index_of(*types), as_tar=as_tar)
    assert pushed_manifest(path) == PushedManifest(pushed, f"the OCI layout {path.name}")


def test_names_in_a_tar_may_begin_with_a_dot(tmp_path: Path) -> None:
    assert pushed_manifest(layout(tmp_path, index_of(DOCKER), "./index.json")).media_type == DOCKER


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (None, "it has no index.json"),
        (b"{", "is no image index"),
        (b"[" * 100_000, "is no image index"),
        (b"[]", "is no image index"),
        (b"\xff", "is no image index"),
        (b'{"manifests": [1]}', "is no image index"),
        (b'{"manifests": [{}]}', "is no image index"),
        (index_of(), "names no manifest with a media type"),
        (index_of(1), "names no manifest with a media type"),
        (index_of("a\x1b[2J"), "names no manifest with a media type"),
        (b" " * 5_000_000, "has more than 4,194,304 bytes"),
    ],
    ids=["none", "cut", "deep", "a list", "no text", "numbers", "no type", "empty", "odd type", "control", "long"],
)  # fmt: skip
def test_what_is_no_layout_is_refused_with_its_reason(tmp_path: Path, index: bytes | None, words: str) -> None:
    with pytest.raises(BrokenArchive, match=words):
        pushed_manifest(layout(tmp_path, index))


def test_a_file_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(b"\x1f\x8b" + bytes(1000))
    with pytest.raises(BrokenArchive, match="not a tar archive"):
        pushed_manifest(tmp_path / "image.tar")


@pytest.mark.parametrize(
    ("told", "known"), [("", None), (INDEX, PushedManifest(INDEX, "the engine's store"))], ids=["none", "one"]
)
def test_the_manifest_that_an_engine_keeps_is_evidence(told: str, known: PushedManifest | None) -> None:
    engine = ScriptedEngine()
    engine.add_image("algorithm", ScriptedImage(Script(), manifest_type=told))
    assert ImageExaminer(engine, Launcher(engine, this_process(), "relay")).examine("algorithm").manifest == known

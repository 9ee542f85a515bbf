"""Images of real engines, exported: the configuration is the id, and each layer is what the engine says."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal.images.export import ImageExporter
from smlocal.images.layer_cache import LayerCache
from smlocal.registry.interface import digest_of
from smlocal.registry.scripted import ScriptedRepository
from tests.engine.adapters import IMAGE, REAL
from tests.engine.stage import Stage
from tests.images.archives import Member, tar_of

on_real_engines = pytest.mark.parametrize("adapter", REAL, indirect=True)


@pytest.fixture
def imported(stage: Stage, tmp_path: Path) -> Iterator[str]:
    """An image of one layer, which Podman keeps with an OCI manifest."""
    name = f"{stage.name('image')}:1"
    (tmp_path / "root.tar").write_bytes(tar_of([Member("opt/hello", b"hello" * 1000)]))
    stage.engine.import_image(tmp_path / "root.tar", name, ("ENV A=b",))
    yield name
    stage.engine.remove_image(name)


@pytest.fixture
def built(stage: Stage, tmp_path: Path) -> Iterator[str]:
    """An image with layers that come twice, where the engine makes any of these commands."""
    name = f"{stage.name('image')}:1"
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text(
        f"FROM {IMAGE}\nCOPY file /opt/a\nRUN true\nCOPY file /opt/a\nCOPY file /opt/b\n"
    )
    (folder / "file").write_bytes(b"x" * 5000)
    list(stage.engine.build(folder, (name,)))
    yield name
    stage.engine.remove_image(name)


@on_real_engines
@pytest.mark.parametrize("made", ["imported", "built"])
def test_an_exported_image_is_what_the_engine_says(
    stage: Stage, made: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    facts = stage.engine.image(request.getfixturevalue(made))
    exporter = ImageExporter(stage.engine, tmp_path / "spool", LayerCache(tmp_path / "cache"))
    with exporter.exported(facts.id, ScriptedRepository()) as image:
        assert digest_of(image.config) == facts.id
        assert tuple(layer.diff_id for layer in image.layers) == facts.layers
        for layer in image.layers:
            assert layer.path is not None
            packed = layer.path.read_bytes()
            assert (digest_of(packed), digest_of(gzip.decompress(packed))) == (layer.blob.digest, layer.diff_id)
    assert list((tmp_path / "spool").iterdir()) == []

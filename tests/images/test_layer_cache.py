"""The cache of layers and configurations: bounded, whole, and never a reason to fail."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from smlocal.images.layer_cache import KnownLayer, LayerCache
from smlocal.registry.interface import DOCKER_LAYER, Descriptor, digest_of

CONFIG = b'{"rootfs": {}}'
IMAGE = digest_of(CONFIG)


def known(number: int) -> KnownLayer:
    return KnownLayer(digest_of(b"%d" % number), Descriptor(DOCKER_LAYER, digest_of(b"packed %d" % number), 10), 100)


def test_what_was_remembered_is_known_to_the_next_process(tmp_path: Path) -> None:
    LayerCache(tmp_path / "cache").remember(IMAGE, CONFIG, [known(1), known(2)])
    cache = LayerCache(tmp_path / "cache")
    assert cache.layers([known(2).diff_id, known(3).diff_id, known(1).diff_id, known(2).diff_id]) == [
        known(2),
        known(1),
    ]
    assert cache.config(IMAGE) == CONFIG
    assert cache.config(digest_of(b"another")) is None


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    assert LayerCache(tmp_path / "none").layers([known(1).diff_id]) == []
    assert LayerCache(tmp_path / "none").config(IMAGE) is None


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[", b"3", b"[3]", b'[{"layer": 3}]', b"\xff" * 100, b"[" * 100_000, b" " * (4 * 1024 * 1024 + 1)],
)
def test_a_damaged_cache_knows_nothing_and_is_mended_by_the_next(tmp_path: Path, damage: bytes) -> None:
    cache = LayerCache(tmp_path)
    cache.remember(IMAGE, CONFIG, [known(1)])
    (tmp_path / "layers.json").write_bytes(damage)
    assert cache.layers([known(1).diff_id]) == []
    cache.remember(IMAGE, CONFIG, [known(2)])
    assert cache.layers([known(2).diff_id]) == [known(2)]


def test_no_changed_character_makes_a_layer_another_one(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    cache.remember(IMAGE, CONFIG, [known(1)])
    whole = (tmp_path / "layers.json").read_text()
    for place, letter in enumerate(whole):
        (tmp_path / "layers.json").write_text(whole[:place] + ("1" if letter != "1" else "2") + whole[place + 1 :])
        assert cache.layers([known(1).diff_id]) in ([], [known(1)])


def test_a_damaged_configuration_is_none(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    cache.remember(IMAGE, CONFIG, [])
    (path,) = (tmp_path / "configs").iterdir()
    path.write_bytes(CONFIG + b" ")
    assert cache.config(IMAGE) is None


def test_it_keeps_the_newest_only(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path, most_layers=3, most_configs=2)
    for number in range(6):
        cache.remember(digest_of(b"image %d" % number), b"config %d" % number, [known(number)])
    assert cache.layers(known(number).diff_id for number in range(6)) == [known(3), known(4), known(5)]
    assert len(list((tmp_path / "configs").iterdir())) == 2
    assert len(json.loads((tmp_path / "layers.json").read_bytes())) == 3


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = LayerCache(tmp_path / "file" / "cache")
    cache.remember(IMAGE, CONFIG, [known(1)])
    assert cache.layers([known(1).diff_id]) == []
    assert cache.config(IMAGE) is None


def test_several_writers_at_once_leave_a_whole_cache(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            LayerCache(tmp_path).remember(IMAGE, CONFIG, [known(number)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LayerCache(tmp_path).layers(known(number).diff_id for number in range(4))
    assert not list(tmp_path.glob("**/*.draft"))

"""Files travel through the engine's API: volumes filled before a run and read after it, on every engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from smlocal.engine.interface import PathFacts, VolumeMount
from smlocal.errors import DiskFull, EngineError, NotFoundInEngine, StorageError
from smlocal.tree import TreeDirectory, TreeFile, text_file
from tests.engine.adapters import ALL
from tests.engine.programs import CHANGES_CHANNEL, READS_ONLY, TRAINS, exits
from tests.engine.stage import Stage

pytestmark = pytest.mark.parametrize("adapter", ALL, indirect=True)
MEBIBYTE = 1024 * 1024


def test_a_volume_filled_before_the_run_is_read_after_it(stage: Stage) -> None:
    mounts = (VolumeMount(stage.volume(), "/opt/ml/input"), VolumeMount(stage.volume(), "/opt/ml/model"))
    container = stage.create(TRAINS, mounts=mounts)
    stage.put(container, "/opt/ml/input", text_file("data/train/a.csv", "0,1\n"))

    ran = stage.run_created(container)

    assert (ran.state.exit_code, ran.output()) == (0, b"0,1\n")
    members = stage.members(container, "/opt/ml/model")
    assert {name: (found.mode & 0o7777, found.type) for name, found in members.items()} == {
        "model": (0o755, b"5"),
        "model/deep": (0o755, b"5"),
        "model/deep/weights.bin": (0o600, b"0"),
        "model/deep/latest": (0o777, b"2"),
        "model/empty": (0o755, b"5"),
    }
    assert members["model/deep/latest"].linkname == "weights.bin"
    assert stage.file(container, "/opt/ml/model/deep/weights.bin") == b"w" * 1000


def test_one_archive_at_the_root_fills_several_volumes(stage: Stage) -> None:
    """What launch.py does."""
    mounts = (VolumeMount(stage.volume(), "/opt/ml/input"), VolumeMount(stage.volume(), "/opt/ml/model"))
    container = stage.create(TRAINS, mounts=mounts)
    stage.put(container, "/", TreeDirectory("opt/ml/model"), text_file("opt/ml/input/data/train/a.csv", "7\n"))

    ran = stage.run_created(container)

    assert (ran.state.exit_code, ran.output()) == (0, b"7\n")


def test_an_archive_at_the_root_lands_in_the_volumes_themselves_before_any_run(stage: Stage) -> None:
    """Also in a volume within a volume, and beside volumes; a container that is never started fills them so."""
    outer, inner = stage.volume(), stage.volume()
    filler = stage.create(exits(0), mounts=(VolumeMount(outer, "/opt/ml"), VolumeMount(inner, "/opt/ml/model")))
    stage.put(
        filler,
        "/",
        TreeDirectory("opt/ml", 0o750),
        text_file("opt/ml/input/a", "1", 0o600),
        text_file("opt/ml/model/b", "2"),
        text_file("opt/ml/input/c", "3"),
        text_file("opt/beside", "4"),
    )
    assert stage.file(filler, "/opt/beside") == b"4"
    stage.engine.remove_container(filler)

    seen = stage.create(exits(0), mounts=(VolumeMount(outer, "/outer"), VolumeMount(inner, "/inner")))
    found = {name: found.mode & 0o7777 for name, found in stage.members(seen, "/outer").items() if "model" not in name}
    assert found == {"outer": 0o750, "outer/input": 0o755, "outer/input/a": 0o600, "outer/input/c": 0o644}
    assert stage.file(seen, "/inner/b") == b"2"


def test_modes_and_owners_of_files_arrive(stage: Stage) -> None:
    container = stage.create(exits(0), mounts=(VolumeMount(stage.volume(), "/opt/ml/input"),))
    stage.put(container, "/opt/ml/input", TreeDirectory("config", 0o755), text_file("config/a.json", "{}", 0o640))

    members = stage.members(container, "/opt/ml/input")

    found = {name: (member.mode & 0o7777, member.uid, member.gid) for name, member in members.items()}
    assert found == {
        "input": (0o755, 0, 0),
        "input/config": (0o755, 0, 0),
        "input/config/a.json": (0o640, 0, 0),
    }


def test_a_read_only_volume_is_filled_through_a_container_that_is_never_started(stage: Stage) -> None:
    volume = stage.volume()
    reader = stage.create(READS_ONLY, mounts=(VolumeMount(volume, "/opt/ml/model", read_only=True),))
    filler = stage.create(exits(0), mounts=(VolumeMount(volume, "/opt/ml/model"),))
    stage.put(filler, "/opt/ml/model", text_file("weights", "42"))
    stage.engine.remove_container(filler)

    assert list(stage.run_created(reader).lines()) == ["42", "30"]  # EROFS


def test_an_archive_into_a_volume_that_is_mounted_read_only(stage: Stage) -> None:
    """A difference: Docker refuses it, Podman 4.3 writes it; smlocal therefore never does it."""
    container = stage.create(READS_ONLY, mounts=(VolumeMount(stage.volume(), "/opt/ml/model", read_only=True),))

    if stage.adapter.differences.refuses_archive_into_read_only:
        with pytest.raises(EngineError, match="marked read-only"):
            stage.put(container, "/opt/ml/model", text_file("weights", "42"))
    else:
        stage.put(container, "/opt/ml/model", text_file("weights", "42"))
        assert list(stage.run_created(container).lines()) == ["42", "30"]


def test_an_archive_for_a_directory_that_does_not_exist(stage: Stage) -> None:
    """A difference: Docker refuses it, Podman 4.3 makes the directory."""
    container = stage.create(exits(0))

    if stage.adapter.differences.refuses_archive_into_nothing:
        with pytest.raises(NotFoundInEngine, match="/not/there"):
            stage.put(container, "/not/there", text_file("a", "1"))
    else:
        stage.put(container, "/not/there", text_file("a", "1"))
        assert stage.file(container, "/not/there/a") == b"1"


def test_a_file_of_ours_that_cannot_be_read_is_not_taken_for_the_engines_silence(stage: Stage) -> None:
    def broken() -> io.BytesIO:
        raise StorageError("the bucket went away")

    container = stage.create(exits(0), mounts=(VolumeMount(stage.volume(), "/opt/ml/input"),))
    with pytest.raises(StorageError, match="went away"):
        stage.put(container, "/opt/ml/input", TreeFile("big", 3 * MEBIBYTE, broken))
    with pytest.raises(OSError, match="ended 2 bytes before"):
        stage.put(container, "/opt/ml/input", TreeFile("short", 3, lambda: io.BytesIO(b"x")))


def test_a_file_larger_than_any_buffer_goes_in_and_out_whole(stage: Stage) -> None:
    data = bytes(range(256)) * (32 * MEBIBYTE // 256)
    container = stage.create(exits(0), mounts=(VolumeMount(stage.volume(), "/opt/ml/input"),))
    stage.put(container, "/opt/ml/input", TreeFile("big", len(data), lambda: io.BytesIO(data)))

    assert stage.file(container, "/opt/ml/input/big") == data


def test_what_is_at_a_path_is_told_without_its_bytes(stage: Stage) -> None:
    container = stage.create(exits(0))
    stage.put(
        container,
        "/",
        text_file("looked/deep/file", "1", 0o640),
        TreeDirectory("looked/folder", 0o750),
    )
    _put_links(stage, container, {"short": "deep", "away": "short/../folder"})
    told = {
        "/looked/deep/file": PathFacts("file", 0o640),
        "/looked/folder": PathFacts("directory", 0o750),
        "/looked/short/file": PathFacts("file", 0o640),
        "/looked/short": PathFacts("symlink", 0o777, "/looked/deep"),
        "/looked/away": PathFacts("symlink", 0o777, "/looked/folder"),
    }
    assert {path: stage.engine.path(container, path) for path in told} == told
    with pytest.raises(NotFoundInEngine, match="/looked/nothing"):
        stage.engine.path(container, "/looked/nothing")


def test_a_link_that_leads_nowhere_is_something_or_nothing(stage: Stage) -> None:
    container = stage.create(exits(0))
    stage.put(container, "/", TreeDirectory("looked"))
    _put_links(stage, container, {"nowhere": "/not/there"})

    if stage.adapter.differences.tells_links_to_nothing:
        assert stage.engine.path(container, "/looked/nowhere") == PathFacts("symlink", 0o777, "/not/there")
    else:
        with pytest.raises(NotFoundInEngine, match="/looked/nowhere"):
            stage.engine.path(container, "/looked/nowhere")
    with pytest.raises(NotFoundInEngine, match="/looked/nowhere/file"):
        stage.engine.path(container, "/looked/nowhere/file")


def test_links_in_a_circle_are_said_so_in_the_engines_words(stage: Stage) -> None:
    container = stage.create(exits(0))
    stage.put(container, "/", TreeDirectory("looked"))
    _put_links(stage, container, {"a": "b", "b": "a"})
    with pytest.raises(EngineError, match=r"too many (links|levels of symbolic links)"):
        stage.engine.path(container, "/looked/a")


def _put_links(stage: Stage, container: str, links: Mapping[str, str]) -> None:
    """Symbolic links below /looked."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(link)
    stage.engine.put_archive(container, "/looked", iter([stream.getvalue()]))


def test_a_path_that_does_not_exist_is_said_so(stage: Stage) -> None:
    container = stage.run(exits(0)).container
    with pytest.raises(NotFoundInEngine, match="/opt/ml/output/failure"):
        list(stage.engine.get_archive(container, "/opt/ml/output/failure"))


def test_an_archive_of_a_container_that_does_not_exist_is_said_so(stage: Stage) -> None:
    with pytest.raises(NotFoundInEngine):
        list(stage.engine.get_archive("smlocal-suite-nobody", "/opt"))
    with pytest.raises(NotFoundInEngine):
        stage.put("smlocal-suite-nobody", "/opt", text_file("a", "1"))


def test_a_folder_shown_as_a_volume_is_writable_and_stays_as_it_was(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "channel"
    folder.mkdir()
    (folder / "a.csv").write_text("0,1,2")
    volume = stage.name("overlay")

    if not stage.adapter.differences.overlays_folders:
        with pytest.raises(EngineError, match="cannot be overlaid"):
            stage.engine.create_volume(volume, stage.labels, overlay_of=folder)
        return
    stage.engine.create_volume(volume, stage.labels, overlay_of=folder)
    ran = stage.run(CHANGES_CHANNEL, mounts=(VolumeMount(volume, "/channel"),))

    assert (ran.state.exit_code, ran.output()) == (0, b"0,1,2\n")
    if stage.adapter.differences.reads_overlays_after_the_run:
        assert stage.file(ran.container, "/channel/b.csv") == b"new"
    else:
        with pytest.raises(NotFoundInEngine):
            stage.file(ran.container, "/channel/b.csv")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.csv": "0,1,2"}


@pytest.mark.parametrize("name", ["a,b", "a:b"])
def test_a_folder_whose_name_the_mount_cannot_take_is_refused(stage: Stage, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(EngineError, match="cannot be overlaid"):
        stage.engine.create_volume(stage.name("overlay"), stage.labels, overlay_of=tmp_path / name)


def test_a_full_disk_is_told_from_any_other_error(stage: Stage) -> None:
    size = stage.adapter.differences.disk_bytes
    if size is None:
        assert stage.adapter.name in ("docker-local", "podman"), "their disk is this machine's: it is not filled"
        return
    container = stage.create(exits(0), mounts=(VolumeMount(stage.volume(), "/opt/ml/input"),))
    zeros = TreeFile("zeros", size + MEBIBYTE, lambda: _Zeros(size + MEBIBYTE))
    with pytest.raises(DiskFull, match="no space left on device"):
        stage.put(container, "/opt/ml/input", zeros)


class _Zeros(io.BytesIO):
    """That many zero bytes, never held."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int | None = -1, /) -> bytes:
        count = min(self._left, size if size is not None and size >= 0 else self._left)
        self._left -= count
        return bytes(count)


def test_removing_a_volume_twice_is_no_error(stage: Stage) -> None:
    volume = stage.volume()
    stage.engine.remove_volume(volume)
    stage.engine.remove_volume(volume)
    assert stage.engine.owned(stage.labels) == []


def test_a_volume_in_use_is_not_removed(stage: Stage) -> None:
    volume = stage.volume()
    stage.create(exits(0), mounts=(VolumeMount(volume, "/opt/ml/input"),))
    with pytest.raises(EngineError, match=r"in use|being used"):
        stage.engine.remove_volume(volume)

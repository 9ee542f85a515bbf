from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.artifacts import entries_of_folder, pack, unpack, upload
from smlocal.errors import UsageError
from smlocal.storage.directory import DirectoryStore
from smlocal.streams import CHUNK
from smlocal.tree import Entry, TreeDirectory, TreeFile, TreeLink, tar_stream, text_file


def engine_tar(folder: Path, transform: str = "s,^[.],model,") -> Iterator[bytes]:
    """A folder as an engine gives it: GNU tar's stream, the folder's own name before every name."""
    command = ["tar", "-C", str(folder), "--transform", f"flags=rh;{transform}", "--numeric-owner", "-cf", "-", "."]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return iter([data[start : start + 700] for start in range(0, len(data), 700)])


def packed(tar: Iterator[bytes]) -> tarfile.TarFile:
    stream = pack(tar, "model")
    assert stream is not None
    return tarfile.open(fileobj=io.BytesIO(b"".join(stream)), mode="r:gz")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "opt"
    (folder / "model/1").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"w" * 3_000_000)
    (folder / "weights.bin").chmod(0o640)
    (folder / "model/1/saved.pb").write_text("saved")
    (folder / "latest").symlink_to("model/1")
    (folder / "copy.bin").hardlink_to(folder / "model/1/saved.pb")
    os.utime(folder / "weights.bin", (1_700_000_000, 1_700_000_000))
    return folder


@pytest.mark.parametrize("transform", ["s,^[.],model,", "s,^[.],./model,", "s,x,x,"])
def test_names_in_the_archive_are_relative_to_the_directory(model: Path, transform: str) -> None:
    # Source: developer guide, your-algorithms-training-algo-output; a folder called `model` in it stays
    with packed(engine_tar(model, transform)) as archive:
        assert sorted(archive.getnames()) == [
            "copy.bin",
            "latest",
            "model",
            "model/1",
            "model/1/saved.pb",
            "weights.bin",
        ]


def test_bytes_modes_times_and_links_are_kept(model: Path) -> None:
    with packed(engine_tar(model)) as archive:
        weights, latest = archive.getmember("weights.bin"), archive.getmember("latest")
        hard = next(info for info in archive if info.islnk())
        assert (weights.mode, weights.mtime, weights.size) == (0o640, 1_700_000_000, 3_000_000)
        assert (latest.issym(), latest.linkname) == (True, "model/1")
        assert {hard.name, hard.linkname} == {"copy.bin", "model/1/saved.pb"}
        source = archive.extractfile("copy.bin")
        assert source is not None
        assert source.read() == b"saved"


def test_gnu_tar_unpacks_what_we_packed(model: Path, tmp_path: Path) -> None:
    stream = pack(engine_tar(model), "model")
    assert stream is not None
    (tmp_path / "model.tar.gz").write_bytes(b"".join(stream))
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "-C", str(tmp_path / "out"), "-xzf", str(tmp_path / "model.tar.gz")], check=True)
    subprocess.run(["diff", "-r", str(model), str(tmp_path / "out")], check=True)


def test_the_same_files_make_the_same_archive(model: Path) -> None:
    first, again = pack(engine_tar(model), "model"), pack(engine_tar(model), "model")
    assert first is not None
    assert again is not None
    assert b"".join(first) == b"".join(again)


@pytest.mark.parametrize("entries", [[TreeDirectory("model")], []])
def test_an_empty_directory_makes_no_archive(entries: list[Entry]) -> None:
    # Source: aws/sagemaker-python-sdk issue 3455
    assert pack(tar_stream(entries), "model") is None


def test_members_are_told_as_they_are_packed() -> None:
    seen: list[tuple[str, str, int]] = []
    stream = pack(
        tar_stream([TreeDirectory("model"), text_file("model/a", "xyz")]),
        "model",
        lambda member: seen.append((member.name, member.kind, member.size)),
    )
    assert stream is not None
    b"".join(stream)
    assert seen == [("a", "file", 3)]


class _Counting(io.RawIOBase):
    """So many zero bytes, and how many of them were taken."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        return count


def test_a_big_file_is_packed_a_piece_at_a_time() -> None:
    size = 200 * CHUNK
    source = _Counting(size)
    stream = pack(tar_stream([TreeFile("model/big", size, lambda: io.BufferedReader(source))]), "model")
    assert stream is not None
    for _ in range(10):
        next(stream)
    assert size - source.left < 40 * CHUNK
    stream.close()


def test_files_go_to_the_store_one_by_one_without_compression(model: Path, tmp_path: Path) -> None:
    # Source: API, OutputDataConfig.CompressionType
    store = DirectoryStore(tmp_path / "store")
    store.ensure_bucket("bucket")
    os.mkfifo(model / "pipe")
    left_out = upload(engine_tar(model), "model", store, "bucket", "job/output/model/")
    assert [(item.key, item.size) for item in store.list("bucket")] == [
        ("job/output/model/copy.bin", 5),
        ("job/output/model/model/1/saved.pb", 5),
        ("job/output/model/weights.bin", 3_000_000),
    ]
    assert sorted(left_out) == ["latest", "pipe"]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..")
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=3000), min_size=1, max_size=5), st.integers(0, 0o777))
def test_what_was_packed_is_what_is_unpacked(files: dict[str, bytes], mode: int) -> None:
    entries = [
        TreeFile(f"model/{name}", len(data), lambda data=data: io.BytesIO(data), mode, 9.0)
        for name, data in files.items()
    ]
    stream = pack(tar_stream(entries), "model")
    assert stream is not None
    found = {}
    for entry in unpack(io.BytesIO(b"".join(stream))):
        assert isinstance(entry, TreeFile)
        assert (entry.mode, entry.modified) == (mode, 9.0)
        with entry.open() as source:
            found[entry.path] = source.read()
    assert found == files


def test_a_folder_stands_for_an_unpacked_archive(model: Path) -> None:
    found = {entry.path: entry for entry in entries_of_folder(model)}
    assert list(found) == [
        "copy.bin",
        "latest",
        "latest/saved.pb",
        "model",
        "model/1",
        "model/1/saved.pb",
        "weights.bin",
    ]
    weights = found["weights.bin"]
    assert isinstance(weights, TreeFile)
    assert (weights.mode, weights.size, weights.modified) == (0o640, 3_000_000, 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_stream(found.values())))) as archive:
        assert archive.getmember("weights.bin").size == 3_000_000


@pytest.mark.parametrize("what", ["pipe", "link to nothing", "file"])
def test_a_folder_with_what_cannot_be_in_an_archive_is_refused_by_name(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "model"
    if what == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        if what == "pipe":
            os.mkfifo(folder / "odd")
        else:
            (folder / "odd").symlink_to("missing")
    with pytest.raises(UsageError, match="not a folder" if what == "file" else "odd"):
        list(entries_of_folder(folder))


def test_a_hard_link_to_a_file_before_it_is_a_second_name(model: Path) -> None:
    (model / "latest").unlink()
    archive = gzip.compress(b"".join(engine_tar(model, "s,x,x,")))
    (link,) = (entry for entry in unpack(io.BytesIO(archive)) if isinstance(entry, TreeLink))
    assert {link.path, link.target} == {"copy.bin", "model/1/saved.pb"}

"""Which checkpoints are stored again, told from their sizes and times, which engines give in whole seconds."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal.channels import Files
from smlocal.storage.directory import DirectoryStore
from smlocal.training.checkpoints import CheckpointSync
from smlocal.tree import TreeFile, tar_stream, text_file

BUCKET = "bucket"
NOW = 1_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    found = DirectoryStore(tmp_path)
    found.ensure_bucket(BUCKET)
    return found


def sync(store: DirectoryStore, *restored: TreeFile) -> CheckpointSync:
    files = Files(BUCKET, "run/", restored, tuple(f"run/{file.path}" for file in restored))
    return CheckpointSync(store, files, deletes=True, clock=lambda: NOW)


def directory(text: str, modified: float) -> Iterator[bytes]:
    file = text_file("checkpoints/w", text)
    return tar_stream([TreeFile(file.path, file.size, file.open, modified=modified)])


def stored(store: DirectoryStore) -> bytes:
    with store.open(BUCKET, "run/w") as source:
        return source.read()


def test_what_did_not_change_is_stored_once(store: DirectoryStore) -> None:
    kept = sync(store)
    assert kept.bring(directory("one", NOW - 60)) == 1
    assert kept.bring(directory("one", NOW - 60)) == 0


def test_a_file_written_again_within_the_same_second_is_stored_again(store: DirectoryStore) -> None:
    kept = sync(store)
    kept.bring(directory("one", NOW - 1))
    assert kept.bring(directory("two", NOW - 1)) == 1
    assert stored(store) == b"two"


def test_what_was_restored_is_not_stored_again(store: DirectoryStore) -> None:
    store.put(BUCKET, "run/w", io.BytesIO(b"old"))
    restored = TreeFile("w", 3, lambda: io.BytesIO(b"old"), modified=NOW - 60)
    assert sync(store, restored).bring(directory("old", NOW - 60)) == 0


def test_what_was_restored_and_is_gone_is_deleted(store: DirectoryStore) -> None:
    store.put(BUCKET, "run/old", io.BytesIO(b"old"))
    restored = TreeFile("old", 3, lambda: io.BytesIO(b"old"), modified=NOW - 60)
    sync(store, restored).bring(directory("new", NOW))
    assert [item.key for item in store.list(BUCKET)] == ["run/w"]


def test_what_is_neither_a_file_nor_a_folder_is_named(store: DirectoryStore) -> None:
    def archive(*links: str) -> Iterator[bytes]:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as members:
            for name, kind, target in [
                ("", tarfile.DIRTYPE, ""),
                ("/e1", tarfile.DIRTYPE, ""),
                ("/w", tarfile.REGTYPE, ""),
                ("/second", tarfile.LNKTYPE, "checkpoints/w"),
                *((link, tarfile.SYMTYPE, "w") for link in links),
            ]:
                member = tarfile.TarInfo(f"checkpoints{name}")
                member.type, member.linkname, member.mtime = kind, target, NOW
                members.addfile(member)
        yield packed.getvalue()

    kept = sync(store)
    kept.bring(archive("/latest", "/e1/best"))
    assert kept.left_out == ["latest", "e1/best"]
    kept.bring(archive("/latest"))
    assert kept.left_out == ["latest"], "as they are at the last look"
    assert [item.key for item in store.list(BUCKET)] == ["run/second", "run/w"]

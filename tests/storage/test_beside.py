"""What is kept beside an object's bytes, on file systems with and without extended attributes."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from smlocal.storage.directory import DirectoryStore

ABOUT = {"content-type": "text/csv", "x-amz-meta-a": "é"}


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path)
    made.ensure_bucket("bucket")
    return made


def without_attributes(*_: object) -> None:
    raise OSError(errno.ENOTSUP, "Operation not supported")


@pytest.mark.parametrize("attributes", [True, False])
def test_both_are_kept_while_the_file_is_as_it_was(
    store: DirectoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: bool
) -> None:
    if not attributes:
        monkeypatch.setattr(os, "setxattr", without_attributes)
    store.put("bucket", "a", io.BytesIO(b"x"), about=ABOUT, etag="whole-2")
    head = store.head("bucket", "a")
    assert (head.etag, head.about) == ("whole-2", ABOUT)
    assert next(store.list("bucket")).etag == "whole-2"
    assert (tmp_path / ".smlocal/notes").exists() is not attributes
    store.put("bucket", "a/b", io.BytesIO(b""))  # moves `a` to its other place
    assert store.head("bucket", "a").about == ABOUT
    store.delete("bucket", "a/b")
    store.put("bucket", "a", io.BytesIO(b"x"))
    assert store.head("bucket", "a").about == {}
    (tmp_path / "bucket/a").write_bytes(b"changed by hand")
    assert store.head("bucket", "a").etag.endswith("-1")


def test_what_has_no_room_in_attributes_is_kept_in_a_note_that_goes_with_the_object(
    store: DirectoryStore, tmp_path: Path
) -> None:
    about = {"x-amz-meta-a": "a" * 100_000}
    store.put("bucket", "a", io.BytesIO(b"x"), about=about)
    assert store.head("bucket", "a").about == about
    notes = tmp_path / ".smlocal/notes"
    assert len(list(notes.iterdir())) == 1
    store.put("bucket", "a", io.BytesIO(b"x"), about=about)
    assert len(list(notes.iterdir())) == 1
    store.delete("bucket", "a")
    assert list(notes.iterdir()) == []


def test_a_note_that_was_cut_short_is_not_believed(
    store: DirectoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "setxattr", without_attributes)
    store.put("bucket", "a", io.BytesIO(b"x"), about=ABOUT)
    (note,) = (tmp_path / ".smlocal/notes").iterdir()
    note.write_text('{"etag": "x"')
    assert store.head("bucket", "a").about == {}

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal.errors import NoSuchUpload, StorageError
from smlocal.storage.uploads import Part, Upload, Uploads, joined
from smlocal.storage.writing import PARTIAL
from smlocal.streams import reader_of


def put(uploads: Uploads, upload: Upload, number: int, data: bytes, checksum: str = "") -> Part:
    return uploads.put_part(upload, number, io.BytesIO(data), lambda: checksum)


def test_an_upload_and_its_parts_outlive_the_process(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, clock=lambda: 1000.0)
    upload = uploads.begin("bucket", "a/é", {"content-type": "x"})
    made = [put(uploads, upload, 2, b"two", "+/+/=="), put(uploads, upload, 1, b"one")]
    others = Uploads(tmp_path)
    assert others.find("bucket", "a/é", upload.id) == upload
    assert others.parts(upload) == made[::-1]
    assert [(part.size, part.checksum) for part in made] == [(3, "+/+/=="), (3, "")]
    assert b"".join(joined(others.parts(upload))) == b"onetwo"


def test_a_part_takes_the_place_of_one_with_its_number(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    upload = uploads.begin("bucket", "a", {})
    for data in (b"old", b"new", b"new"):
        put(uploads, upload, 1, data)
    assert [part.path.read_bytes() for part in uploads.parts(upload)] == [b"new"]
    assert len(list((tmp_path / "bucket" / upload.id).iterdir())) == 2


def test_a_part_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def source() -> Iterator[bytes]:
        yield b"half"
        raise OSError("gone")

    uploads = Uploads(tmp_path)
    upload = uploads.begin("bucket", "a", {})
    with pytest.raises(StorageError):
        uploads.put_part(upload, 1, reader_of(source()), lambda: "")
    assert uploads.parts(upload) == []
    assert list((tmp_path / ".incoming").iterdir()) == []


def test_an_upload_that_has_ended_is_none(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    upload = uploads.begin("bucket", "a", {})
    part = put(uploads, upload, 1, b"x")
    uploads.end(upload)
    uploads.end(upload)
    with pytest.raises(NoSuchUpload):
        uploads.find("bucket", "a", upload.id)
    with pytest.raises(NoSuchUpload):
        put(uploads, upload, 2, b"x")
    with pytest.raises(NoSuchUpload):
        uploads.parts(upload)
    with pytest.raises(NoSuchUpload):
        list(joined([part]))
    assert uploads.all("bucket") == []


@pytest.mark.parametrize(
    ("bucket", "key", "identity"),
    [("bucket", "b", None), ("other", "a", None), ("bucket", "a", "../x"), ("..", "a", None), ("bucket", "a", "")],
)
def test_an_upload_is_found_by_bucket_key_and_id_only(
    tmp_path: Path, bucket: str, key: str, identity: str | None
) -> None:
    uploads = Uploads(tmp_path)
    upload = uploads.begin("bucket", "a", {})
    with pytest.raises(NoSuchUpload):
        uploads.find(bucket, key, upload.id if identity is None else identity)


def test_uploads_are_listed_by_key_and_time(tmp_path: Path) -> None:
    times = iter([3.0, 1.0, 2.0])
    uploads = Uploads(tmp_path, clock=lambda: next(times))
    for key in ("a", "a", "A"):
        uploads.begin("bucket", key, {})
    assert [(upload.key, upload.begun) for upload in uploads.all("bucket")] == [("A", 2.0), ("a", 1.0), ("a", 3.0)]


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    incoming = tmp_path / ".incoming"
    (incoming / "x-gone").mkdir(parents=True)
    (incoming / f"{PARTIAL}x").write_text("half")
    os.utime(incoming / f"{PARTIAL}x", (1, 1))
    Uploads(tmp_path).begin("bucket", "a", {})
    assert list(incoming.iterdir()) == []

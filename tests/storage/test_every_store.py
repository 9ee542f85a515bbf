"""What every store does, against every adapter."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smlocal.errors import BucketNotEmpty, NoSuchBucket, NoSuchObject, ObjectChanged, StorageError
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.interface import ObjectStore
from smlocal.storage.mounted import Mount, MountedStore
from smlocal.storage.s3 import S3Store
from smlocal.streams import reader_of

_numbers = itertools.count()


@dataclass(frozen=True)
class Subject:
    """A store with an empty bucket that may be written to."""

    store: ObjectStore
    bucket: str
    prefix: str = ""  # the keys that this bucket takes begin so
    files: bool = False  # keys are files: `a` cannot be beside `a/b`

    def put(self, key: str, data: bytes = b"x") -> str:
        self.store.put(self.bucket, self.prefix + key, io.BytesIO(data))
        return self.prefix + key

    def read(self, key: str) -> bytes:
        with self.store.open(self.bucket, self.prefix + key) as source:
            return source.read()

    def keys(self, prefix: str = "") -> list[str]:
        found = [item.key for item in self.store.list(self.bucket, self.prefix + prefix)]
        return [key.removeprefix(self.prefix) for key in found]


def _directory(folder: Path, endpoint: Callable[[], str]) -> Subject:
    store = DirectoryStore(folder / "store")
    store.ensure_bucket("suite")
    return Subject(store, "suite")


def _s3(folder: Path, endpoint: Callable[[], str]) -> Subject:
    store = S3Store(endpoint(), "eu-west-1")
    bucket = f"suite-{next(_numbers)}"
    store.ensure_bucket(bucket)
    return Subject(store, bucket)


def _mounted(folder: Path, endpoint: Callable[[], str]) -> Subject:
    (folder / "mine").mkdir()
    mount = Mount(folder / "mine", "mine", writable=True, deletable=True)
    return Subject(MountedStore(DirectoryStore(folder / "base"), {"suite": mount}), "suite", "mine/", files=True)


def _base_of_mounted(folder: Path, endpoint: Callable[[], str]) -> Subject:
    store = MountedStore(DirectoryStore(folder / "base"), {"other": Mount(folder, "other")})
    store.ensure_bucket("suite")
    return Subject(store, "suite")


_MAKERS = {"directory": _directory, "s3": _s3, "mounted": _mounted, "base-of-mounted": _base_of_mounted}


@pytest.fixture(params=sorted(_MAKERS))
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    return _MAKERS[request.param](tmp_path, lambda: request.getfixturevalue("s3_endpoint"))


def test_what_was_stored_is_read_back(subject: Subject) -> None:
    subject.put("iris/train.csv", b"1,2\n")
    assert subject.read("iris/train.csv") == b"1,2\n"


def test_an_object_tells_its_size_its_md5_and_its_address(subject: Subject) -> None:
    stored = subject.store.put(subject.bucket, f"{subject.prefix}a", io.BytesIO(b"hello"))
    assert stored == subject.store.head(subject.bucket, f"{subject.prefix}a")
    assert (stored.size, stored.etag) == (5, "5d41402abc4b2a76b9719d911017c592")
    assert stored.uri == f"s3://{subject.bucket}/{subject.prefix}a"
    listed = next(subject.store.list(subject.bucket))
    assert (listed.key, listed.size, listed.etag) == (stored.key, stored.size, stored.etag)


def test_storing_again_replaces_the_object(subject: Subject) -> None:
    subject.put("a", b"long before")
    subject.put("a", b"now")
    assert subject.read("a") == b"now"
    assert subject.keys() == ["a"]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["other/train/z", "trai", "train-old/y", "train.csv", "train/x"]),
        ("train", ["train-old/y", "train.csv", "train/x"]),
        ("train/", ["train/x"]),
        ("train/x", ["train/x"]),
        ("train/x/", []),
        ("trainer", []),
        ("nowhere/", []),
        ("other/tr", ["other/train/z"]),
    ],
)
def test_a_prefix_is_a_string_not_a_folder(subject: Subject, prefix: str, found: list[str]) -> None:
    for key in ("train/x", "train-old/y", "trai", "other/train/z", "train.csv"):
        subject.put(key)
    assert subject.keys(prefix) == found


def test_a_listing_is_in_the_order_of_utf_8_bytes(subject: Subject) -> None:
    names = ["b", "B", "a-b", "a.b", "a0", "a/b/c", "a/b.c", "a/b-c", "é", "\uffee", "\U0001f600", "z", "a b", "a%2Fb"]
    for name in names:
        subject.put(name)
    assert subject.keys() == sorted(names, key=str.encode)


@pytest.mark.parametrize(
    "key", ["a%2Fb", "a?b", "a#b", "a b", "a+b", "*", "ключ/图.csv", "a\\b", "'\"", "~", "x" * 200]
)
def test_any_name_is_a_key(subject: Subject, key: str) -> None:
    subject.put(key, key.encode())
    assert subject.keys() == [key]
    assert subject.read(key) == key.encode()


def test_a_deleted_object_is_gone_and_deleting_again_is_no_error(subject: Subject) -> None:
    key = subject.put("a/b")
    for _ in range(2):
        subject.store.delete(subject.bucket, key)
    assert subject.keys() == []
    with pytest.raises(NoSuchObject):
        subject.store.head(subject.bucket, key)


def test_a_missing_object_is_told_by_its_address(subject: Subject) -> None:
    subject.put("folder/file")
    for key in ("none", "folder", "folder/file/below"):
        with pytest.raises(NoSuchObject, match=f"s3://{subject.bucket}/{subject.prefix}{key}"):
            subject.store.head(subject.bucket, subject.prefix + key)
        with pytest.raises(NoSuchObject, match=f"s3://{subject.bucket}/{subject.prefix}{key}"):
            subject.store.open(subject.bucket, subject.prefix + key)


def test_a_missing_bucket_is_told_at_once(subject: Subject) -> None:
    store = subject.store
    assert not store.bucket_exists("missing")
    calls: list[Callable[[], object]] = [
        lambda: store.list("missing"),
        lambda: store.head("missing", "a"),
        lambda: store.open("missing", "a"),
        lambda: store.put("missing", "a", io.BytesIO(b"")),
        lambda: store.delete("missing", "a"),
    ]
    for call in calls:
        with pytest.raises(NoSuchBucket, match="there is no bucket missing"):
            call()


def test_a_bucket_is_made_once_and_stays(subject: Subject) -> None:
    subject.put("a")
    subject.store.ensure_bucket(subject.bucket)
    assert subject.store.bucket_exists(subject.bucket)
    assert subject.keys() == ["a"]


@pytest.mark.parametrize("name", ["ab", "Upper", "under_score", "-a-", "a..b", "192.168.0.1", "x" * 64])
def test_a_name_that_s3_does_not_allow_is_no_bucket(subject: Subject, name: str) -> None:
    with pytest.raises(StorageError):
        subject.store.ensure_bucket(name)


@pytest.mark.parametrize("size", [0, 1, 9 * 1024 * 1024 + 1])
def test_an_object_of_any_size_is_kept_byte_for_byte(subject: Subject, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"\xff" * (size % 256)
    subject.put("big", data)
    assert subject.read("big") == data
    assert next(subject.store.list(subject.bucket)).size == size


def _breaking_off() -> Iterator[bytes]:
    yield b"abc"
    raise ConnectionResetError("the source broke off")


def test_an_upload_that_breaks_off_leaves_what_was_there(subject: Subject) -> None:
    subject.put("a", b"before")
    with pytest.raises((StorageError, OSError)):
        subject.store.put(subject.bucket, f"{subject.prefix}a", reader_of(_breaking_off()))
    assert subject.read("a") == b"before"
    assert subject.keys() == ["a"]


def test_an_upload_leaves_its_source_open(subject: Subject) -> None:
    source = io.BytesIO(b"abc")
    subject.store.put(subject.bucket, f"{subject.prefix}a", source)
    assert not source.closed


def test_writers_of_one_key_leave_one_whole_object(subject: Subject) -> None:
    bodies = [bytes([number]) * 100_000 for number in range(6)]
    threads = [threading.Thread(target=subject.put, args=("same", body)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert subject.read("same") in bodies
    assert subject.keys() == ["same"]


def test_a_key_of_more_than_1024_bytes_is_refused(subject: Subject) -> None:
    for key in ("é" * 513, "a/" * 513):
        with pytest.raises(StorageError, match="1 to 1024 bytes"):
            subject.put(key)
    with pytest.raises(StorageError, match="1 to 1024 bytes"):
        subject.store.head(subject.bucket, "")


def test_a_store_says_where_its_objects_are(subject: Subject, tmp_path: Path) -> None:
    said = subject.store.describe()
    assert str(tmp_path) in said or said.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("first", "length", "found"),
    [(0, None, b"0123456789"), (3, None, b"3456789"), (0, 4, b"0123"), (3, 4, b"3456"), (8, 9, b"89"), (3, 0, b"")],
)
def test_a_part_of_the_bytes_is_read(subject: Subject, first: int, length: int | None, found: bytes) -> None:
    key = subject.put("a", b"0123456789")
    with subject.store.open(subject.bucket, key, first=first, length=length) as source:
        assert source.read() == found


def test_a_reader_is_told_when_the_object_is_another_than_it_expects(subject: Subject) -> None:
    key = subject.put("a", b"before")
    etag = subject.store.head(subject.bucket, key).etag
    subject.store.open(subject.bucket, key, etag=etag).close()
    subject.put("a", b"after")
    with pytest.raises(ObjectChanged):
        subject.store.open(subject.bucket, key, etag=etag)


def test_what_is_said_of_an_object_is_kept_until_it_is_replaced(subject: Subject) -> None:
    key, about = subject.prefix + "a", {"content-type": "text/csv", "x-amz-meta-job": "one"}
    subject.store.put(subject.bucket, key, io.BytesIO(b"x"), about=about)
    kept = subject.store.head(subject.bucket, key).about
    assert {name: kept.get(name) for name in about} == about
    subject.put("a")
    assert "x-amz-meta-job" not in subject.store.head(subject.bucket, key).about


def test_a_write_happens_only_on_the_state_that_it_expects(subject: Subject) -> None:
    store, bucket, key = subject.store, subject.bucket, subject.prefix + "a"
    first = store.put(bucket, key, io.BytesIO(b"first"), expected="")
    for expected in ("", "other"):
        with pytest.raises(ObjectChanged):
            store.put(bucket, key, io.BytesIO(b"second"), expected=expected)
    assert subject.read("a") == b"first"
    store.put(bucket, key, io.BytesIO(b"second"), expected=first.etag)
    assert subject.read("a") == b"second"
    with pytest.raises(NoSuchObject):
        store.put(bucket, subject.prefix + "none", io.BytesIO(b"x"), expected=first.etag)
    assert subject.keys() == ["a"]


@pytest.mark.parametrize("after", ["", "a", "a/", "a/1", "a/2", "a0", "b", "zz", "nothing/like/it"])
def test_a_listing_goes_on_after_a_key(subject: Subject, after: str) -> None:
    keys = (
        ["a", "a-b", "a.b", "b", "c/d/e", "c/d/f", "z"]
        if subject.files
        else ["a", "a/1", "a/1/x", "a/2", "a0", "b", "z"]
    )
    for key in keys:
        subject.put(key)
    found = [item.key for item in subject.store.list(subject.bucket, subject.prefix, subject.prefix + after)]
    assert found == [subject.prefix + key for key in keys if key.encode() > after.encode()]


def test_a_bucket_is_listed_and_deleted_when_it_is_empty(subject: Subject) -> None:
    if subject.files:  # the user's own folder
        with pytest.raises(StorageError):
            subject.store.delete_bucket(subject.bucket)
        assert subject.bucket not in [one.name for one in subject.store.buckets()]
        return
    key = subject.put("a")
    assert subject.bucket in [one.name for one in subject.store.buckets()]
    with pytest.raises(BucketNotEmpty):
        subject.store.delete_bucket(subject.bucket)
    subject.store.delete(subject.bucket, key)
    subject.store.delete_bucket(subject.bucket)
    assert not subject.store.bucket_exists(subject.bucket)
    with pytest.raises(NoSuchBucket):
        subject.store.delete_bucket(subject.bucket)

from __future__ import annotations

import errno
import fcntl
import io
import multiprocessing
import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.errors import DiskFull, NoSuchBucket, NoSuchObject, StorageError
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.writing import PARTIAL, told
from smlocal.streams import reader_of

PARTS = st.sampled_from(
    ["a", "b", "a!", "a-", "", ".", "..", "é", "z" * 255, "z" * 256, ".smlocal.keys", "=a", "a%2Fb", "\0"]
)
KEYS = (
    st.lists(PARTS, min_size=1, max_size=4).map("/".join) | st.text(st.characters(codec="utf-8"), max_size=300)
).filter(lambda key: 1 <= len(key.encode()) <= 1024)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path)
    made.ensure_bucket("bucket")
    return made


def put(store: DirectoryStore, key: str, data: bytes = b"x") -> None:
    store.put("bucket", key, io.BytesIO(data))


def keys(store: DirectoryStore, prefix: str = "") -> list[str]:
    return [item.key for item in store.list("bucket", prefix)]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, st.binary(max_size=20), max_size=12), KEYS, st.sets(st.integers(0, 11)))
def test_any_keys_are_kept_apart_listed_in_order_and_deleted(
    bodies: dict[str, bytes], prefix: str, gone: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = DirectoryStore(Path(folder))
        store.ensure_bucket("bucket")
        for key, body in bodies.items():
            put(store, key, body)
        ordered = sorted(bodies, key=str.encode)
        assert keys(store) == ordered
        for length in (1, len(prefix)):
            assert keys(store, prefix[:length]) == [key for key in ordered if key.startswith(prefix[:length])]
        for number, key in enumerate(ordered):
            if number in gone:
                store.delete("bucket", key)
                bodies.pop(key)
        assert keys(store) == sorted(bodies, key=str.encode)
        for key, body in bodies.items():
            with store.open("bucket", key) as source:
                assert source.read() == body
        assert sorted(path.name for path in Path(folder).iterdir()) in (["bucket"], [".smlocal", "bucket"])


def test_a_simple_key_is_a_file_that_a_user_finds(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "iris/train.csv", b"1\n")
    assert (tmp_path / "bucket/iris/train.csv").read_bytes() == b"1\n"


def test_a_file_that_a_user_puts_there_is_an_object(store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "bucket/100% of it.txt").write_text("x")
    assert keys(store) == ["100% of it.txt"]
    assert store.head("bucket", "100% of it.txt").size == 1


@pytest.mark.parametrize("first", ["a", "a/b"])
def test_a_key_and_a_key_below_it_live_side_by_side(store: DirectoryStore, first: str) -> None:
    for key in (first, "a", "a/b", "a/b/c", "a"):
        put(store, key, key.encode())
    assert keys(store) == ["a", "a/b", "a/b/c"]
    for key in ("a", "a/b", "a/b/c"):
        with store.open("bucket", key) as source:
            assert source.read() == key.encode()


def test_a_deleted_folder_leaves_its_name_free(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "a/b/c")
    put(store, "a")
    store.delete("bucket", "a/b/c")
    put(store, "a", b"natural again")
    assert (tmp_path / "bucket/a").read_bytes() == b"natural again"
    assert keys(store) == ["a"]


def test_an_etag_is_the_md5_until_the_file_is_changed_behind_our_back(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "a", b"hello")
    assert store.head("bucket", "a").etag == "5d41402abc4b2a76b9719d911017c592"
    (tmp_path / "bucket/a").write_bytes(b"changed")
    changed = store.head("bucket", "a").etag
    assert changed.endswith("-1")
    os.utime(tmp_path / "bucket/a", ns=(1, 1))
    assert store.head("bucket", "a").etag not in (changed, "5d41402abc4b2a76b9719d911017c592")


@pytest.mark.parametrize("key", ["link", "folder/x", "folder/sub/x"])
def test_a_symbolic_link_leads_nowhere(store: DirectoryStore, tmp_path: Path, key: str) -> None:
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "x").write_text("secret")
    (outside / "sub/x").write_text("secret")
    (tmp_path / "bucket/link").symlink_to(outside / "x")
    (tmp_path / "bucket/folder").symlink_to(outside)
    for call in (lambda: store.head("bucket", key), lambda: store.open("bucket", key), lambda: keys(store, key)):
        with pytest.raises(StorageError, match="symbolic link"):
            call()
    if key != "link":
        with pytest.raises(StorageError, match="does not follow"):
            put(store, key, b"overwritten")
        with pytest.raises(StorageError, match="symbolic link"):
            store.delete("bucket", key)
    assert (outside / "x").read_text() == "secret"


def test_a_bucket_that_is_a_symbolic_link_is_none(store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to("/etc")
    with pytest.raises(NoSuchBucket):
        store.list("linked")
    with pytest.raises(NoSuchBucket):
        store.ensure_bucket("linked")


@pytest.mark.parametrize("bucket", ["..", ".smlocal", "../bucket", "bucket/iris", "", "/etc"])
def test_a_name_that_is_no_buckets_never_reaches_the_disk(store: DirectoryStore, bucket: str) -> None:
    put(store, "iris/x")
    with pytest.raises(NoSuchBucket):
        store.list(bucket)
    with pytest.raises(NoSuchBucket):
        store.put(bucket, "x", io.BytesIO(b""))


def test_what_is_no_file_is_refused_by_name(store: DirectoryStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bucket/pipe")
    with pytest.raises(StorageError, match="pipe is neither a file nor a folder"):
        keys(store)
    with pytest.raises(NoSuchObject):
        store.open("bucket", "pipe")
    with pytest.raises(StorageError, match="neither a file nor a folder"):
        put(store, "pipe/below")


def test_a_name_that_is_not_utf_8_is_refused_by_name(store: DirectoryStore, tmp_path: Path) -> None:
    (tmp_path / "bucket" / os.fsdecode(b"caf\xe9")).write_text("x")
    with pytest.raises(StorageError, match="not UTF-8"):
        keys(store)


def test_a_listing_does_not_look_into_other_folders(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "train/x")
    os.mkfifo(tmp_path / "bucket/train/pipe")
    put(store, "test/x")
    put(store, "z/x")
    assert keys(store, "test/") == ["test/x"]
    assert keys(store, "te") == ["test/x"]


def test_a_folder_of_plain_objects_is_given_as_it_is(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "data/train/x")
    put(store, "data/y")
    assert store.local_folder("bucket", "data/") == tmp_path / "bucket/data"
    assert store.local_folder("bucket", "data/train/") == tmp_path / "bucket/data/train"
    assert store.local_folder("bucket", "") == tmp_path / "bucket"


@pytest.mark.parametrize("odd", ["data/", "data//x", "data/train", "data/../x"])
def test_a_folder_with_an_object_that_no_file_there_is_named_after_is_not_given(
    store: DirectoryStore, odd: str
) -> None:
    put(store, "data/train/x")
    put(store, odd)
    assert store.local_folder("bucket", "data/") is None
    assert store.local_folder("bucket", "") is None


def test_a_folder_is_given_only_for_a_folder(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "data/x")
    for prefix in ("data", "dat", "data/x", "data/x/", "none/", "data//", "../bucket/data/"):
        assert store.local_folder("bucket", prefix) is None
    (tmp_path / "bucket/data/link").symlink_to("x")
    assert store.local_folder("bucket", "data/") is None


def test_what_a_dead_writer_left_is_no_object_and_is_removed_after_a_day(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "a")
    incoming = tmp_path / ".smlocal/incoming"
    old, new = incoming / f"{PARTIAL}old", incoming / f"{PARTIAL}new"
    for path in (old, new):
        path.write_text("half an obj")
    os.utime(old, (1, 1))
    assert keys(store) == ["a"]
    put(DirectoryStore(tmp_path), "b")
    assert sorted(incoming.iterdir()) == [new]


def test_a_full_disk_is_told_as_one() -> None:
    with pytest.raises(DiskFull, match="storing s3://bucket/a: no space is left"), told("storing s3://bucket/a"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_writing_to_a_full_disk_leaves_nothing(store: DirectoryStore, tmp_path: Path) -> None:
    def source() -> object:
        yield b"abc"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull):
        store.put("bucket", "a", reader_of(source()))
    assert list((tmp_path / ".smlocal/incoming").iterdir()) == []
    assert keys(store) == []


def test_a_name_changes_only_while_no_other_process_changes_names(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "a", b"before")
    writer = threading.Thread(target=put, args=(store, "a", b"after"))
    with (tmp_path / ".smlocal/locks/bucket").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert (tmp_path / "bucket/a").read_bytes() == b"before"
    writer.join()
    assert (tmp_path / "bucket/a").read_bytes() == b"after"


def _write_many(root: str, writer: int) -> None:
    store = DirectoryStore(Path(root))
    for turn in range(15):
        for key in ("a", "a/b", "a/b/c"):
            put(store, key, f"{writer}-{turn}-{key}".encode() * 50)
        store.delete("bucket", "a/b/c")


def test_processes_that_write_and_delete_around_one_name_lose_nothing(store: DirectoryStore, tmp_path: Path) -> None:
    put(store, "a", b"first")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(str(tmp_path), number)) for number in range(2)]
    for writer in writers:
        writer.start()
    done = threading.Event()
    while not done.is_set():
        with store.open("bucket", "a") as source:
            body = source.read()
        assert body == b"first" or body == body[: len(body) // 50] * 50
        if not any(writer.is_alive() for writer in writers):
            done.set()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert keys(store) == ["a", "a/b"]

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from smlocal.errors import NoSuchObject, StorageError, UsageError
from smlocal.requests.addresses import is_bucket_name
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.mounted import Mount, MountedStore, mount_of
from smlocal.storage.writing import PARTIAL


def mounted(path: Path, **how: bool) -> tuple[MountedStore, str, Mount]:
    bucket, mount = mount_of(path, **how)
    return MountedStore(DirectoryStore(path.parent / "base"), {bucket: mount}), bucket, mount


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "train.csv").write_text("1\n")
    (folder / "sub/more.csv").write_text("22\n")
    return folder


def keys(store: MountedStore, bucket: str, prefix: str = "") -> list[str]:
    return [item.key for item in store.list(bucket, prefix)]


def test_a_folder_is_a_bucket_of_its_own_and_needs_no_copy(data: Path) -> None:
    store, bucket, mount = mounted(data)
    assert is_bucket_name(bucket)
    assert mount.prefix == "data/"
    assert keys(store, bucket, mount.prefix) == ["data/sub/more.csv", "data/train.csv"]
    assert store.local_folder(bucket, "data/") == data
    assert store.local_folder(bucket, "data/sub/") == data / "sub"
    with store.open(bucket, "data/train.csv") as source:
        assert source.read() == b"1\n"


def test_a_file_is_the_one_object_of_its_bucket(data: Path) -> None:
    store, bucket, mount = mounted(data / "train.csv")
    assert mount.prefix == "train.csv"
    assert [(item.key, item.size) for item in store.list(bucket, "train.csv")] == [("train.csv", 2)]
    assert keys(store, bucket, "other") == []
    assert store.head(bucket, "train.csv").size == 2
    assert store.local_folder(bucket, "") is None
    with pytest.raises(NoSuchObject):
        store.head(bucket, "train.csv/x")


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["data/sub/more.csv", "data/train.csv"]),
        ("da", ["data/sub/more.csv", "data/train.csv"]),
        ("data", ["data/sub/more.csv", "data/train.csv"]),
        ("data/s", ["data/sub/more.csv"]),
        ("data-old", []),
        ("datas/", []),
        ("other/", []),
        ("data//", []),
    ],
)
def test_a_prefix_may_begin_above_the_folder(data: Path, prefix: str, found: list[str]) -> None:
    store, bucket, _ = mounted(data)
    assert keys(store, bucket, prefix) == found


def test_the_same_folder_has_the_same_bucket_however_it_is_written(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    assert mount_of(Path())[0] == mount_of(data)[0] == mount_of(data / "sub/..")[0]
    assert mount_of(Path())[1].name == "data"
    assert mount_of(data / "sub")[0] != mount_of(data)[0]


def test_a_link_keeps_the_name_that_the_user_gave(data: Path) -> None:
    link = data.parent / "iris"
    link.symlink_to(data)
    store, bucket, _ = mounted(link)
    assert keys(store, bucket) == ["iris/sub/more.csv", "iris/train.csv"]


def test_what_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none is neither a folder nor a file"):
        mount_of(tmp_path / "none")


def test_an_output_folder_is_made(tmp_path: Path) -> None:
    store, bucket, mount = mounted(tmp_path / "new/out", writable=True)
    store.put(bucket, f"{mount.prefix}job/output/model.tar.gz", io.BytesIO(b"m"))
    assert (tmp_path / "new/out/job/output/model.tar.gz").read_bytes() == b"m"
    assert [path.name for path in (tmp_path / "new/out/job/output").iterdir()] == ["model.tar.gz"]


def test_a_folder_that_is_only_read_is_not_written(data: Path) -> None:
    store, bucket, _ = mounted(data)
    with pytest.raises(StorageError, match="is only read"):
        store.put(bucket, "data/x", io.BytesIO(b""))
    assert not (data / "x").exists()


def test_nothing_of_the_users_is_deleted_unless_allowed(data: Path) -> None:
    store, bucket, _ = mounted(data, writable=True)
    with pytest.raises(StorageError, match="nothing is deleted"):
        store.delete(bucket, "data/train.csv")
    assert (data / "train.csv").exists()
    store, bucket, _ = mounted(data, writable=True, deletable=True)
    store.delete(bucket, "data/train.csv")
    assert not (data / "train.csv").exists()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("data/../x", "cannot be the path"),
        ("data//x", "cannot be the path"),
        ("data/x/", "cannot be the path"),
        ("other/x", "cannot be the path"),
        ("data/" + "x" * 256, "cannot be the path"),
        (f"data/{PARTIAL}x", "cannot be the path"),
        ("data", "cannot be the path"),
        ("data/sub", "a folder has its name"),
        ("data/train.csv/x", "Not a directory|File exists"),
        ("data/out/x", "leads out of"),
        ("data/out/deeper/x", "leads out of"),
    ],
)
def test_a_key_that_is_no_file_in_the_folder_is_refused_by_name(data: Path, key: str, said: str) -> None:
    (data / "out").symlink_to(data.parent)
    store, bucket, _ = mounted(data, writable=True)
    before = sorted(data.parent.rglob("*"))
    with pytest.raises(StorageError, match=said):
        store.put(bucket, key, io.BytesIO(b"x"))
    assert sorted(data.parent.rglob("*")) == before


def test_links_are_followed_for_reading_but_such_a_folder_is_not_given_as_it_is(data: Path) -> None:
    (data.parent / "elsewhere.csv").write_text("333\n")
    (data / "linked.csv").symlink_to(data.parent / "elsewhere.csv")
    store, bucket, _ = mounted(data)
    assert keys(store, bucket) == ["data/linked.csv", "data/sub/more.csv", "data/train.csv"]
    assert store.head(bucket, "data/linked.csv").size == 4
    assert store.local_folder(bucket, "data/") is None
    assert store.local_folder(bucket, "data/sub/") == data / "sub"


@pytest.mark.parametrize("what", ["nothing", "circle", "socket", "bytes"])
def test_what_cannot_be_an_object_is_refused_by_name(data: Path, what: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        if what == "nothing":
            (data / "odd").symlink_to("missing")
        elif what == "circle":
            (data / "sub/odd").symlink_to("..")
        elif what == "socket":
            listener.bind(str(data / "odd"))
        else:
            (data / os.fsdecode(b"odd\xff")).write_text("")
        store, bucket, _ = mounted(data)
        with pytest.raises(StorageError, match="odd"):
            keys(store, bucket)
        assert store.local_folder(bucket, "data/") is None


def test_a_half_written_file_is_no_object(data: Path) -> None:
    (data / f"{PARTIAL}0123").write_text("half")
    store, bucket, _ = mounted(data, writable=True)
    assert keys(store, bucket) == ["data/sub/more.csv", "data/train.csv"]
    assert store.local_folder(bucket, "data/") is None


def test_a_folder_that_went_away_is_told(data: Path) -> None:
    store, bucket, _ = mounted(data)
    data.rename(data.parent / "moved")
    with pytest.raises(StorageError, match="does not exist any more"):
        keys(store, bucket)


def test_listing_reads_no_file(data: Path) -> None:
    (data / "secret").write_text("x")
    (data / "secret").chmod(0)
    store, bucket, _ = mounted(data)
    etag = next(item.etag for item in store.list(bucket, "data/secret"))
    assert etag.endswith("-1")


def test_a_key_longer_than_s3_allows_is_refused_by_name(data: Path) -> None:
    deep = data / "/".join(["d" * 250] * 4)
    deep.mkdir(parents=True)
    (deep / ("f" * 30)).write_text("")
    store, bucket, _ = mounted(data)
    with pytest.raises(StorageError, match="1024"):
        keys(store, bucket)
    assert store.local_folder(bucket, "data/") is None


def test_other_buckets_are_the_base_stores(data: Path) -> None:
    store, _, _ = mounted(data)
    store.ensure_bucket("base-bucket")
    store.put("base-bucket", "a", io.BytesIO(b"x"))
    assert keys(store, "base-bucket") == ["a"]
    assert store.local_folder("base-bucket", "") == data.parent / "base/base-bucket"
    assert store.describe() == f"{data} and the folder {data.parent / 'base'}"
    store.delete("base-bucket", "a")
    assert keys(store, "base-bucket") == []

"""From CreateModel's words for model data to files."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smlocal.errors import BrokenArchive, InvalidRequest
from smlocal.hosting.model_data import model_data
from smlocal.storage.directory import DirectoryStore
from smlocal.tree import TreeFile


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path)
    made.ensure_bucket("models")
    return made


def put(store: DirectoryStore, key: str, data: bytes) -> None:
    store.put("models", key, io.BytesIO(data))


def archive(**files: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


def source(uri: str, kind: str, compression: str) -> dict[str, Any]:
    return {"ModelDataSource": {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression}}}


def files_of(definition: dict[str, Any], store: DirectoryStore) -> dict[str, bytes]:
    contents, _ = model_data(definition, store)
    assert contents is not None
    found = {}
    for entry in contents():
        if isinstance(entry, TreeFile):
            with entry.open() as file:
                found[entry.path] = file.read()
    return found


@pytest.mark.parametrize(
    "definition",
    [{"ModelDataUrl": "s3://models/a/model.tar.gz"}, source("s3://models/a/model.tar.gz", "S3Object", "Gzip")],
)
def test_an_archive_becomes_the_files_of_the_model(store: DirectoryStore, definition: dict[str, Any]) -> None:
    put(store, "a/model.tar.gz", archive(weights=b"123"))
    assert files_of(definition, store) == {"weights": b"123"}
    assert model_data(definition, store)[1] == "s3://models/a/model.tar.gz"


def test_an_archive_can_be_unpacked_again(store: DirectoryStore) -> None:
    put(store, "model.tar.gz", archive(weights=b"123"))
    contents, _ = model_data({"ModelDataUrl": "s3://models/model.tar.gz"}, store)
    assert contents is not None
    assert [len(list(contents())) for _ in range(2)] == [1, 1]


def test_a_model_data_source_becomes_the_files_of_the_model(store: DirectoryStore) -> None:
    """API: S3ModelDataSource."""
    put(store, "llm/config.json", b"{}")
    put(store, "llm/shards/0.bin", b"0")
    put(store, "llm2/other", b"x")
    definition = source("s3://models/llm/", "S3Prefix", "None")
    assert files_of(definition, store) == {"config.json": b"{}", "shards/0.bin": b"0"}


def test_one_uncompressed_object_is_a_file_named_by_the_end_of_its_key(store: DirectoryStore) -> None:
    put(store, "a/weights.bin", b"1")
    assert files_of(source("s3://models/a/weights.bin", "S3Object", "None"), store) == {"weights.bin": b"1"}


@pytest.mark.parametrize("definition", [{}, {"Image": "x"}])
def test_no_model_data_is_legal(store: DirectoryStore, definition: dict[str, Any]) -> None:
    assert model_data(definition, store) == (None, "")


@pytest.mark.parametrize(
    "definition",
    [
        {"ModelDataUrl": "s3://models/none.tar.gz"},
        {"ModelDataUrl": "s3://nowhere/none.tar.gz"},
        source("s3://models/none.tar.gz", "S3Object", "None"),
        source("s3://models/none/", "S3Prefix", "None"),
        source("s3://nowhere/none/", "S3Prefix", "None"),
    ],
)
def test_an_address_without_objects_is_refused_in_sagemakers_words(
    store: DirectoryStore, definition: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest, match=r"^Could not find model data at s3://\w+/none[a-z./]+\.$"):
        model_data(definition, store)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["p/folder/"], "cannot be a file of a model"),
        (["p/../x"], "cannot be a file of a model"),
        (["p/a//b"], "cannot be a file of a model"),
        (["p/a", "p/a/b"], "needs a folder of that name"),
    ],
)
def test_keys_that_cannot_be_files_are_refused_by_name(store: DirectoryStore, keys: list[str], text: str) -> None:
    """API: S3ModelDataSource: such a deployment fails."""
    for key in keys:
        put(store, key, b"")
    with pytest.raises(InvalidRequest, match=text):
        model_data(source("s3://models/p/", "S3Prefix", "None"), store)


@pytest.mark.parametrize(
    ("uri", "compression", "text"),
    [("s3://models/p", "None", "must end with /"), ("s3://models/p/", "Gzip", "CompressionType None only")],
)
def test_a_prefix_is_a_folder_of_plain_files(store: DirectoryStore, uri: str, compression: str, text: str) -> None:
    with pytest.raises(InvalidRequest, match=text):
        model_data(source(uri, "S3Prefix", compression), store)


def test_what_is_no_archive_is_told_when_it_is_unpacked(store: DirectoryStore) -> None:
    put(store, "model.tar.gz", b"PK\x03\x04 a zip")
    with pytest.raises(BrokenArchive):
        files_of({"ModelDataUrl": "s3://models/model.tar.gz"}, store)

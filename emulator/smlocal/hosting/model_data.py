"""The data of a model, from CreateModel's words for it to the files below /opt/ml/model.

Sources: API: ContainerDefinition, S3ModelDataSource. An address without objects is refused in SageMaker's words (seen
by users, aws-ia/ecs-blueprints issue 223).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from smlocal import artifacts
from smlocal.errors import InvalidRequest, NoSuchBucket, NoSuchObject
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.storage.keys import is_file_name, split_uri
from smlocal.tree import Entry, TreeDirectory, TreeFile, below

Contents = Callable[[], Iterator[Entry]]


def model_data(container: Mapping[str, Any], store: ObjectStore) -> tuple[Contents | None, str]:
    """What /opt/ml/model holds and its address; (None, "") for a container definition without model data.

    Raises InvalidRequest when nothing is at the address, or when its objects cannot be files of one folder.
    """
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None:
        url = container.get("ModelDataUrl") or ""
        return (_archive(url, store), url) if url else (None, "")
    url = source["S3Uri"]
    if source["S3DataType"] == "S3Prefix":
        if source["CompressionType"] != "None":
            raise InvalidRequest("ModelDataSource: S3DataType S3Prefix goes with CompressionType None only")
        return _prefix(url, store), url
    if source["CompressionType"] == "Gzip":
        return _archive(url, store), url
    return _single(url, store), url


def models_data(urls: Mapping[str, str], store: ObjectStore) -> Contents:
    """What /opt/ml/models holds when the archives at these addresses, by the names of their models, are there.

    Source: developer guide, mms-container-apis. Raises InvalidRequest when nothing is at an address.
    """
    archives = {name: _archive(url, store) for name, url in urls.items()}

    def contents() -> Iterator[Entry]:
        for name, archive in archives.items():
            folder = f"{name}/model"
            yield TreeDirectory(folder)
            yield from (below(folder, entry) for entry in archive())

    return contents


def _found(url: str, store: ObjectStore) -> StoredObject:
    bucket, key = split_uri(url)
    try:
        return store.head(bucket, key)
    except (NoSuchBucket, NoSuchObject) as error:
        raise _missing(url) from error


def _missing(url: str) -> InvalidRequest:
    return InvalidRequest(f"Could not find model data at {url}.")


def _archive(url: str, store: ObjectStore) -> Contents:
    found = _found(url, store)
    return lambda: artifacts.unpack(store.open(found.bucket, found.key))


def _single(url: str, store: ObjectStore) -> Contents:
    """One object: a file named by what follows the key's last "/"."""
    found = _found(url, store)
    entry = _file(found, found.key.rpartition("/")[2], store)
    return lambda: iter((entry,))


def _prefix(url: str, store: ObjectStore) -> Contents:
    """Every object below a prefix: a file at the rest of its key."""
    bucket, prefix = split_uri(url)
    if not prefix.endswith("/"):
        raise InvalidRequest(f"ModelDataSource: an S3Uri of S3DataType S3Prefix must end with /, and {url} does not")
    try:
        objects = list(store.list(bucket, prefix))
    except NoSuchBucket as error:
        raise _missing(url) from error
    if not objects:
        raise _missing(url)
    entries = [_file(found, found.key.removeprefix(prefix), store) for found in objects]
    _refuse_clashes(entries, url)
    return lambda: iter(entries)


def _file(found: StoredObject, path: str, store: ObjectStore) -> TreeFile:
    """Raises InvalidRequest for a key that no file can be named after; a "folder" of the S3 console is one."""
    if not all(is_file_name(part) for part in path.split("/")):
        raise InvalidRequest(f"{found.uri} cannot be a file of a model: no file can have the name {path!r}")
    return TreeFile(path, found.size, partial(store.open, found.bucket, found.key))


def _refuse_clashes(entries: list[TreeFile], url: str) -> None:
    files = {entry.path for entry in entries}
    for entry in entries:
        parts = entry.path.split("/")
        for end in range(1, len(parts)):
            above = "/".join(parts[:end])
            if above in files:
                raise InvalidRequest(f"{url}{above} is an object, and {url}{entry.path} needs a folder of that name")

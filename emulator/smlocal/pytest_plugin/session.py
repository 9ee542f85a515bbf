"""What the processes of one test session share: a folder, and locks in it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

WORKERS_FOLDER = "smlocal_folder"
_FOLDER = pytest.StashKey[Path]()


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def shared_folder(config: pytest.Config) -> Path:
    """A folder of this session alone, the same in all of its processes; made when it is first asked for."""
    if _FOLDER not in config.stash:
        given: Mapping[str, Any] = getattr(config, "workerinput", {})
        if WORKERS_FOLDER in given:
            folder = Path(given[WORKERS_FOLDER])
            folder.mkdir(parents=True, exist_ok=True)  # a worker on another machine has none yet
        else:
            folder = Path(tempfile.mkdtemp(prefix="smlocal-pytest-"))
        config.stash[_FOLDER] = folder
    return config.stash[_FOLDER]


def folder_to_remove(config: pytest.Config) -> Path | None:
    """The folder at the end of the session; None when there is none, or when it is another process's to remove."""
    return None if is_worker(config) or _FOLDER not in config.stash else config.stash[_FOLDER]


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Only one process of the session is within. The lock of one that dies is free again."""
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(path: Path) -> dict[str, Any] | None:
    """What another process, or this one, has left there."""
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return found


def leave(path: Path, document: Mapping[str, Any]) -> None:
    """Leave a document for all; it is there whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document), encoding="ascii")
    partial.replace(path)

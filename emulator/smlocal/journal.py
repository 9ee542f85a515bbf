"""What happened to each job and endpoint: a folder each, with its request, its events and its log.

    <state>/jobs/<name>/request.json    the request, as given
                        events.jsonl    one line per thing that happened, appended
                        log             the container's output, appended while it runs
                        description.json  the last answer, as a Describe call would give it

An event is only ever appended, so that a `kill -9` loses at most a line that was being written.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from smlocal.errors import DiskFull, InvalidRequest, StorageError
from smlocal.owner import Owner, is_dead, owner_of

_ENOSPC = 28


class Journal:
    """All jobs of one state folder."""

    def __init__(self, state: Path, limit_bytes: int, me: Owner) -> None:
        self._root = state / "jobs"
        self._limit = limit_bytes
        self._me = me

    def begin(self, kind: str, name: str, request: Mapping[str, Any]) -> Record:
        """A new record. Raises InvalidRequest when the name was used before."""
        folder = self._root / name
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError as error:
            article = "an" if kind[0] in "aeiou" else "a"
            raise InvalidRequest(
                f"{kind.capitalize()} names must be unique within an AWS account and region, and {article} {kind} with"
                f" this name already exists ({name}): choose another name or leave it out"
            ) from error
        except OSError as error:
            raise _storage_error(folder, error) from error
        self._shrink(keep=folder)
        record = Record(folder)
        record.write("request.json", {"kind": kind, "owner": self._me.labels(), "request": request})
        return record

    def find(self, name: str) -> Record | None:
        folder = self._root / name
        return Record(folder) if "/" not in name and name not in ("", ".", "..") and folder.is_dir() else None

    def records(self) -> list[Record]:
        """Every record, the newest last."""
        if not self._root.is_dir():
            return []
        folders = [folder for folder in self._root.iterdir() if folder.is_dir()]
        return [Record(folder) for folder in sorted(folders, key=lambda folder: folder.stat().st_mtime)]

    def _shrink(self, keep: Path) -> None:
        """Forget the oldest records while all together are larger than the limit."""
        sizes = {record.name: record.size() for record in self.records()}
        total = sum(sizes.values())
        for record in self.records():
            if total <= self._limit:
                return
            if record.folder != keep and self._is_over(record):
                total -= sizes[record.name]
                shutil.rmtree(record.folder, ignore_errors=True)

    def _is_over(self, record: Record) -> bool:
        """Whether nothing will be added: it has its last word, or the process that would have given it has ended."""
        writer = owner_of(record.read("request.json").get("owner") or {})
        return record.is_over() or (writer is not None and is_dead(writer, self._me))


class Record:
    """What happened to one job or endpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._lock = threading.Lock()
        self._log: BinaryIO | None = None

    def event(self, what: str, **facts: Any) -> None:
        """Append one event."""
        line = json.dumps({"time": time.time(), "event": what, **facts}, default=_plain)
        self._append("events.jsonl", line.encode() + b"\n")

    def events(self) -> Iterator[dict[str, Any]]:
        """The events so far; a line that was cut off by a crash is left out."""
        path = self.folder / "events.jsonl"
        if not path.is_file():
            return
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def log(self, line: bytes) -> None:
        """Append a line of the container's output; it is in the file when this returns."""
        try:
            with self._lock:
                if self._log is None:
                    self._log = self.log_path.open("ab", buffering=0)
                self._log.write(line + b"\n")
        except OSError as error:
            raise _storage_error(self.log_path, error) from error

    def close(self) -> None:
        """No line follows."""
        with self._lock:
            if self._log is not None:
                self._log.close()
            self._log = None

    @property
    def log_path(self) -> Path:
        return self.folder / "log"

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Replace a document as a whole."""
        target = self.folder / name
        draft = target.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(document, indent=2, default=_plain) + "\n", encoding="utf-8")
            draft.replace(target)
        except OSError as error:
            raise _storage_error(target, error) from error

    def read(self, name: str) -> dict[str, Any]:
        """A document, or {} when it was never written."""
        path = self.folder / name
        if not path.is_file():
            return {}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def is_over(self) -> bool:
        return (self.folder / "description.json").is_file()

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    def _append(self, name: str, data: bytes) -> None:
        try:
            with self._lock, (self.folder / name).open("ab") as target:
                target.write(data)
        except OSError as error:
            raise _storage_error(self.folder / name, error) from error


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _storage_error(path: Path, error: OSError) -> DiskFull | StorageError:
    if error.errno == _ENOSPC:
        return DiskFull(f"no space left to write {path}")
    return StorageError(f"{path} cannot be written: {error.strerror}")

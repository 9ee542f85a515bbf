"""What happened to each job and endpoint: a folder each, with its request, its events and its log.

    <state>/jobs/<kind>/<name>/request.json    the request, as given
                               events.jsonl    one line per thing that happened, appended
                               log             the container's output, appended while it runs
                               description.json  the last answer, as a Describe call would give it

Kinds are "training job", "transform job" and "endpoint", each with names of its own, as in an AWS account.
An event is only ever appended, so that a `kill -9` loses at most a line that was being written.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from smlocal.errors import DiskFull, InvalidRequest, SmlocalError, StorageError
from smlocal.owner import Owner, is_dead, owner_of

# FailureReason of what the platform itself could not do. Source: users' reports, such as aws/sagemaker-python-sdk
# issues 70 and 1057.
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."

_ENOSPC = 28


class Journal:
    """All jobs of one state folder."""

    def __init__(self, state: Path, limit_bytes: int, me: Owner) -> None:
        self._root = state / "jobs"
        self._limit = limit_bytes
        self._me = me

    def begin(self, kind: str, name: str, request: Mapping[str, Any]) -> Record:
        """A new record. Raises InvalidRequest when that kind's name was used before."""
        folder = self._root / kind.replace(" ", "-") / name
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError as error:
            article = "an" if kind[0] in "aeiou" else "a"
            raise InvalidRequest(
                f"{kind.capitalize()} names must be unique within an AWS account and region, and {article} {kind} with"
                f" this name already exists ({name}): choose another name or leave it out"
            ) from error
        except OSError as error:
            raise _storage_error(folder, error) from error
        record = Record(folder)
        try:
            self._shrink(keep=folder)
            record.write("request.json", {"kind": kind, "owner": self._me.labels(), "request": request})
        except BaseException:
            record.forget()  # or the name could never be used
            raise
        return record

    def record_of(self, kind: str, name: str) -> Record | None:
        """The record of that kind's run of that name."""
        folder = self._root / kind.replace(" ", "-") / name
        return Record(folder) if folder.is_dir() else None

    def find(self, name: str) -> Record | None:
        """The newest record of that name."""
        found = self.named(name)
        return found[-1] if found else None

    def named(self, name: str) -> list[Record]:
        """The records that `name` means, the newest last: of any kind, or of one, as in "training-job/NAME", or
        "training/NAME" with the kind as `ps` has it."""
        return [record for record in self.records() if name in (record.name, record.address, record.short_address)]

    def records(self) -> list[Record]:
        """Every record, the newest last."""
        times: dict[Path, float] = {}
        for folder in self._root.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # it was forgotten meanwhile
                if folder.is_dir():
                    times[folder] = folder.stat().st_mtime
        return [Record(folder) for folder in sorted(times, key=times.__getitem__)]

    def forget_ended(self) -> list[Record]:
        """Remove the records and logs of all runs that have ended; gives those that are gone. Their names can be used
        again."""
        ended = [record for record in self.records() if self._is_over(record)]
        for record in ended:
            record.forget()
        return [record for record in ended if not record.folder.exists()]

    def _shrink(self, keep: Path) -> None:
        """Forget the oldest records while all together are larger than the limit."""
        records = self.records()
        sizes = {record.folder: record.size() for record in records}
        total = sum(sizes.values())
        for record in records:
            if total <= self._limit:
                return
            if record.folder != keep and self._is_over(record):
                total -= sizes[record.folder]
                record.forget()

    def _is_over(self, record: Record) -> bool:
        """Whether nothing will be added: it has its last word, or the process that would have given it has ended."""
        writer = owner_of(record.read("request.json").get("owner") or {})
        return record.is_over() or (writer is not None and is_dead(writer, self._me))


class Record:
    """What happened to one job or endpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind = folder.parent.name.replace("-", " ")
        self.name = folder.name
        self.address = f"{folder.parent.name}/{folder.name}"  # tells it from another kind's of the same name
        self.short_address = f"{self.kind.partition(' ')[0]}/{folder.name}"
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
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
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

    def lines(self) -> list[str]:
        """The container's output so far."""
        if not self.log_path.is_file():
            return []
        # not splitlines(), which also cuts at what is no end of a line to a container
        lines = self.log_path.read_bytes().decode("utf-8", "replace").split("\n")
        return lines if lines[-1] else lines[:-1]

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
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def broken_off(self, error: Exception, description: Mapping[str, Any]) -> None:
        """The end of a run that smlocal could not go on with: ours among the events, and a last description. What broke
        the run may keep us from writing it down: that is no other error."""
        with contextlib.suppress(SmlocalError):
            self.event("broken off", error=str(error))
            self.write("description.json", description)

    def is_over(self) -> bool:
        return (self.folder / "description.json").is_file()

    def forget(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def size(self) -> int:
        """Bytes of all its files."""
        total = 0
        for path in self.folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # another process forgets it, or replaces a document
                total += path.stat().st_size
        return total

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

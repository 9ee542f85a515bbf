"""What happened to each named thing of an account: one file, to which lines are only ever appended.

    <state>/accounts/<account>/<region>/log.jsonl

Each line is one change: {"at": time, "thing": "endpoint/NAME", "what": words, "set": members, "unset": names}, or,
with "gone", the end of a thing. All of them in their order give the account as it is. A `kill -9` loses at most the
line that was being written. Times in members are {"$time": "2026-01-01T00:00:00+00:00"}.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from smlocal.errors import DiskFull, StorageError, UsageError

Members = Mapping[str, Any]

_TIME = "$time"
_ENOSPC = 28
_SPARE_LINES = 1000  # that may be superfluous before the file is written anew


class Ledger:
    """The log of one account, open for this process alone until it is closed. Its user serialises the calls."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError when another process has it, StorageError when it cannot be read or written."""
        self.things: dict[str, Members] = {}  # as they were when it was opened
        self._path = folder / "log.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("ab")
            self._take(folder)
            lines = self._replay()
            if lines > len(self.things) * 10 + _SPARE_LINES:
                self._rewrite()
            self._file = self._appending()
        except OSError as error:
            raise _storage_error(self._path, error) from error

    def _take(self, folder: Path) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise UsageError(
                f"another smlocal uses the account in {folder}: end it, or choose another state folder"
            ) from error

    def _replay(self) -> int:
        lines = 0
        if not self._path.is_file():
            return lines
        with self._path.open("rb") as source:
            for line in source:
                lines += 1
                try:
                    self._apply(json.loads(line, object_hook=_decoded))
                except (ValueError, KeyError, TypeError):
                    continue  # it was being written when the process was killed
        return lines

    def _apply(self, change: Mapping[str, Any]) -> None:
        thing = change["thing"]
        if change.get("gone"):
            self.things.pop(thing, None)
        else:
            self.things[thing] = merged(self.things.get(thing, {}), change["set"], change["unset"])

    def _rewrite(self) -> None:
        """Only what still stands, so that the file does not grow for ever."""
        draft = self._path.with_suffix(".draft")
        with draft.open("wb") as target:
            for thing, members in self.things.items():
                target.write(_line({"thing": thing, "what": "kept", "set": members, "unset": []}))
        draft.replace(self._path)

    def _appending(self) -> BinaryIO:
        target = self._path.open("a+b", buffering=0)
        if target.seek(0, 2) > 0:
            target.seek(-1, 2)
            if target.read(1) != b"\n":
                target.write(b"\n")  # after a line that was cut off
        return target

    def record(self, at: datetime, thing: str, what: str, changed: Members, unset: Iterable[str]) -> None:
        """Append one change; it is in the file when this returns. Raises StorageError, DiskFull."""
        self._write({"at": at, "thing": thing, "what": what, "set": changed, "unset": sorted(unset)})

    def forget(self, at: datetime, thing: str) -> None:
        """Append the end of a thing. Raises StorageError, DiskFull."""
        self._write({"at": at, "thing": thing, "what": "deleted", "gone": True})

    def _write(self, change: Mapping[str, Any]) -> None:
        try:
            self._file.write(_line(change))
        except OSError as error:
            raise _storage_error(self._path, error) from error
        except ValueError as error:
            raise StorageError(f"{self._path} is closed") from error

    def close(self) -> None:
        """Another process may open it from now on."""
        self._file.close()
        self._lock.close()


def merged(members: Members, changed: Members, unset: Iterable[str]) -> Members:
    """Members after a change."""
    gone = set(unset)
    return {**{name: value for name, value in members.items() if name not in gone}, **changed}


def _line(change: Mapping[str, Any]) -> bytes:
    return json.dumps(change, default=_encoded, separators=(",", ":")).encode() + b"\n"


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    raise TypeError(f"{value!r} cannot be kept")


def _decoded(found: dict[str, Any]) -> Any:
    return datetime.fromisoformat(found[_TIME]) if found.keys() == {_TIME} else found


def _storage_error(path: Path, error: OSError) -> DiskFull | StorageError:
    if error.errno == _ENOSPC:
        return DiskFull(f"no space left to write {path}")
    return StorageError(f"{path} cannot be used: {error.strerror}")

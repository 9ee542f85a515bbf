"""Verdicts that are kept, so that an image which has not changed is not examined again.

    <state>/verdicts/<key>.json   one examination: on what it depends, its JSON report, and all that was seen

Which rules are wanted, what may be broken and whether warnings count is decided when a verdict is told, from what was
seen; so one examination serves whatever is asked of it. A file is whole or not there; one that is damaged, newer than
this smlocal, or does not lead to the findings that it holds is ignored, and a sentence says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from smlocal.contract import RULES, judge
from smlocal.evidence import Examination
from smlocal.gate.evidence_json import as_plain, examination_of
from smlocal.report import Report, as_document

VERSION = 1
_KIND = "kept verdict"
_PART = 20  # all verdicts together may take this part of what the state folder may hold
_OLD_DRAFT = 3600.0  # seconds after which nobody writes a draft any more


@dataclass(frozen=True)
class Key:
    """Where all of it is the same, so is what the runs would show."""

    image: str  # the engine's id
    configuration: str  # digest of the plan and of what it names
    circumstances: Mapping[str, str]  # see `circumstances`

    @property
    def members(self) -> dict[str, Any]:
        return {"image": self.image, "configuration": self.configuration, "circumstances": dict(self.circumstances)}

    @property
    def name(self) -> str:
        return hashlib.sha256(json.dumps(self.members, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Kept:
    """One finished examination."""

    examination: Examination
    examined_at: datetime  # its end, with a time zone
    seconds: float
    smlocal: str  # the version that made it


class Damaged(Exception):
    """A file that is no kept verdict; the text ends "the kept verdict FILE is ignored: "."""


class VerdictStore:
    """The verdicts of one state folder. Several processes may use it at once. `say` takes sentences for the user:
    whatever is wrong with a file costs an examination, never the command."""

    def __init__(self, state: Path, limit_bytes: int, say: Callable[[str], None]) -> None:
        self._folder = state / "verdicts"
        self._limit = limit_bytes // _PART
        self._say = say

    def find(self, key: Key) -> Kept | None:
        """The verdict that is kept under this key."""
        path = self._folder / f"{key.name}.json"
        try:
            return _read(path.read_bytes(), key)
        except FileNotFoundError:
            return None
        except (Damaged, OSError) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            self._say(f"note: the kept verdict {path} is ignored: {words}")
            return None

    def keep(self, key: Key, kept: Kept) -> None:
        """Keep a finished examination, and forget the oldest ones that are too much."""
        content = json.dumps(_document(key, kept)).encode("ascii")
        if len(content) > self._limit:
            self._say(f"note: the verdict is not kept: it has {len(content)} bytes, and {self._limit} are allowed")
            return
        draft = self._folder / f"{key.name}.{secrets.token_hex(8)}.draft"
        try:
            self._folder.mkdir(
                mode=0o700, parents=True, exist_ok=True
            )  # what an image said and was told is its owner's
            draft.write_bytes(content)
            draft.replace(self._folder / f"{key.name}.json")
        except OSError as error:
            self._say(f"note: the verdict cannot be kept in {self._folder}: {error.strerror}")
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        self._shrink(key)

    def _shrink(self, newest: Key) -> None:
        found = []
        for path in self._folder.glob("*"):
            with contextlib.suppress(OSError):  # another process forgets it
                status = path.stat()
                if path.suffix == ".draft" and status.st_mtime < time.time() - _OLD_DRAFT:
                    path.unlink()
                elif path.suffix == ".json" and path.stem != newest.name:
                    found.append((status.st_mtime, status.st_size, path))
        with contextlib.suppress(OSError):
            left = self._limit - (self._folder / f"{newest.name}.json").stat().st_size
            for _, size, path in sorted(found, reverse=True):
                left -= size
                if left < 0:
                    path.unlink(missing_ok=True)


def _document(key: Key, kept: Kept) -> dict[str, Any]:
    return {
        "version": VERSION,
        "kind": _KIND,
        "key": key.members,
        "examined_at": kept.examined_at.isoformat(),
        "report": as_document(_report(kept)),
        "examination": as_plain(kept.examination),
    }


def _report(kept: Kept) -> Report:
    """The report on all rules, with nothing allowed and warnings not counted."""
    found = kept.examination
    return Report(found.image.reference, found, judge(found, RULES), kept.seconds, kept.smlocal)


def _read(content: bytes, key: Key) -> Kept:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is no JSON") from error
    if not isinstance(document, dict) or document.get("kind") != _KIND or not isinstance(document.get("version"), int):
        raise Damaged("it is no verdict of smlocal's")
    if document["version"] > VERSION:
        raise Damaged(f"it has version {document['version']}, and this smlocal reads up to {VERSION}")
    try:
        kept = _kept(document)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged("it is damaged") from error
    if document.get("key") != key.members or kept.examination.image.id != key.image:
        raise Damaged("it is another's")
    if json.loads(json.dumps(as_document(_report(kept)))) != document["report"]:
        raise Damaged("its report does not follow from what was seen")
    return kept


def _kept(document: Mapping[str, Any]) -> Kept:
    examined_at = datetime.fromisoformat(document["examined_at"])
    if examined_at.tzinfo is None:
        raise ValueError("a time without its zone")
    report = document["report"]
    seconds = report["seconds"]
    if not isinstance(seconds, int | float) or not isinstance(report["smlocal"], str):
        raise ValueError("a report without its time or version")
    return Kept(examination_of(document["examination"]), examined_at, float(seconds), report["smlocal"])

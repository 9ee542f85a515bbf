"""What is kept beside an object's bytes: its ETag, and what its writer said of it.

Both are extended attributes of the file, so that they appear, move and vanish with it. Where the file system has none
(macOS, an old tmpfs) or no room for them, a note in a folder of the store's own has them, under a name that is made of
the file's inode, size and time. Either is believed only while the file has the size and the time that it had then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ETAG = "user.smlocal.etag"
_ABOUT = "user.smlocal.about"


def keep(descriptor: int, etag: str, about: Mapping[str, str], notes: Path | None) -> None:
    """Keep both for an open file that has all of its bytes. Without `notes`, what a file system has no place for is
    not kept. Raises OSError."""
    status = os.fstat(descriptor)
    now = f"{status.st_size} {status.st_mtime_ns}"
    said = json.dumps({"of": now, "about": dict(about)}) if about else ""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setxattr(descriptor, _ETAG, f"{etag} {now}".encode())
            if said:
                os.setxattr(descriptor, _ABOUT, said.encode())
            return
    if notes is not None:
        notes.mkdir(parents=True, exist_ok=True)
        _note(notes, status).write_text(json.dumps({"etag": etag, "about": dict(about)}))


def etag_of(path: Path | int, status: os.stat_result, notes: Path | None = None) -> str:
    """The ETag of a file that was stored by us and not touched since. Of any other file, a mark that changes when it
    changes, with a "-" in it as in the ETag of a multipart upload, so that no client takes it for an MD5: listing a
    folder never reads the files. `path` may be the descriptor of the open file."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            etag, size, modified = os.getxattr(path, _ETAG).decode().split()
            if (int(size), int(modified)) == (status.st_size, status.st_mtime_ns):
                return etag
    noted = _noted(notes, status)
    if noted is not None:
        return str(noted["etag"])
    mark = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return f"{hashlib.md5(mark.encode(), usedforsecurity=False).hexdigest()}-1"


def about_of(path: Path, status: os.stat_result, notes: Path | None = None) -> dict[str, str]:
    """What was said of a file that was stored by us and not touched since; nothing of any other."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(os.getxattr(path, _ABOUT))
            if said["of"] == f"{status.st_size} {status.st_mtime_ns}":
                return dict(said["about"])
    noted = _noted(notes, status)
    return {} if noted is None else noted["about"]


def forget(status: os.stat_result, notes: Path) -> None:
    """The file is gone: so is its note, if it had one."""
    with contextlib.suppress(OSError):
        _note(notes, status).unlink()


def _note(notes: Path, status: os.stat_result) -> Path:
    return notes / f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def _noted(notes: Path | None, status: os.stat_result) -> dict[str, Any] | None:
    if notes is None:
        return None
    try:
        noted = json.loads(_note(notes, status).read_bytes())
    except (OSError, ValueError):  # none, or cut short by a loss of power
        return None
    return noted if isinstance(noted, dict) else None

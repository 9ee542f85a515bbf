"""Files on their way into a container: entries of a tree, streamed as tar.

The engine takes and gives files as tar streams only; nothing here holds a whole file.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class TreeFile:
    """A file to be written, root-owned. `open` gives its bytes, exactly `size` of them."""

    path: str  # relative, "/" between components
    size: int
    open: Callable[[], BinaryIO]
    mode: int = 0o644
    modified: float | None = None  # seconds since the epoch; None: as the whole tree


@dataclass(frozen=True)
class TreeDirectory:
    """A directory to be made, root-owned."""

    path: str
    mode: int = 0o755
    modified: float | None = None


@dataclass(frozen=True)
class TreeLink:
    """A second name of a file that came before it in the same tree (a hard link)."""

    path: str
    target: str  # the other's path, relative to the tree
    mode: int = 0o644
    modified: float | None = None


Entry = TreeFile | TreeDirectory | TreeLink


def text_file(path: str, text: str, mode: int = 0o644) -> TreeFile:
    """A small file with `text` as UTF-8."""
    data = text.encode()
    return TreeFile(path, len(data), lambda: io.BytesIO(data), mode)


def below(folder: str, entry: Entry) -> Entry:
    """The entry of a tree as an entry of a bigger tree that has the first one at `folder`."""
    path = f"{folder}/{entry.path}"
    if isinstance(entry, TreeLink):
        return replace(entry, path=path, target=f"{folder}/{entry.target}")
    return replace(entry, path=path)


def tar_stream(entries: Iterable[Entry], modified: float = 0.0, *, existing: Collection[str] = ()) -> Iterator[bytes]:
    """The entries as a tar stream (PAX, owner 0:0, every parent directory made first with mode 0755, but those that are
    `existing`: unpacking would change their owner and mode).

    Raises OSError when a file gives fewer bytes than it promised.
    """
    made = set(existing)
    for entry in entries:
        for parent in parents(entry.path):
            if parent not in made:
                made.add(parent)
                yield _header(TreeDirectory(parent), modified)
        yield _header(entry, modified)
        if isinstance(entry, TreeDirectory):
            made.add(entry.path)
        elif isinstance(entry, TreeFile):
            yield from _body(entry)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def parents(path: str) -> Iterator[str]:
    """The directories that a relative path lies in, the outermost first."""
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])


def _header(entry: Entry, modified: float) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.mode = entry.mode
    info.mtime = int(modified if entry.modified is None else entry.modified)
    if isinstance(entry, TreeDirectory):
        info.type = tarfile.DIRTYPE
    elif isinstance(entry, TreeLink):
        info.type, info.linkname = tarfile.LNKTYPE, entry.target
    else:
        info.size = entry.size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _body(entry: TreeFile) -> Iterator[bytes]:
    left = entry.size
    with entry.open() as source:
        while left:
            data = source.read(min(CHUNK, left))
            if not data:
                raise OSError(f"{entry.path} ended {left} bytes before its size of {entry.size}")
            left -= len(data)
            yield data
    yield b"\0" * (-entry.size % tarfile.BLOCKSIZE)

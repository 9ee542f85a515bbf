"""Files of an image, read through the engine without running anything of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from smlocal.container import LaunchedContainer
from smlocal.engine.interface import PathFacts
from smlocal.errors import BrokenArchive, EngineError, NotFoundInEngine
from smlocal.settings import MEBIBYTE
from smlocal.streams import reader_of
from smlocal.tarstream import Member, members

_MOST_LINKS = 40  # as Linux follows
_HEAD = 4096
# Docker's and the kernel's words for a path that leads nowhere
_NOWHERE = ("too many links", "too many levels of symbolic links", "file name too long")
_MOST_READ = 64 * MEBIBYTE
_MOST_LOOKS = 10_000  # half a minute of requests; a real image takes a few dozen


@dataclass(frozen=True)
class FoundFile:
    """A file: its path after all links, and its mode."""

    path: str
    mode: int


class ImageFiles:
    """Looks into the file system of a container that was created and never started.

    Every look is a request to the engine, so each path is looked at once, and read only where its bytes are wanted.
    """

    def __init__(self, container: LaunchedContainer) -> None:
        self._container = container
        self._seen: dict[str, PathFacts | None] = {"/": PathFacts("directory", 0o755)}
        self._begun: dict[str, bytes] = {}

    def find(self, path: str) -> FoundFile | None:
        """The file at a path, links followed; None when there is no file."""
        real = self._resolved(path)
        seen = self._look(real) if real is not None else None
        return FoundFile(real, seen.mode) if real is not None and seen is not None and seen.kind == "file" else None

    def beginning(self, file: FoundFile) -> bytes:
        """The first bytes of a file."""
        if file.path not in self._begun:
            self._begun[file.path] = next((b"".join(_beginning(item)) for item in self._members(file.path)), b"")
        return self._begun[file.path]

    def below(self, path: str, most: int) -> list[str]:
        """Files below a directory, at most so many, and no more than come with the first 64 MiB: an engine tells no
        names without the bytes. [] when it is not there."""
        if self._resolved(path) is None:
            return []
        found, read = [], 0
        parent = posixpath.dirname(path)
        for member in self._members(path):
            if member.kind != "directory":
                found.append(posixpath.join(parent, member.name))
                read += member.size
                if len(found) == most or read > _MOST_READ:
                    break
        return found

    def _members(self, path: str) -> Iterator[Member]:
        try:
            with reader_of(self._container.read(path)) as source:
                yield from members(source)
        except (NotFoundInEngine, BrokenArchive):
            return

    def _resolved(self, path: str) -> str | None:
        """The path with every link on the way followed; None when they lead nowhere or in a circle."""
        done, left, links = "/", [part for part in path.split("/") if part], 0
        while left:
            step = posixpath.normpath(posixpath.join(done, left.pop(0)))
            seen = self._look(step)
            if seen is None or (left and seen.kind in ("file", "other")):
                return None
            if seen.kind != "symlink":
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            left = [part for part in seen.link.split("/") if part] + left
            done = "/"
        return done

    def _look(self, path: str) -> PathFacts | None:
        """What is at a path whose parents are no links; None when nothing is, or when too much was looked at."""
        if path not in self._seen:
            if len(self._seen) > _MOST_LOOKS:
                return None
            self._seen[path] = self._asked(path)
        return self._seen[path]

    def _asked(self, path: str) -> PathFacts | None:
        try:
            return self._container.path(path)
        except NotFoundInEngine:
            return None
        except EngineError as error:
            if any(words in str(error) for words in _NOWHERE):
                return None
            raise


def _beginning(member: Member) -> Iterator[bytes]:
    taken = 0
    for chunk in member.chunks():
        yield chunk[: _HEAD - taken]
        taken += len(chunk)
        if taken >= _HEAD:
            return

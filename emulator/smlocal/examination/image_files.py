"""Files of an image, read through the engine without running anything of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from smlocal.container import LaunchedContainer
from smlocal.errors import BrokenArchive, NotFoundInEngine
from smlocal.streams import reader_of
from smlocal.tarstream import Member, members

_MOST_LINKS = 40  # as Linux follows
_HEAD = 4096


@dataclass(frozen=True)
class FileHead:
    """A file: its path after all links, its mode and its first bytes."""

    path: str
    mode: int
    head: bytes


class ImageFiles:
    """Looks into the file system of a container that was created and never started."""

    def __init__(self, container: LaunchedContainer) -> None:
        self._container = container
        self._links: dict[str, str | None] = {}

    def head(self, path: str) -> FileHead | None:
        """The file at a path, links followed; None when there is no file."""
        real = self._resolved(path)
        if real is None:
            return None
        for member in self._members(real):
            if member.kind != "file":
                return None
            head = b"".join(_beginning(member))
            return FileHead(real, member.mode, head)
        return None

    def below(self, path: str, most: int) -> list[str]:
        """Files below a directory, at most so many; [] when it is not there."""
        found = []
        parent = posixpath.dirname(path)
        for member in self._members(path):
            if member.kind != "directory":
                found.append(posixpath.join(parent, member.name))
                if len(found) == most:
                    break
        return found

    def _members(self, path: str) -> Iterator[Member]:
        try:
            yield from members(reader_of(self._container.read(path)))
        except (NotFoundInEngine, BrokenArchive):
            return

    def _resolved(self, path: str) -> str | None:
        """The path with every link on the way followed; None when they lead in a circle."""
        done, left, links = "/", [part for part in path.split("/") if part], 0
        while left:
            step = posixpath.join(done, left.pop(0))
            target = self._link(step)
            if target is None:
                done = posixpath.normpath(step)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            left = [part for part in target.split("/") if part] + left
            done = "/" if target.startswith("/") else done
        return done

    def _link(self, path: str) -> str | None:
        if path not in self._links:
            first = next(self._members(path), None)
            self._links[path] = first.link if first is not None and first.kind == "symlink" else None
        return self._links[path]


def _beginning(member: Member) -> Iterator[bytes]:
    taken = 0
    for chunk in member.chunks():
        yield chunk[: _HEAD - taken]
        taken += len(chunk)
        if taken >= _HEAD:
            return

"""Files of an image, read through the engine without running anything of it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from smlocal.container import LaunchedContainer
from smlocal.errors import BrokenArchive, EngineError, NotFoundInEngine
from smlocal.settings import MEBIBYTE
from smlocal.streams import reader_of
from smlocal.tarstream import Member, members

_MOST_LINKS = 40  # as Linux follows
_HEAD = 4096
_CIRCLE = ("too many links", "too many levels of symbolic links")  # Docker's and the kernel's words
_MOST_READ = 64 * MEBIBYTE


@dataclass(frozen=True)
class FileHead:
    """A file: its path after all links, its mode and its first bytes."""

    path: str
    mode: int
    head: bytes


@dataclass(frozen=True)
class _Seen:
    """What is at a path, with its first bytes when it is a file."""

    kind: str  # as of `tarstream.Member`
    mode: int = 0
    link: str = ""
    head: bytes = b""


class ImageFiles:
    """Looks into the file system of a container that was created and never started.

    Every look is a request to the engine, so each path is looked at once.
    """

    def __init__(self, container: LaunchedContainer) -> None:
        self._container = container
        self._seen: dict[str, _Seen | None] = {"/": _Seen("directory")}

    def head(self, path: str) -> FileHead | None:
        """The file at a path, links followed; None when there is no file."""
        real = self._resolved(path)
        seen = self._look(real) if real is not None else None
        if real is None or seen is None or seen.kind != "file":
            return None
        return FileHead(real, seen.mode, seen.head)

    def below(self, path: str, most: int) -> list[str]:
        """Files below a directory, at most so many, and no more than come with the first 64 MiB: an engine tells no
        names without the bytes. [] when it is not there."""
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
        except EngineError as error:
            if not any(words in str(error) for words in _CIRCLE):
                raise

    def _resolved(self, path: str) -> str | None:
        """The path with every link on the way followed; None when they lead nowhere or in a circle."""
        done, left, links = "/", [part for part in path.split("/") if part], 0
        while left:
            step = posixpath.normpath(posixpath.join(done, left.pop(0)))
            seen = self._look(step)
            if seen is None:
                return None
            if seen.kind != "symlink":
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            left = [part for part in seen.link.split("/") if part] + left
            done = "/" if seen.link.startswith("/") else done
        return done

    def _look(self, path: str) -> _Seen | None:
        """What is at a path whose parents are no links; None when nothing is."""
        if path not in self._seen:
            self._seen[path] = next((_seen(member) for member in self._members(path)), None)
        return self._seen[path]


def _seen(member: Member) -> _Seen:
    head = b"".join(_beginning(member)) if member.kind == "file" else b""
    return _Seen(member.kind, member.mode, member.link, head)


def _beginning(member: Member) -> Iterator[bytes]:
    taken = 0
    for chunk in member.chunks():
        yield chunk[: _HEAD - taken]
        taken += len(chunk)
        if taken >= _HEAD:
            return

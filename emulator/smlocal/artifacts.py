"""model.tar.gz and output.tar.gz: packed from what an engine gives, unpacked for hosting without trusting them.

All of it streams: memory does not grow with the size of a file or an archive (names of members are kept).
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from smlocal import gzip_stream
from smlocal.errors import ArchiveTooLarge, BrokenArchive, HostileArchive, StorageError, UsageError
from smlocal.storage.interface import ObjectStore
from smlocal.storage.keys import LONGEST_NAME
from smlocal.storage.walk import Walk
from smlocal.streams import chunks_of, reader_of
from smlocal.tarstream import BLOCK, Member, members
from smlocal.tree import Entry, TreeDirectory, TreeFile, TreeLink

GIBIBYTE = 1024**3
_LONGEST_PATH = 4096 - 256  # bytes; with room for where it is unpacked

_ALL_NAMES = 64 * 1024 * 1024  # bytes of all paths and the folders that they imply, which are held in memory


@dataclass(frozen=True)
class Bounds:
    """What an archive may unpack to. SageMaker's own bound is the instance's disk."""

    total_bytes: int = 256 * GIBIBYTE
    members: int = 200_000
    ratio: int = 250  # unpacked bytes per packed byte; real weights reach 1 to 20, gzip itself 1,032
    ratio_from: int = 1 * GIBIBYTE  # below so many unpacked bytes any ratio is harmless


def relative_members(tar: Iterator[bytes], strip: str) -> Iterator[Member]:
    """The members of an engine's tar stream of a directory, named relative to it; the directory itself is left out.

    Engines put the directory's own name (`strip`) before every name, or "./", or nothing: the first member tells.
    """
    prefixed = None
    for member in members(reader_of(tar)):
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if prefixed is None:
            prefixed = parts[:1] == [strip]
        if prefixed and parts[:1] == [strip]:
            parts = parts[1:]
        if not parts:
            continue
        member.name = "/".join(parts)
        if prefixed and member.kind == "hardlink":
            member.link = member.link.removeprefix("./").removeprefix(f"{strip}/")
        yield member


def pack(
    tar: Iterator[bytes],
    strip: str,
    on_member: Callable[[Member], None] = lambda member: None,
    level: int = gzip_stream.LEVEL,
) -> Iterator[bytes] | None:
    """The gzip'd tar of a directory that an engine gives as a tar stream; None when nothing is in it.

    Names are relative to the directory. Modes, owners' numbers and times stay; links stay links, since what the
    platform does with them is not documented. The bytes depend on these only. `on_member` sees each as it is packed.
    """
    found = relative_members(tar, strip)
    first = next(found, None)
    if first is None:
        return None
    return gzip_stream.compressed(_packed(chain([first], found), on_member), level)


def _packed(found: Iterator[Member], on_member: Callable[[Member], None]) -> Iterator[bytes]:
    for member in found:
        on_member(member)
        info = tarfile.TarInfo(member.name)
        info.type, info.linkname, info.size = member.header.type, member.link, member.size
        info.mode, info.uid, info.gid, info.mtime = member.mode, member.uid, member.gid, member.modified
        info.devmajor, info.devminor = member.header.devmajor, member.header.devminor
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield from member.chunks()
        yield b"\0" * (-member.size % BLOCK)
    yield b"\0" * (2 * BLOCK)


def upload(
    tar: Iterator[bytes],
    strip: str,
    store: ObjectStore,
    bucket: str,
    prefix: str,
    on_member: Callable[[Member], None] = lambda member: None,
) -> list[str]:
    """Each file of a directory as an object of its own under `prefix`, for `CompressionType` NONE.

    A second name of a file is a second object. Gives the names of what is no file and was left out: symbolic links,
    which the platform does not follow on uploading either (Source: developer guide,
    build-your-own-processing-container; for training it is not documented), pipes and devices.
    """
    left_out = []
    for member in relative_members(tar, strip):
        on_member(member)
        if member.kind == "file":
            store.put(bucket, prefix + member.name, member.open())
        elif member.kind == "hardlink":
            with store.open(bucket, prefix + member.link) as source:
                store.put(bucket, prefix + member.name, source)
        elif member.kind != "directory":
            left_out.append(member.name)
    return left_out


def unpack(archive: BinaryIO, bounds: Bounds | None = None) -> Iterator[Entry]:
    """The files of a model archive as entries of a tree, to be used in turn; `archive` is closed at the end.

    Files keep their permissions without set-user-ID, set-group-ID and sticky bits, and their times; all belong to
    root. A hard link to a file before it is taken. Symbolic links are not, wherever they lead: an archive with one
    does not deploy (Source: developer guide, deploy-model-troubleshoot).

    Raises HostileArchive, naming the member, for what must not be unpacked, and BrokenArchive for what is no archive;
    either may come after entries were given.
    """
    bounds = bounds or Bounds()
    checked = _Checked(bounds)
    with archive:
        for member in members(reader_of(checked.bounded(archive))):
            entry = checked.entry(member)
            if entry is not None:
                yield entry


class _Checked:
    """What is known of an archive while it is read."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._current = "the first member"
        self._count = self._name_bytes = 0
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def bounded(self, archive: BinaryIO) -> Iterator[bytes]:
        """The unpacked bytes, as long as they are not too many."""
        total, bounds = 0, self._bounds
        for data, taken in gzip_stream.decompressed(archive):
            total += len(data)
            if total > bounds.total_bytes:
                raise ArchiveTooLarge(f'"{self._current}" makes the archive longer than {bounds.total_bytes} bytes')
            if total > bounds.ratio_from and total > bounds.ratio * taken:
                raise ArchiveTooLarge(
                    f'"{self._current}" makes {total} bytes out of {taken}: more than {bounds.ratio} times as many'
                )
            yield data

    def entry(self, member: Member) -> Entry | None:
        """None for the archive's own root."""
        self._current = _shown(member.name)
        self._count += 1
        if self._count > self._bounds.members:
            raise ArchiveTooLarge(f'"{self._current}" is one member more than the {self._bounds.members} allowed')
        if member.size > self._bounds.total_bytes:
            raise ArchiveTooLarge(f'"{self._current}" claims {member.size} bytes')
        path = self._path(member.name, member.name)
        mode, modified = member.mode & 0o777, float(member.modified)
        if member.kind == "directory":
            self._take(path, self._folders, self._files)
            return TreeDirectory(path, mode, modified) if path else None
        if not path:
            raise HostileArchive(f'"{self._current}" would take the place of the folder that it is unpacked to')
        if member.kind == "hardlink":
            target = self._path(member.link, member.name)
            if target not in self._files:
                raise HostileArchive(f'"{self._current}" is a hard link to "{_shown(member.link)}", no file before it')
            self._take(path, self._files, self._folders)
            return TreeLink(path, target, mode, modified)
        if member.kind != "file":
            what = f'a symbolic link to "{_shown(member.link)}"' if member.kind == "symlink" else member.what
            raise HostileArchive(f'"{self._current}" is {what}; a model archive may hold files and folders only')
        self._take(path, self._files, self._folders)
        return TreeFile(path, member.size, member.open, mode, modified)

    def _path(self, name: str, member: str) -> str:
        """A member's path below the folder that it is unpacked to."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        path = "/".join(parts)
        fault = ""
        if name.startswith("/"):
            fault = "an absolute path"
        elif ".." in parts:
            fault = 'a path with ".." in it'
        elif "\0" in name:
            fault = "a path with a NUL byte in it"
        elif len(_bytes(path)) > _LONGEST_PATH or any(len(_bytes(part)) > LONGEST_NAME for part in parts):
            fault = "a longer path than a file can have"
        if fault:
            raise HostileArchive(f'"{_shown(member)}" has {fault}' + (f': "{_shown(name)}"' if name != member else ""))
        return path

    def _take(self, path: str, own: set[str], others: set[str]) -> None:
        """A name is a file's or a folder's, never both in turn."""
        above = path.rpartition("/")[0]
        while above and above not in self._folders:
            if above in self._files:
                raise HostileArchive(f'"{self._current}" is below "{_shown(above)}", which is a file')
            self._remember(above, self._folders)
            above = above.rpartition("/")[0]
        if path in others:
            raise HostileArchive(f'"{self._current}" is in the archive both as a file and as a folder')
        self._remember(path, own)

    def _remember(self, path: str, names: set[str]) -> None:
        if path not in names:
            names.add(path)
            self._name_bytes += len(path)
        if self._name_bytes > _ALL_NAMES:
            raise ArchiveTooLarge(f'"{self._current}" is one name too many: all have more than {_ALL_NAMES} bytes')


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _shown(name: str) -> str:
    """A member's name as it can be printed."""
    text = _bytes(name).decode("utf-8", "replace")
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= 200 else f"{text[:200]}…"


def entries_of_folder(folder: Path) -> Iterator[Entry]:
    """A folder of this machine that stands for an unpacked model archive. Symbolic links are followed.

    Raises UsageError naming what cannot be taken: a link to nothing, a pipe, a device.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    try:
        for found in Walk(follow_links=True, folders=True, longest=_LONGEST_PATH).files(folder):
            mode, modified = found.status.st_mode & 0o777, found.status.st_mtime
            if found.is_folder:
                yield TreeDirectory(found.key, mode, modified)
            else:
                yield TreeFile(found.key, found.status.st_size, partial(_opened, found.path), mode, modified)
    except StorageError as error:
        raise UsageError(str(error)) from error


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


__all__ = [
    "Bounds",
    "BrokenArchive",
    "ArchiveTooLarge",
    "HostileArchive",
    "Member",
    "chunks_of",
    "entries_of_folder",
    "pack",
    "relative_members",
    "unpack",
    "upload",
]

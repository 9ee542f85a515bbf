"""Reading a tar stream from front to back, strictly, whatever it holds.

Python's `tarfile` keeps every member, reads metadata of any size into memory and takes damage in the middle for the
end; an archive from outside is read here instead. Formats: ustar, GNU long names, POSIX (PAX). Sparse and other rare
members are named, not guessed at.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from smlocal.errors import BrokenArchive
from smlocal.streams import CHUNK, reader_of

BLOCK = 512
_LATEST = 1 << 40  # seconds from the epoch: farther than any clock goes, and within what every engine reads
_LONGEST_METADATA = 1024 * 1024  # bytes of one member's names and attributes: far more than any real one has

_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}
_OTHERS = {
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
# Of all attributes, that an archive may have as many of as it likes, those that are kept; the others of sparse files
# count as one.
_READ, _SPARSE = ("path", "linkpath", "size", "mtime", "GNU.sparse.name"), "GNU.sparse."
_METADATA = {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, _LONG_NAME, _LONG_LINK}


@dataclass
class Member:
    """One member; its bytes can be read until the next member is asked for."""

    name: str  # as it stands in the archive; bytes that are not UTF-8 as surrogates
    kind: str  # "file", "directory", "symlink", "hardlink", "other"
    size: int  # of a file's bytes, otherwise 0
    mode: int
    modified: int
    uid: int
    gid: int
    link: str  # what a link points to
    what: str  # of an "other": what it is
    header: tarfile.TarInfo
    _source: BinaryIO
    _left: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes. Raises BrokenArchive when the archive ends within them."""
        while self._left:
            data = self._source.read(min(CHUNK, self._left))
            if not data:
                raise BrokenArchive(f'the archive ends within "{self.name}"')
            self._left -= len(data)
            yield data

    def open(self) -> BinaryIO:
        return reader_of(self.chunks())


def members(source: BinaryIO) -> Iterator[Member]:
    """The members of a tar stream in turn, and after the last the stream is read to its end.

    Raises BrokenArchive for anything that is not a tar archive to its last byte, and lets exceptions of `source`
    through.
    """
    metadata: dict[str, str] = {}
    everywhere: dict[str, str] = {}
    first = True
    while (info := _header(source, first)) is not None:
        first = False
        if info.type in _METADATA:
            _take_metadata(info, source, metadata, everywhere)
            continue
        member = _member(info, {**everywhere, **metadata}, source)
        metadata = {}
        yield member
        for _ in member.chunks():
            pass
        _skip(source, -member.size % BLOCK, member.name)
    while source.read(CHUNK):
        pass


def _header(source: BinaryIO, first: bool) -> tarfile.TarInfo | None:
    """None at the end: an empty block, or nothing more after a whole member."""
    block = source.read(BLOCK)
    if not block and not first:
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.ReadError as error:
        raise BrokenArchive("it is not a tar archive") from error
    except tarfile.HeaderError as error:
        if block and not block.strip(b"\0"):
            return None
        where = "it is not a tar archive" if first else "the tar archive is damaged between two members"
        raise BrokenArchive(where) from error


def _take_metadata(
    info: tarfile.TarInfo, source: BinaryIO, metadata: dict[str, str], everywhere: dict[str, str]
) -> None:
    """Names and attributes that come before the member that they belong to."""
    if not 0 <= info.size <= _LONGEST_METADATA:
        raise BrokenArchive(f"a member's attributes have {info.size} bytes; at most {_LONGEST_METADATA} are taken")
    data = _exactly(source, info.size, info.name)
    _skip(source, -info.size % BLOCK, info.name)
    if info.type in (_LONG_NAME, _LONG_LINK):
        key = "path" if info.type == _LONG_NAME else "linkpath"
        metadata[key] = _text(data.split(b"\0", 1)[0])
        return
    target = everywhere if info.type == tarfile.XGLTYPE else metadata
    for key, value in _records(data):
        if key in _READ:
            target[key] = value
        elif key.startswith(_SPARSE):
            target[_SPARSE] = value


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """PAX records: "<length of the record> <key>=<value>\\n"."""
    while data:
        digits, _, rest = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        if not len(digits) + 2 < length <= len(data) or data[length - 1 : length] != b"\n" or b"=" not in rest:
            raise BrokenArchive("a member's attributes are damaged")
        key, _, value = data[len(digits) + 1 : length - 1].partition(b"=")
        yield _text(key), _text(value)
        data = data[length:]


def _member(info: tarfile.TarInfo, metadata: dict[str, str], source: BinaryIO) -> Member:
    name = metadata.get("path", info.name)
    kind, what = _KINDS.get(info.type, "other"), _OTHERS.get(info.type, f"of the unknown type {info.type!r}")
    if any(key.startswith(_SPARSE) for key in metadata):
        kind, what = "other", "a sparse file"
        name = metadata.get("GNU.sparse.name", name)
    size = _number(metadata.get("size"), info.size, name)
    modified = _number(metadata.get("mtime"), int(info.mtime), name, negative=True)
    if not -_LATEST < modified < _LATEST:
        raise BrokenArchive(f'the attributes of "{name}" are damaged: nothing was modified at that time')
    link = metadata.get("linkpath", info.linkname)
    # only these have bytes after their header; devices and links never do, whatever size they claim
    has_bytes = kind == "file" or (
        kind == "other" and info.type not in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
    )
    size = size if has_bytes else 0
    return Member(name, kind, size, info.mode & 0o7777, modified, info.uid, info.gid, link, what, info, source, size)


def _number(text: str | None, otherwise: int, name: str, *, negative: bool = False) -> int:
    try:
        value = otherwise if text is None else int(text.partition(".")[0])
    except ValueError as error:
        raise BrokenArchive(f'the attributes of "{name}" are damaged') from error
    if value < 0 and not negative:
        raise BrokenArchive(f'"{name}" claims a size of {value} bytes')
    return value


def _exactly(source: BinaryIO, size: int, name: str) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise BrokenArchive(f'the archive ends within "{name}"')
    return data


def _skip(source: BinaryIO, size: int, name: str) -> None:
    if size:
        _exactly(source, size, name)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")

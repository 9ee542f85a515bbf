"""Volumes and file systems of scripted containers: trees of files in memory, packed and unpacked as real tar."""

from __future__ import annotations

import errno
import io
import os
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from smlocal.engine.interface import PathFacts
from smlocal.errors import DiskFull, EngineError, NotFoundInEngine
from smlocal.streams import reader_of

_MOST_LINKS = 40  # as Linux follows


@dataclass(frozen=True)
class Node:
    """A file, a directory or a symbolic link."""

    kind: Literal["file", "directory", "link"]
    mode: int
    data: bytes = b""
    target: str = ""  # of a link


Tree = dict[str, Node]  # path relative to the tree's root -> what is there; the root itself is ""


def empty_tree() -> Tree:
    return {"": Node("directory", 0o755)}


def tree_of_folder(folder: Path) -> Tree:
    """A copy of a folder of this machine, with its modes. Raises EngineError when it cannot be read."""
    tree = empty_tree()
    try:
        for path in sorted(folder.rglob("*")):
            mode = path.lstat().st_mode & 0o7777
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                tree[name] = Node("link", mode, target=str(path.readlink()))
            elif path.is_dir():
                tree[name] = Node("directory", mode)
            else:
                tree[name] = Node("file", mode, path.read_bytes())
    except OSError as error:
        raise EngineError(f"{folder} cannot be overlaid: {error}") from error
    return tree


@dataclass(frozen=True)
class Mount:
    """A volume's tree at an absolute path."""

    path: str
    tree: Tree
    read_only: bool = False


class FileSystem:
    """What a scripted container sees: its own root, and volumes on it. Paths are absolute.

    A scripted program raises what a real one would: FileNotFoundError, IsADirectoryError, and OSError with EROFS when
    it writes into a volume that is mounted read-only.
    """

    def __init__(self, root: Tree, mounts: Sequence[Mount] = ()) -> None:
        self._root = root
        self._given = {name: len(node.data) for name, node in root.items()}
        self._mounts = sorted(mounts, key=lambda mount: len(mount.path), reverse=True)
        for mount in self._mounts:
            _make_parents(root, mount.path.strip("/") + "/")

    def exists(self, path: str) -> bool:
        tree, name, _ = self._locate(path)
        return name in tree

    def read(self, path: str) -> bytes:
        node = self._node(path)
        if node.kind == "link":
            return self.read(str(PurePosixPath(path).parent / node.target))
        if node.kind == "directory":
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return node.data

    def mode(self, path: str) -> int:
        return self._node(path).mode

    def files(self, path: str = "/") -> list[str]:
        """The absolute paths of all files below a directory, in order."""
        below = path.rstrip("/") + "/"
        found = self._everything()
        return sorted(name for name, node in found.items() if node.kind == "file" and name.startswith(below))

    def written(self) -> int:
        """How many bytes of files were written outside of the volumes."""
        files = list(self._root.items())
        return sum(len(node.data) for name, node in files if self._given.get(name) != len(node.data))

    def write(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """Write a file, and the directories that it needs."""
        self._put(path, Node("file", mode, data.encode() if isinstance(data, str) else data))

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        self._put(path, Node("directory", mode))

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        self._put(path, Node("link", 0o777, target=target))

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all below it."""
        self._node(path)
        tree, name, read_only = self._locate(path)
        self._writable(path, read_only)
        for found in [key for key in tree if key == name or key.startswith(f"{name}/")]:
            del tree[found]

    def facts(self, path: str) -> PathFacts:
        """What is at a path, its last link not followed. Raises NotFoundInEngine, EngineError for links in a circle."""
        everything, place = self._everything(), PurePosixPath(path)
        found = posixpath.join(self._followed(str(place.parent), everything), place.name)
        if found not in everything:
            raise NotFoundInEngine(f"Could not find the file {path} in the container")
        node = everything[found]
        if node.kind == "link":
            return PathFacts("symlink", node.mode, self._followed(found, everything))
        return PathFacts(node.kind, node.mode)

    @staticmethod
    def _followed(path: str, everything: Mapping[str, Node]) -> str:
        """The path with every link in it followed, whether something is there or not."""
        done, left, links = "/", path.strip("/").split("/"), 0
        while left:
            step = posixpath.normpath(posixpath.join(done, left.pop(0)))
            node = everything.get(step)
            if node is None or node.kind != "link":
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                raise EngineError(f"{path}: too many links")
            left = node.target.strip("/").split("/") + left
            done = "/" if node.target.startswith("/") else done
        return done

    def pack(self, path: str) -> Iterator[bytes]:
        """The tar stream of a path; members' names begin with its last component. Raises NotFoundInEngine."""
        if not self.exists(path):
            raise NotFoundInEngine(f"Could not find the file {path} in the container")
        top = "/" + path.strip("/")
        base = PurePosixPath(top).name or "."
        everything = self._everything()
        for name in sorted(found for found in everything if found == top or found.startswith(top.rstrip("/") + "/")):
            yield from _packed((base + "/" + name[len(top) :].strip("/")).rstrip("/"), everything[name])
        yield b"\0" * (2 * tarfile.BLOCKSIZE)

    def unpack(self, path: str, chunks: Iterable[bytes], free: int | None = None) -> None:
        """Unpack a tar stream below an existing directory; `free` is how many bytes there is room for.

        Raises NotFoundInEngine, DiskFull, EngineError for a read-only place or a stream that is no tar.
        """
        if not self.exists(path):
            raise NotFoundInEngine(f"Could not find the file {path} in the container")
        if self._locate(path)[2]:
            raise EngineError("mounted volume is marked read-only")
        written = 0
        try:
            with reader_of(chunks) as source, tarfile.open(fileobj=source, mode="r|") as archive:
                for member in archive:
                    written += member.size
                    if free is not None and written > free:
                        raise DiskFull(f"write {path}/{member.name}: no space left on device")
                    self._take(f"{path.rstrip('/')}/{member.name}", archive, member)
                while source.read(1024 * 1024):
                    continue
        except tarfile.TarError as error:
            raise EngineError(f"the archive for {path} cannot be read: {error}") from error
        except OSError as error:
            if error.errno == errno.EROFS:
                raise EngineError("mounted volume is marked read-only") from error
            raise

    def _take(self, path: str, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        mode = member.mode & 0o7777
        if member.isdir():
            self.make_directory(path, mode)
        elif member.issym():
            self.link(path, member.linkname)
        else:
            data = archive.extractfile(member)
            self.write(path, data.read() if data is not None else b"", mode)

    def _put(self, path: str, node: Node) -> None:
        tree, name, read_only = self._locate(path)
        self._writable(path, read_only)
        _make_parents(tree, name)
        tree[name] = node

    def _node(self, path: str) -> Node:
        tree, name, _ = self._locate(path)
        if name not in tree:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return tree[name]

    @staticmethod
    def _writable(path: str, read_only: bool) -> None:
        if read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    def _locate(self, path: str) -> tuple[Tree, str, bool]:
        """The tree that a path lies in, its name there, and whether that tree is read-only."""
        clean = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
        for mount in self._mounts:
            at = "/" + mount.path.strip("/")
            if clean == at or clean.startswith(f"{at}/"):
                return mount.tree, clean[len(at) :].strip("/"), mount.read_only
        return self._root, clean.strip("/"), False

    def _everything(self) -> dict[str, Node]:
        found = {f"/{name}": node for name, node in list(self._root.items())}
        for mount in reversed(self._mounts):  # the shortest path first: a deeper mount hides what lies there
            at = "/" + mount.path.strip("/")
            found = {name: node for name, node in found.items() if name != at and not name.startswith(f"{at}/")}
            found |= {f"{at}/{name}".rstrip("/"): node for name, node in list(mount.tree.items())}
        return found


def _make_parents(tree: Tree, name: str) -> None:
    parts = name.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        tree.setdefault("/".join(parts[:end]), Node("directory", 0o755))


def _packed(name: str, node: Node) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.mode = node.mode
    info.type = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}[node.kind]
    info.linkname = node.target
    info.size = len(node.data)
    yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    with io.BytesIO(node.data) as source:
        while data := source.read(1024 * 1024):
            yield data
    yield b"\0" * (-info.size % tarfile.BLOCKSIZE)

"""Volumes of the scripted engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smlocal.engine.interface import ContainerSpec, Owned
from smlocal.engine.scripted_container import ScriptedContainer
from smlocal.engine.scripted_files import FileSystem, Mount, Node, Tree, empty_tree, tree_of_folder
from smlocal.engine.scripted_images import ScriptedImage
from smlocal.errors import EngineError


@dataclass(frozen=True)
class _Volume:
    tree: Tree
    labels: Mapping[str, str]


class Volumes:
    """Names and the trees that they name. Whoever uses it holds the engine's lock."""

    def __init__(self) -> None:
        self._named: dict[str, _Volume] = {}

    def create(self, name: str, labels: Mapping[str, str], overlay_of: Path | None) -> None:
        """An empty one, or one with a copy of a folder; one that is there stays as it is."""
        if overlay_of is not None and any(character in str(overlay_of) for character in ",:"):
            raise EngineError(f"{overlay_of} cannot be overlaid: its path has ':' or ','")
        tree = empty_tree() if overlay_of is None else tree_of_folder(overlay_of)
        self._named.setdefault(name, _Volume(tree, dict(labels)))

    def remove(self, name: str, containers: Iterable[ScriptedContainer]) -> None:
        """Remove one that none of `containers` mounts; one that is not there is no error."""
        users = [item.id for item in containers if name in _mounted_by(item.spec)]
        if users:
            raise EngineError(f"removing volume {name}: volume is in use - {users}")
        self._named.pop(name, None)

    def file_system(self, spec: ContainerSpec, image: ScriptedImage) -> FileSystem:
        """What a new container sees: its image's files, and the volumes over them."""
        for name in _mounted_by(spec):
            self.create(name, {}, None)
        mounts = [Mount(mount.path, self._named[mount.volume].tree, mount.read_only) for mount in spec.mounts]
        root = FileSystem(tree := empty_tree())
        tree["tmp"] = Node("directory", 0o1777)
        for path, data in image.files.items():
            root.write(path, data)
        return FileSystem(tree, mounts)

    def used(self) -> int:
        """Bytes in all of them."""
        return sum(len(node.data) for volume in self._named.values() for node in volume.tree.values())

    def owned(self) -> list[Owned]:
        return [Owned("volume", name, name, volume.labels) for name, volume in self._named.items()]


def _mounted_by(spec: ContainerSpec) -> set[str]:
    return {mount.volume for mount in spec.mounts}

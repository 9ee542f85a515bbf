"""The models that are loaded, by name, and how many there is room for."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from centroids.model import BrokenModel, Model


class AlreadyLoaded(Exception):
    """A model of that name is there."""


class NotLoaded(Exception):
    """There is no model of that name."""


class NoRoom(Exception):
    """The model does not fit beside the others; the text is one sentence."""


@dataclass(frozen=True)
class Entry:
    """One loaded model."""

    name: str
    url: str  # the folder that it was loaded from
    size: int  # bytes of its files
    model: Model


class Registry:
    """Safe to use from several threads. `most_bytes` and `most_models` are what there is room for."""

    def __init__(self, most_bytes: int, most_models: int) -> None:
        self._most_bytes = most_bytes
        self._most_models = most_models
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}

    def load(self, name: str, url: str) -> None:
        """Load a folder's model under a name. Raises AlreadyLoaded, NoRoom, BrokenModel.

        One at a time, so that two models never take the same room; what is loaded answers meanwhile.
        """
        with self._lock:
            if name in self._entries:
                raise AlreadyLoaded(f"Model {name} is loaded already.")
            size = _size(Path(url))
            self._check_room(size)
            try:
                model = Model.load(Path(url))
            except MemoryError:
                raise NoRoom("Memory ran out while the model was loaded.") from None
            self._entries = {**self._entries, name: Entry(name, url, size, model)}

    def _check_room(self, size: int) -> None:
        if len(self._entries) >= self._most_models:
            raise NoRoom(f"There is room for {self._most_models} models.")
        free = self._most_bytes - sum(entry.size for entry in self._entries.values())
        if size > free:
            raise NoRoom(f"The model has {size} bytes, and {max(free, 0)} of {self._most_bytes} are free.")

    def unload(self, name: str) -> None:
        """Forget a model. Raises NotLoaded."""
        with self._lock:
            self.get(name)
            self._entries = {key: entry for key, entry in self._entries.items() if key != name}

    def get(self, name: str) -> Entry:
        """Raises NotLoaded."""
        entry = self._entries.get(name)
        if entry is None:
            raise NotLoaded(f"Model {name} is not loaded.")
        return entry

    def page(self, start: int, count: int) -> tuple[list[Entry], int | None]:
        """So many models from a place on, in the order in which they were loaded, and where the next page begins."""
        entries = list(self._entries.values())
        end = start + count
        return entries[start:end], end if end < len(entries) else None


def _size(folder: Path) -> int:
    if not folder.is_dir():
        raise BrokenModel(f"{folder} is no folder.")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

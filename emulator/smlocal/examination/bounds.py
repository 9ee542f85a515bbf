"""How much of this machine an image may take while it is examined: one without any bounds ends in findings, too."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from smlocal.engine.interface import Engine
from smlocal.examination.stopping import Stop
from smlocal.settings import MEBIBYTE

_TURN = 0.2  # seconds between looks


class TookTooMuch(Exception):
    """A transfer is broken off: what a run left is more than it may leave."""


@dataclass(frozen=True)
class Bounds:
    """What one run may take."""

    log_bytes: int = 256 * MEBIBYTE
    disk_bytes: int = 10 * 1024 * MEBIBYTE  # of the engine's disk, and of what is uploaded: the trials' VolumeSizeInGB


class Guard:
    """Watches one run, and has it stopped when it takes too much or the examination is to stop: `stop` asks it to, and
    `hurry` gives it no time to end by itself. What takes too much gets none, for it would take more meanwhile.

    `why` says of what it took too much, "" when it did not. How much it writes is judged by what the engine's disk
    loses meanwhile: no engine says what a running container has in its volumes.
    """

    def __init__(self, bounds: Bounds, engine: Engine, outer: Stop) -> None:
        self._bounds = bounds
        self._outer = outer
        self._disk = _disk_of(engine)
        self._free = self._free_now()
        self._logged = 0
        self._over = threading.Event()
        self.stop = threading.Event()
        self.hurry = threading.Event()
        self.why = ""

    def count_line(self, size: int) -> None:
        """The program wrote a line of so many bytes."""
        self._logged += size + 1

    def count_output(self, total: int) -> None:
        """So much of what the program left was read by now. Raises TookTooMuch."""
        if total > self._bounds.disk_bytes:
            self.why = self.why or f"what it left in /opt/ml is more than {self._bounds.disk_bytes // MEBIBYTE} MiB"
            raise TookTooMuch(self.why)

    @contextmanager
    def watching(self, on_stop: Callable[[threading.Event], object] = lambda hurry: None) -> Iterator[None]:
        """While this context lasts, `stop` is set, and `on_stop` called with what hurries it, once it is to stop."""
        thread = threading.Thread(target=self._watch, args=(on_stop,), name="examination guard", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self, on_stop: Callable[[threading.Event], object]) -> None:
        asked = False
        while not self._over.wait(_TURN):
            self.why = self.why or self._excess()
            if self.why or self._outer.hurry.is_set():
                self.hurry.set()
            if not asked and (self.why or self._outer.event.is_set()):
                asked = True
                self.stop.set()
                on_stop(self.hurry if self.why else self._outer.hurry)

    def _excess(self) -> str:
        if self._logged > self._bounds.log_bytes:
            return f"it was stopped: its log grew beyond {self._bounds.log_bytes // MEBIBYTE} MiB"
        if self._free - self._free_now() > self._bounds.disk_bytes:
            most = self._bounds.disk_bytes // MEBIBYTE
            return f"it was stopped: while it ran, the engine's disk lost more than {most} MiB"
        return ""

    def _free_now(self) -> int:
        return shutil.disk_usage(self._disk).free if self._disk else 0


def _disk_of(engine: Engine) -> str:
    """The folder where the engine keeps everything; "" when it cannot be seen from here."""
    facts = engine.facts()
    try:
        shutil.disk_usage(facts.root_directory)
    except OSError:
        return ""
    return facts.root_directory if facts.shares_this_machine else ""

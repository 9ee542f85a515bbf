"""The threads of an account: one for each thing that runs, and the room that the machine has for jobs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from smlocal.engine.interface import EngineFacts
from smlocal.instances import Granted

_LAST = 90.0  # seconds for work to end; an engine has 60 to end a container that was killed


class Room:
    """The vCPU and memory of the engine's host, shared by jobs in the order in which they came.

    Nobody is overtaken: a big job would wait for ever behind small ones. Endpoints take no room, for most of the time
    they do nothing: their containers have their limits, and the machine is shared as the kernel shares it.
    """

    def __init__(self, facts: Callable[[], EngineFacts]) -> None:
        self._facts = facts
        self._changed = threading.Condition()
        self._waiting: deque[Granted] = deque()
        self._inside: list[Granted] = []

    def queue(self, granted: Granted) -> None:
        """Stand in line. Whoever does calls `enter` or `give_up` afterwards."""
        with self._changed:
            self._waiting.append(granted)

    def enter(self, granted: Granted, given_up: Callable[[], bool], on_wait: Callable[[], None]) -> bool:
        """Wait until there is room; False when `given_up` says so before. `on_wait` is called if it has to wait."""
        facts = self._facts()
        with self._changed:
            fits = self._fits(granted, facts)
        if not fits:
            on_wait()  # outside: it may need a lock whose holder stands in line at this very moment
        with self._changed:
            self._changed.wait_for(lambda: given_up() or self._fits(granted, facts))
            self._leave_line(granted)
            if given_up():
                return False
            self._inside.append(granted)
            return True

    def _fits(self, granted: Granted, facts: EngineFacts) -> bool:
        if self._waiting[0] is not granted:
            return False
        cpus = sum(item.cpus for item in self._inside) + granted.cpus
        memory = sum(item.memory_bytes for item in self._inside) + granted.memory_bytes
        return not self._inside or (cpus <= facts.cpus and memory <= facts.memory_bytes)

    def _leave_line(self, granted: Granted) -> None:
        _drop(self._waiting, granted)
        self._changed.notify_all()

    def leave(self, granted: Granted) -> None:
        """Make room, inside or in the line; no error when it was in neither."""
        with self._changed:
            _drop(self._waiting, granted)
            _drop(self._inside, granted)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let everybody who waits look whether to give up."""
        with self._changed:
            self._changed.notify_all()


def _drop(items: deque[Granted] | list[Granted], granted: Granted) -> None:
    for index, item in enumerate(items):
        if item is granted:  # two jobs on the same instance type are granted the same
            del items[index]
            return


@dataclass
class Turn:
    """One thread's way to be told to stop."""

    key: str
    stop: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)
    closing: bool = False  # smlocal ends; nobody asked this thing to stop


class Workers:
    """Runs each piece of work on a thread of its own until `close`."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, Turn] = {}
        self._closed = False

    def begin(self, key: str, work: Callable[[Turn], None]) -> None:
        """Run `work` for the thing called `key`; once closed, nothing begins."""
        turn = Turn(key)

        def run() -> None:
            try:
                work(turn)
            finally:
                with self._lock:
                    self._running.pop(threading.current_thread(), None)

        with self._lock:
            if self._closed:
                return
            thread = threading.Thread(target=run, name=f"account: {key}", daemon=True)
            self._running[thread] = turn
            thread.start()

    def stop(self, key: str) -> None:
        """Ask all work for that thing to stop."""
        with self._lock:
            for turn in self._running.values():
                if turn.key == key:
                    turn.stop.set()
        self.room.wake()

    def close(self) -> None:
        """End all work at once, and wait for it, 90 s at most: the pull of an image goes on as long as it likes. May be
        called again."""
        with self._lock:
            self._closed = True
            threads = list(self._running)
            for turn in self._running.values():
                turn.closing = turn.closing or not turn.stop.is_set()
                turn.hurry.set()
                turn.stop.set()
        self.room.wake()
        deadline = time.monotonic() + _LAST
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

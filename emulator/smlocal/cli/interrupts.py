"""Ctrl-C and SIGTERM during a long command: the first asks the run to stop, the second ends it at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType


@dataclass
class StopRequest:
    """Set once the user has asked to stop."""

    event: threading.Event = field(default_factory=threading.Event)

    @property
    def interrupted(self) -> bool:
        return self.event.is_set()


@contextlib.contextmanager
def stop_on_interrupt(say: Callable[[], None]) -> Iterator[StopRequest]:
    """Within, the first SIGINT or SIGTERM calls `say` and sets the event; the next raises KeyboardInterrupt."""
    request = StopRequest()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if request.event.is_set():
            raise KeyboardInterrupt
        request.event.set()
        say()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

"""Ctrl-C and SIGTERM during a long command: the first asks the run to stop, the second not to wait for it any longer,
the third leaves at once."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130


@dataclass
class StopRequest:
    """`event` is set once the user has asked to stop, `hurry` when asked again."""

    event: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)

    @property
    def interrupted(self) -> bool:
        return self.event.is_set()


@contextlib.contextmanager
def stop_on_interrupt(say: Callable[[str], None], what: str) -> Iterator[StopRequest]:
    """Within, signals are counted; `say` tells the user what each one does to `what`.

    A thread of ours sets the events: a signal handler that did could deadlock with a main thread that waits on them,
    and one that raised could leave a lock locked.
    """
    request = StopRequest()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    previous = {number: signal.signal(number, _heard) for number in SIGNALS}
    descriptor = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    counter = threading.Thread(target=_count, args=(receiver, request, say, what), name="interrupts", daemon=True)
    counter.start()
    try:
        yield request
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in previous.items():
            signal.signal(number, handler)
        sender.close()
        counter.join()
        receiver.close()


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Within, SIGTERM is KeyboardInterrupt too, so that a command without a run to stop clears up after itself."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Python writes the signal's number to the wake-up descriptor by itself."""


def _count(receiver: socket.socket, request: StopRequest, say: Callable[[str], None], what: str) -> None:
    while data := receiver.recv(16):
        for _ in range(sum(number in SIGNALS for number in data)):
            if not request.event.is_set():
                say(f"stopping {what}; once more kills it")
                request.event.set()
            elif not request.hurry.is_set():
                say(f"killing {what}; once more leaves at once, and the next command cleans up")
                request.hurry.set()
            else:
                os._exit(INTERRUPTED)

"""How an examination is stopped half-way: the run under way ends as a stopped one does, and no other begins."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


class Stopped(Exception):
    """The examination was stopped: there is nothing to judge."""


@dataclass(frozen=True)
class Stop:
    """`event` asks it to stop; `hurry` gives programs no more time to end by themselves."""

    event: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raises Stopped."""
        if self.event.is_set():
            raise Stopped

"""A training run that is stopped half-way, as StopTrainingJob, the end of its time and a spot interruption do it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Long:
    """What makes training long, and when it is stopped then."""

    hyperparameters: Mapping[str, Any] = field(default_factory=dict)  # beside the others, or instead of them
    stop_after: int = 10  # seconds from the program's start
    resumes: str = ""  # regex of the line by which a program tells that it goes on from a checkpoint; "": none


class Interruption:
    """Stops one run some seconds after its program was started; one that is to go on from checkpoints already when it
    tells that it does."""

    def __init__(self, long: Long, resumed: bool, stop: threading.Event) -> None:
        self._resumes = re.compile(long.resumes) if long.resumes else None
        self._resumed = resumed
        self._stop = stop
        self._timer = threading.Timer(long.stop_after, stop.set)
        self._timer.daemon = True
        self._begun = False
        self.told = ""  # the first line that tells of going on

    def on_status(self, status: str, message: str) -> None:
        """The time is counted from the status that a job has when its program starts."""
        if status == "Training" and not self._begun:
            self._begun = True
            self._timer.start()

    def on_line(self, line: str) -> None:
        if self._resumes is None or self.told or not self._resumes.search(line):
            return
        self.told = line
        if self._resumed:
            self._stop.set()

    @contextmanager
    def pending(self) -> Iterator[None]:
        """While this context lasts, the run may be stopped."""
        try:
            yield
        finally:
            self._timer.cancel()

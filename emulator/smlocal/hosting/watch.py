"""Watching a model container after its first healthy ping."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from smlocal.container import Exit, LaunchedContainer
from smlocal.errors import SmlocalError
from smlocal.hosting.health import HealthChecks, Pinger, is_healthy

State = Literal["starting", "healthy", "unhealthy", "exited", "stopped"]


@dataclass(frozen=True)
class WatchCounts:
    """What a watch has seen so far."""

    pings: int = 0
    missed: int = 0
    longest_miss: int = 0


class Watch:
    """Pings at SageMaker's interval on a thread of its own, and tells of every change of state at once.

    After `unhealthy_after_misses` missed pings in a row the container is unhealthy, after one good ping healthy again.
    SageMaker replaces an unhealthy host; here it stays, so that it can be looked at. Where pings do not go on, only
    the container's exit is watched for.
    """

    def __init__(
        self, container: LaunchedContainer, pinger: Pinger, checks: HealthChecks, on_state: Callable[[State], None]
    ) -> None:
        self._container = container
        self._pinger = pinger
        self._checks = checks
        self._on_state = on_state
        self._ending = threading.Event()
        self._state: State = "healthy"
        self._counts = WatchCounts()
        self._ended: Exit | None = None
        self._thread = threading.Thread(target=self._run, name="model health", daemon=True)

    @property
    def counts(self) -> WatchCounts:
        return self._counts

    @property
    def ended(self) -> Exit | None:
        """How the container ended by itself."""
        return self._ended

    def start(self) -> None:
        self._thread.start()

    def expect_end(self) -> None:
        """From now on an exit is our doing."""
        self._ending.set()

    def join(self) -> None:
        """Wait for the thread, which ends with the container, or soon after its end is expected; for one that was never
        begun there is no wait."""
        if self._thread.ident is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            ended = self._until_the_end()
        except SmlocalError:
            # the engine is gone, or the log could not be stored: whoever stops the container is told
            self._enter("exited")
            return
        if not self._ending.is_set():
            self._ended = ended
            self._enter("exited")

    def _until_the_end(self) -> Exit | None:
        """None when its end is our doing: it may have been started again by now, of which nothing is to be told."""
        misses = 0
        while (ended := self._container.wait(self._checks.interval)) is None:
            if self._ending.is_set():
                return None
            if not self._checks.goes_on:
                continue
            misses = 0 if self._ping_once(misses) else misses + 1
            if misses == 0:
                self._enter("healthy")
            elif misses >= self._checks.unhealthy_after_misses:
                self._enter("unhealthy")
        return ended

    def _ping_once(self, misses: int) -> bool:
        good = is_healthy(self._pinger.ping())
        if self._ending.is_set():
            return True
        seen = self._counts
        longest = seen.longest_miss if good else max(seen.longest_miss, misses + 1)
        self._counts = WatchCounts(seen.pings + 1, seen.missed + (not good), longest)
        return good

    def _enter(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._on_state(state)

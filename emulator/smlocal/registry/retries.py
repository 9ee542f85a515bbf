"""How long a registry is waited for.

`Retry-After` is read as RFC 9110, section 10.2.3 has it: seconds, or a date.
"""

from __future__ import annotations

import contextlib
import email.utils
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from smlocal.errors import RegistryUnreachable

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})  # the statuses of an answer that may be another one next time

_GLANCE = 0.2  # seconds between two looks at whether to wait on


@dataclass(frozen=True)
class Patience:
    """All times in seconds."""

    tries: int = 6  # of one request, or of an upload without anything new having arrived
    faults: int = 24  # in all, of one upload
    first_wait: float = 0.5  # twice as long each time
    longest_wait: float = 20.0
    longest_retry_after: float = 120.0  # of what a registry itself asks for
    waiting: float = 300.0  # all waits of one operation together
    timeout: float = 120.0  # of one request with a small body
    idle: float = 60.0  # between two pieces of an upload, and from the last one to its answer
    clock: Callable[[], float] = time.time  # since the epoch; dates in Retry-After and tokens are read with it
    sleep: Callable[[float], None] = time.sleep
    meanwhile: Callable[[], None] = lambda: None  # called while an answer is waited for; what it raises breaks that off
    dice: Callable[[], float] = random.random  # between 0 and 1


class Waiting:
    """Waits that can be broken off: what waits for a registry asks here several times a second whether to go on."""

    def __init__(self) -> None:
        self._check: Callable[[], None] | None = None

    @contextlib.contextmanager
    def asking(self, check: Callable[[], None]) -> Iterator[None]:
        """Within, whatever `check` raises ends every wait."""
        former, self._check = self._check, check
        try:
            yield
        finally:
            self._check = former

    def go_on(self) -> None:
        if self._check is not None:
            self._check()

    def sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.go_on()
            time.sleep(min(left, _GLANCE))


class Faults:
    """The faults of one operation; each is waited out, until there have been too many."""

    def __init__(self, patience: Patience, doing: str) -> None:
        """`doing` is a phrase for the error: "asking registry.example for a manifest"."""
        self._patience = patience
        self._doing = doing
        self._in_a_row = 0
        self._all = 0
        self._waited = 0.0

    def wait(self, why: str, retry_after: float | None = None) -> None:
        """Sleep before the next try. Raises RegistryUnreachable when there shall be none; `why` is its reason."""
        patience = self._patience
        self._in_a_row += 1
        self._all += 1
        backoff = min(patience.first_wait * 2.0 ** min(self._in_a_row - 1, 30), patience.longest_wait)
        pause = backoff * (0.5 + patience.dice() / 2)
        if retry_after is not None:
            pause = max(pause, min(retry_after, patience.longest_retry_after))
        exhausted = self._in_a_row >= patience.tries or self._all >= patience.faults
        if exhausted or self._waited + pause > patience.waiting:
            times = "once" if self._all == 1 else f"{self._all} times"
            raise RegistryUnreachable(f"{self._doing} failed {times}, the last time because {why}")
        self._waited += pause
        patience.sleep(pause)

    def progress(self) -> None:
        """Something new has arrived."""
        self._in_a_row = 0


def retry_after(value: str | None, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks for, from `now` (since the epoch); None when it asks for nothing."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        date = email.utils.parsedate_to_datetime(text)
        return max(0.0, date.timestamp() - now)
    except (TypeError, ValueError, IndexError, OverflowError, OSError):
        return None

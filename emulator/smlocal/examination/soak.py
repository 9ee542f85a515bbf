"""Many requests, and the memory that a server's processes hold meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from smlocal.evidence import Exchange

_STEPS = 10
_CALLERS = 4


def soak(
    requests: int, send: Callable[[int], Exchange], memory: Callable[[], int | None]
) -> tuple[tuple[int, int], ...]:
    """What is held after none, a tenth, ... all of the requests: (requests, bytes).

    It ends early when one is not answered, and tells nothing where the engine tells nothing.
    """
    found: list[tuple[int, int]] = []
    sent = 0
    unanswered = Event()

    def ask(number: int) -> None:
        if not unanswered.is_set() and send(number).status is None:
            unanswered.set()

    with ThreadPoolExecutor(_CALLERS) as pool:
        for step in range(_STEPS + 1 if requests else 0):
            wanted = requests * step // _STEPS
            list(pool.map(ask, range(sent, wanted)))
            sent, held = wanted, None if unanswered.is_set() else memory()
            if held is None:
                break
            found.append((sent, held))
    return tuple(found)

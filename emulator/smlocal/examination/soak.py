"""Many requests, and the memory that a server's processes hold meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

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
    with ThreadPoolExecutor(_CALLERS) as pool:
        for step in range(_STEPS + 1 if requests else 0):
            wanted = requests * step // _STEPS
            answers = list(pool.map(send, range(sent, wanted)))
            sent, held = wanted, memory()
            if held is None or any(answer.status is None for answer in answers):
                break
            found.append((sent, held))
    return tuple(found)

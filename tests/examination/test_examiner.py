"""Runs beside each other: what goes wrong in one ends the others, and none of the rest begins."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import pytest

from smlocal.errors import EngineError
from smlocal.examination import Stop
from smlocal.examination.examiner import stopping

PATIENCE = 10.0


def test_an_error_in_one_run_stops_those_beside_it_and_cancels_those_that_wait() -> None:
    stop, begun = Stop(), []

    def lasting() -> str:
        return "stopped" if stop.event.wait(PATIENCE) else "went on"

    def failing() -> None:
        raise EngineError("gone")

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(EngineError, match="gone"), stopping(stop, pool):
            beside, failed = pool.submit(lasting), pool.submit(failing)
            waiting = [pool.submit(lambda: (stop.event.wait(PATIENCE), begun.append(1))) for _ in range(5)]
            for run in wait([beside, failed], return_when=FIRST_EXCEPTION).done:
                run.result()
        assert beside.result() == "stopped"
        assert stop.hurry.is_set()
    assert sum(run.cancelled() for run in waiting) >= 4
    assert len(begun) <= 1


def test_an_interrupt_stops_them_too() -> None:
    stop = Stop()
    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt), stopping(stop, pool):
        raise KeyboardInterrupt
    assert stop.event.is_set() and stop.hurry.is_set()


def test_runs_that_go_well_stop_nothing() -> None:
    stop = Stop()
    with ThreadPoolExecutor(1) as pool, stopping(stop, pool):
        assert pool.submit(lambda: 1).result() == 1
    assert not stop.event.is_set()

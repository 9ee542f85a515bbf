"""When a long run is stopped half-way, and what it is taken to say of going on."""

from __future__ import annotations

import threading

import pytest

from smlocal.examination.interruption import Interruption, Long

SOON = Long(stop_after=1)
TELLING = Long(stop_after=600, resumes="going on from epoch [0-9]+")
GOES_ON = "INFO going on from epoch 3"


def test_a_run_is_stopped_after_its_time() -> None:
    stop = threading.Event()
    interruption = Interruption(SOON, False, stop)
    with interruption.pending():
        for message in ("pulling", "training"):
            interruption.on_status("Training", message)
        assert not stop.is_set()
        assert stop.wait(10)


def test_time_counts_from_the_start_of_the_program() -> None:
    stop = threading.Event()
    interruption = Interruption(SOON, False, stop)
    with interruption.pending():
        interruption.on_status("Downloading", "input")
        assert not stop.wait(1.5)


def test_a_run_that_is_over_is_not_stopped() -> None:
    stop = threading.Event()
    interruption = Interruption(SOON, False, stop)
    with interruption.pending():
        interruption.on_status("Training", "")
    assert not stop.wait(1.5)


@pytest.mark.parametrize(
    ("claim", "long", "resumed", "lines", "told", "stopped"),
    [
        ("it goes on", TELLING, True, ["epoch 1", GOES_ON, "going on from epoch 4"], GOES_ON, True),
        ("the first run tells, too, and goes on all the same", TELLING, False, [GOES_ON], GOES_ON, False),
        ("it begins anew", TELLING, True, ["epoch 1", "going on"], "", False),
        ("nothing is looked for", SOON, True, [GOES_ON], "", False),
    ],
)
def test_a_run_that_tells_that_it_goes_on_has_told_all(
    claim: str, long: Long, resumed: bool, lines: list[str], told: str, stopped: bool
) -> None:
    stop = threading.Event()
    interruption = Interruption(long, resumed, stop)
    for line in lines:
        interruption.on_line(line)
    assert (interruption.told, stop.is_set()) == (told, stopped)

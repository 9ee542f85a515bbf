"""An image that takes whatever it gets ends in findings: in bounded time and memory, and nothing of it remains."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smlocal.evidence import Examination
from smlocal.examination import Plan, Sample, Source
from smlocal.examination.bounds import Bounds
from smlocal.settings import MEBIBYTE
from tests.examination.conftest import Examine, in_words, verdict_on

pytestmark = [pytest.mark.engine, pytest.mark.slow]

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
LITTLE_LOG = Bounds(log_bytes=64 * MEBIBYTE)
# What neighbours on this machine write counts, too: they may end this run earlier, but not otherwise.
LITTLE_DISK = Bounds(disk_bytes=256 * MEBIBYTE)
LITTLE_OUTPUT = Bounds(disk_bytes=2048 * MEBIBYTE)  # more than neighbours write meanwhile
SECONDS = 60
KIBIBYTES = 200 * 1024  # that this process may grow by; an answer of 1 GB would be five times as much

TRAIN = {
    "log": (LITTLE_LOG, "its log grew beyond 64 MiB"),
    "disk": (LITTLE_DISK, "the engine's disk lost more than 256 MiB"),
    "sparse": (LITTLE_OUTPUT, "what it left in /opt/ml is more than 2048 MiB"),
}
SERVE = {
    "log": {"SM307": "kept", "SM310": "kept"},
    "big-answer": {"SM307": "broken (error)"},
    "endless-answer": {"SM307": "not judged: see SM308", "SM308": "broken (error)"},
    "silent": {"SM307": "not judged: see SM308", "SM308": "broken (error)"},
    "headers": {"SM307": "broken (error)"},
}


@pytest.fixture
def image(build_image: Callable[..., str]) -> str:
    return build_image(FIXTURES / "hostile", "smlocal-test/hostile:latest")


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """The test takes neither long nor much memory."""
    began, before = time.monotonic(), _peak()
    yield
    assert time.monotonic() - began < SECONDS
    assert _peak() - before < KIBIBYTES


def _peak() -> int:
    """The most memory that this process ever held, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("way", TRAIN)
def test_training_that_takes_too_much_is_ended_and_not_tried_again(way: str, image: str, examine: Examine) -> None:
    bounds, why = TRAIN[way]
    examination = examine(image, training(way), bounds=bounds)
    (trial,) = examination.training.values()
    assert why in trial.reason
    assert words(examination)["SM201"].startswith("broken")


def test_training_without_end_is_ended_with_all_its_children(image: str, examine: Examine) -> None:
    examination = examine(image, training("forks", max_runtime=3))
    trial = examination.training["hard"]
    assert (trial.run.stop_requested, trial.run.killed_after_grace) == ("MaxRuntimeExceeded", True)
    assert words(examination)["SM201"].startswith("broken")


def training(way: str, max_runtime: int = 50) -> Plan:
    return Plan(
        serve=False,
        channels={"train": Source(FIXTURES / "iris.csv")},
        training_environment={"HOSTILE": way},
        max_runtime=max_runtime,
    )


def words(examination: Examination) -> dict[str, str]:
    return {item.rule: in_words(item) for item in verdict_on(examination).findings}


@pytest.mark.parametrize(("way", "wanted"), SERVE.items(), ids=SERVE)
def test_serving_that_takes_too_much_is_ended_and_told(
    way: str, wanted: dict[str, str], image: str, examine: Examine
) -> None:
    plan = Plan(
        train=False,
        serving_environment={"HOSTILE": way},
        samples=(Sample(b"1\n", "text/csv", "text/csv", b"0\n" if way == "log" else None),),
    )
    examination = examine(image, plan, bounds=LITTLE_LOG)
    found = words(examination)
    assert {rule: found[rule] for rule in wanted} == wanted, examination.serving["hard"]

"""For the conftest of a session under test: an engine in memory, and examinations that were never made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal import owner
from smlocal.engine.scripted import Answer, Run, Script, ScriptedEngine, ScriptedImage
from smlocal.errors import ImageNotFound
from smlocal.evidence import Examination
from tests.contract.samples import GOOD, SAMPLE, asked, asking, exchange, image, without_program

ALGORITHM = "algorithm:1"
LONG = 0.5 if "PYTEST_XDIST_WORKER" in os.environ else 0.0  # seconds: time for another worker to come upon it


def algorithm(run: Run) -> int:
    """Trains, and serves what it was sent; FAULT says what goes wrong."""
    fault = run.environment.get("FAULT", "")
    run.write(f"{run.arguments[-1]} {fault}\n")
    if fault == "fails":
        run.files.write("/opt/ml/output/failure", "no such column")
        return 1
    if run.arguments[-1] == "serve":
        stubborn = frozenset({"SIGTERM"} if fault == "stubborn" else ())
        return Script(handler=lambda request: Answer(200, request.body), ignores=stubborn)(run)
    run.write("accuracy=0.5\n")
    run.files.write("/opt/ml/model/weights", "1")
    return 0


class Counting(ScriptedEngine):
    """Writes down what is built, for several processes to be counted."""

    def build(self, context: Path, tags: tuple[str, ...], **options: object) -> Iterator[str]:  # type: ignore[override]
        note(f"build {context.name}")
        time.sleep(LONG)
        yield from super().build(context, tags)


def note(line: str) -> None:
    """Append to the notes of the session's folder."""
    with Path(os.environ["NOTES"]).open("a") as notes:
        notes.write(f"{line}\n")


@pytest.fixture(scope="session")
def smlocal_engine() -> Iterator[ScriptedEngine]:
    engine = Counting()
    engine.add_image(ALGORITHM, algorithm)
    engine.builds["context"] = ScriptedImage(algorithm)
    yield engine
    left = [item.name for item in engine.owned(owner.this_process().labels())]
    note(f"left: {left} {sorted(tag for facts in engine.images('') for tag in facts.tags)}")


EXAMINATIONS = {
    "good": GOOD,
    "shop/good:2": GOOD,
    "without-serve": without_program(GOOD, "serve"),
    "not-root": image(GOOD, user="app"),
    "hostile": asking(GOOD, samples=(exchange(SAMPLE, 500, body=b"\x1b[2J"),)),
    "no-training": asked(GOOD, training=False),
}


def pytest_smlocal_examine(config: pytest.Config, image: str) -> Examination:
    note(f"examine {image}")
    time.sleep(LONG)
    if image not in EXAMINATIONS:
        raise ImageNotFound(f"there is no image {image}")
    return EXAMINATIONS[image]

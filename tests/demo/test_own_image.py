"""Lab 3's image on its way: the check, the registry, its copy, and what is left out where one of them cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.demo import features
from smlocal.demo.outcome import Notes
from smlocal.demo.own_image import OwnImage, iris_plan
from smlocal.engine.interface import Engine
from smlocal.engine.scripted import FACTS, Script, ScriptedEngine, ScriptedImage
from smlocal.errors import EngineError, ImageNotFound, JobFailed
from smlocal.reachability import ask
from smlocal.settings import Settings
from smlocal.shipped import iris_csv
from smlocal.wiring import Program
from tests.engine.adapters import IMAGE as REAL_IMAGE

IMAGE = "own:1"
GOES_ON = "; the lab goes on with the local image"
NO_PROGRAMS = ScriptedImage(Script(), executables=frozenset())
ROW = iris_csv().read_text().splitlines()[0]


class Steps:
    """What the steps of a lab had to say."""

    def __init__(self) -> None:
        self.results: dict[str, str] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[Notes]:
        notes = Notes()
        yield notes
        self.results[name] = notes.result


@pytest.fixture
def steps() -> Steps:
    return Steps()


Own = Callable[..., OwnImage]


@pytest.fixture
def own(tmp_path: Path, steps: Steps) -> Iterator[Own]:
    """Make a lab's image of one that an engine has; whatever was spooled is gone at the end."""
    with ExitStack() as held:

        def make(engine: ScriptedEngine, registry: str | None = None) -> OwnImage:
            engine.add_image(IMAGE, NO_PROGRAMS)
            program = held.enter_context(Program(Settings(state=tmp_path / "state"), engine=engine))
            return OwnImage(program, steps, registry)

        yield make
    assert [*(tmp_path / "state").glob("spool/*")] == []


def test_the_sample_request_is_a_row_without_its_label_which_is_the_answer() -> None:
    (sample,) = iris_plan("arm64", "2,5.9,3.0,5.1,1.8").samples
    assert (sample.body, sample.expect) == (b"5.9,3.0,5.1,1.8\n", b"2\n")
    assert features(ROW) in iris_csv().read_text()


def test_an_image_is_checked_for_the_machines_that_it_was_built_for() -> None:
    assert iris_plan("arm64", ROW).architecture == "arm64"


def test_the_check_says_by_its_sentence_what_is_broken(own: Own, steps: Steps) -> None:
    with pytest.raises(JobFailed) as refused:
        own(ScriptedEngine(), "").check(IMAGE, ROW)
    counted, _, sentences = str(refused.value).partition(" not judged: ")
    assert re.fullmatch(r"own:1: \d+ kept, 2 broken, \d+", counted)
    assert sentences == "; ".join(
        f"{rule} `{word}` cannot be found (there is no ENTRYPOINT, and no '{word}' on PATH)"
        for rule, word in (("SM103", "train"), ("SM104", "serve"))
    )
    assert steps.results == {}


def test_without_a_registry_publishing_is_left_out_and_said_so(own: Own, steps: Steps) -> None:
    with own(ScriptedEngine(), "").from_registry(IMAGE, "sha256:1") as image:
        assert image == IMAGE
    assert list(steps.results) == ["publish"]
    assert re.fullmatch(rf"left out: this machine has no docker-registry .*{GOES_ON}", steps.results["publish"])


def test_a_registry_that_does_not_start_is_left_out_with_its_words(own: Own, steps: Steps, tmp_path: Path) -> None:
    broken = tmp_path / "registry"
    broken.write_text("#!/bin/sh\necho configuration error\nexit 1\n")
    broken.chmod(0o755)
    with own(ScriptedEngine(), str(broken)).from_registry(IMAGE, "sha256:1") as image:
        assert image == IMAGE
    assert steps.results == {"publish": f"left out: {broken} did not start: configuration error{GOES_ON}"}


@pytest.mark.parametrize(
    ("facts", "failure", "why"),
    [
        (
            replace(FACTS, shares_this_machine=False, address="tcp://far.example:2376"),
            None,
            "the engine at tcp://far.example:2376 does not share this machine's loopback",
        ),
        (replace(FACTS, name="podman"), None, "Podman wants TLS"),
        (
            FACTS,
            ImageNotFound("pulling failed: dial tcp 127.0.0.1:1: connect: connection refused"),
            "the engine does not share this machine's loopback (pulling failed",
        ),
    ],
    ids=["another machine", "Podman", "a network of its own"],
)
def test_an_engine_that_cannot_pull_from_here_goes_on_with_the_local_image(
    own: Own, steps: Steps, facts: object, failure: Exception | None, why: str
) -> None:
    engine = ScriptedEngine(facts)
    if failure is not None:
        engine.fail("pull", failure)
    lab = own(engine)
    with lab.from_registry(IMAGE, engine.image(IMAGE).id) as image:
        assert image == IMAGE
    published, pulled = steps.results.values()
    assert re.fullmatch(r"127\.0\.0\.1:\d+/iris-sklearn:1\.0 is sha256:[0-9a-f]{64}, \d+ MB", published)
    assert pulled.startswith(f"left out: {why}")
    assert pulled.endswith(GOES_ON)


def test_any_other_refusal_of_the_registrys_copy_is_a_failure(own: Own) -> None:
    engine = ScriptedEngine()  # nothing to pull is scripted
    lab = own(engine)
    with (
        pytest.raises(ImageNotFound, match="manifest unknown"),
        lab.from_registry(IMAGE, engine.image(IMAGE).id),
    ):
        pytest.fail("there is no copy to go on with")


class Pulls(ScriptedEngine):
    """An engine whose registry holds `copy`; None: what it has itself under the lab's name."""

    copy: ScriptedImage | None = None

    def pull(self, reference: str, platform: str | None = None) -> Iterator[str]:
        if self.copy is None:
            self.tag(IMAGE, reference)
        else:
            self.add_image(reference, self.copy)
        yield "Pulled"


def test_the_copy_is_there_for_the_lab_and_gone_after_its_failure(own: Own, steps: Steps) -> None:
    engine = Pulls()
    lab = own(engine)
    with pytest.raises(ZeroDivisionError), lab.from_registry(IMAGE, engine.image(IMAGE).id) as copy:
        assert re.fullmatch(r"127\.0\.0\.1:\d+/iris-sklearn@sha256:[0-9a-f]{64}", copy)
        assert engine.image(copy).id == engine.image(IMAGE).id
        raise ZeroDivisionError
    with pytest.raises(ImageNotFound):
        engine.image(copy)
    assert engine.image(IMAGE).tags == (IMAGE,)
    assert copy.partition("@")[2] in steps.results["publish"]
    assert steps.results["pull the registry's copy"] == "under its digest: what was checked is what runs"


def test_a_copy_that_is_not_what_was_checked_is_refused_and_removed(own: Own) -> None:
    engine = Pulls()
    engine.copy = ScriptedImage(Script())
    lab = own(engine)
    with (
        pytest.raises(EngineError, match="in the engine, not sha256:"),
        lab.from_registry(IMAGE, engine.image(IMAGE).id),
    ):
        pytest.fail("it is another image")
    assert engine.images("127.0.0.1") == []


HOLDS_A_COPY = """
import contextlib, sys, time
from pathlib import Path
from smlocal.cli.interrupts import sigterm_as_ctrl_c
from smlocal.demo.outcome import Notes
from smlocal.demo.own_image import OwnImage
from smlocal.settings import Settings
from smlocal.wiring import Program
image = sys.argv[1]
with sigterm_as_ctrl_c(), Program(Settings(state=Path(sys.argv[2]))) as program:
    own = OwnImage(program, lambda name: contextlib.nullcontext(Notes()))
    with own.from_registry(image, program.engine.image(image).id) as copy:
        print(copy, flush=True)
        time.sleep(60)
"""


@pytest.mark.engine
def test_sigterm_takes_the_copy_the_registry_and_its_files_away(local_engine: Engine, tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDS_A_COPY, REAL_IMAGE, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        copy = process.stdout.readline().strip()
        assert local_engine.image(copy).id == local_engine.image(REAL_IMAGE).id
        assert ask(f"http://{copy.partition('/')[0]}/v2/", 10) is None
        process.terminate()
        assert process.stderr.read().endswith("KeyboardInterrupt\n")
    with pytest.raises(ImageNotFound):
        local_engine.image(copy)
    assert ask(f"http://{copy.partition('/')[0]}/v2/", 10) is not None
    assert list((tmp_path / "spool").iterdir()) == []

"""The three labs: what is held out, what counts as right, and the whole of it on real containers."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from smlocal.demo import Demo, Outcome, agreement, answered, features, split, xgboost_uri
from smlocal.engine.docker import DockerEngine
from smlocal.errors import ImageNotFound, JobFailed
from smlocal.images.aws_registries import parse_ecr
from smlocal.settings import Settings
from smlocal.shipped import iris_csv
from smlocal.storage.directory import DirectoryStore
from tests.cli.conftest import Said, command, engine, host, of_process, read_until, smlocal, start

__all__ = ["command", "engine", "host", "smlocal", "start"]

ROWS = iris_csv().read_text().splitlines()


def test_thirty_rows_are_held_out_ten_of_each_class() -> None:
    train, test = split(ROWS)
    assert (len(train), len(test)) == (120, 30)
    assert sorted(train + test) == sorted(ROWS)
    assert [sum(row.startswith(label) for row in test) for label in "012"] == [10, 10, 10]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"0.0,1.0,2.0", 1.0),
        (b"0\n1\n2\n", 1.0),
        (b"0.0,1.0,1.0", 2 / 3),
        (b"0,1", 2 / 3),
        (b"0,1,2,2", 3 / 4),
        (b"", 0.0),
    ],
)
def test_missing_and_surplus_predictions_count_as_wrong(answer: bytes, expected: float) -> None:
    assert agreement(answer, ["0,1.0", "1,1.0", "2,1.0"]) == expected


@pytest.mark.parametrize(
    ("output", "rows"), [(b"0.0\n1.0\n", 2), (b"0.0\n1.0", 2), (b"\n" * 150, 0), (b"0.0\n\n \r\n1.0\n", 2), (b"", 0)]
)
def test_a_line_with_nothing_in_it_is_no_answer(output: bytes, rows: int) -> None:
    assert answered(output) == rows


def test_features_are_a_row_without_its_label() -> None:
    assert features("2,5.9,3.0,5.1,1.8") == "5.9,3.0,5.1,1.8"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_the_built_in_algorithm_is_named_by_awss_own_uri(region: str) -> None:
    found = parse_ecr(xgboost_uri(region))
    assert found is not None
    assert (found.region, found.repository) == (region, "sagemaker-xgboost")


@pytest.mark.parametrize(
    ("outcome", "problems"),
    [
        (Outcome("b", accuracies={"Lab 1": 0.95}, rows=150), []),
        (Outcome("b", accuracies={"Lab 1": 0.85}, rows=150), ["Lab 1: accuracy 0.85 is below 0.9"]),
        (
            Outcome("b", accuracies={"Lab 1": 0.95, "Lab 2": 0.5}, rows=150),
            ["Lab 2: accuracy 0.50 is below 0.9"],
        ),
        (Outcome("b", rows=149), ["Lab 2: 149 of 150 rows came back"]),
        (Outcome("b", rows=150, leftovers=("volume x",)), ["still there: volume x"]),
    ],
)
def test_the_demo_fails_for_low_accuracy_lost_rows_and_leftovers(outcome: Outcome, problems: list[str]) -> None:
    assert outcome.problems == problems


class FakeProgram:
    """A program whose endpoints are always right, and whose transform jobs give what the test says."""

    def __init__(self, folder: Path, batch: bytes) -> None:
        self.settings = Settings()
        self.store = DirectoryStore(folder)
        self.training = self.hosting = self.transform = self.image_builder = self.launcher = self
        self._batch = batch
        self.ran: list[Any] = []  # the images of jobs and endpoints, None of a transform job's

    def run(self, request: dict[str, Any], image: Any, *_: Any, **__: Any) -> SimpleNamespace:
        """Of a training or transform job."""
        self.ran.append(image)
        output = request.get("TransformOutput")
        if output is None:
            uri = f"s3://models/{request['TrainingJobName']}/output/model.tar.gz"
            return SimpleNamespace(status="Completed", description={"ModelArtifacts": {"S3ModelArtifacts": uri}})
        bucket, _, prefix = output["S3OutputPath"].removeprefix("s3://").partition("/")
        self.store.put(bucket, f"{prefix}/iris.csv.out", io.BytesIO(self._batch))
        return SimpleNamespace(status="Completed")

    def resolve(self, image: str) -> SimpleNamespace:
        return SimpleNamespace(reference=image)

    def model(self, *_: Any) -> None:
        return None

    def server(self, model: Any, image: str, **_: Any) -> FakeProgram:
        self.ran.append(image)
        return self

    def start(self) -> bool:
        return True

    def invoke(self, *_: Any) -> SimpleNamespace:
        return SimpleNamespace(ok=True, body="\n".join(row[0] for row in split(ROWS)[1]).encode())

    def stop(self) -> None:
        return None

    def build(self, *_: Any, **__: Any) -> list[SimpleNamespace]:
        return [SimpleNamespace(reference="smlocal/sklearn", built=False)]

    def mine(self) -> list[Any]:
        return []


class FakeOwnImage:
    """Lab 3's image, whose copy is in a registry while the lab runs it."""

    COPY = f"127.0.0.1:5000/iris-sklearn@sha256:{'0' * 64}"
    refusal: JobFailed | None = None
    there: ClassVar[list[str]] = []

    def __init__(self, *_: Any) -> None:
        self.there.clear()

    def check(self, image: str, row: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        return f"the id of {image}"

    @contextmanager
    def from_registry(self, image: str, checked: str) -> Iterator[str]:
        assert checked == f"the id of {image}"
        self.there.append(self.COPY)
        yield self.COPY
        self.there.remove(self.COPY)


class BrokenOwnImage(FakeOwnImage):
    refusal = JobFailed("SM305 is broken")


@pytest.mark.parametrize(
    ("batch", "problems"),
    [
        ([row[0] for row in ROWS], []),
        (["0"] * 150, ["Lab 2: accuracy 0.33 is below 0.9"]),
        ([*[row[0] for row in ROWS[:-1]], ""], ["Lab 2: 149 of 150 rows came back"]),
        ([""] * 150, ["Lab 2: accuracy 0.00 is below 0.9", "Lab 2: 0 of 150 rows came back"]),
    ],
    ids=["right", "wrong answers", "one line is empty", "all lines are empty"],
)
def test_lab_2_is_judged_by_what_came_back(tmp_path: Path, batch: list[str], problems: list[str]) -> None:
    answer = "".join(f"{line}\n" for line in batch).encode()
    outcome = Demo(FakeProgram(tmp_path, answer), own_image=FakeOwnImage).run()
    assert list(outcome.accuracies) == ["Lab 1", "Lab 2", "Lab 3"]
    assert outcome.problems == problems


def test_lab_3_trains_and_deploys_the_registrys_copy(tmp_path: Path) -> None:
    program = FakeProgram(tmp_path, b"")
    Demo(program, own_image=FakeOwnImage).run()
    assert program.ran[-2:] == [FakeOwnImage.COPY, FakeOwnImage.COPY]
    assert FakeOwnImage.there == []


def test_lab_3_runs_no_image_that_breaks_a_clause(tmp_path: Path) -> None:
    program = FakeProgram(tmp_path, b"")
    with pytest.raises(JobFailed, match="SM305"):
        Demo(program, own_image=BrokenOwnImage).run()
    assert len(program.ran) == 3  # of the other labs
    assert BrokenOwnImage.there == []


@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_in_the_engine(
    start: Callable[..., subprocess.Popen[str]], engine: DockerEngine, number: signal.Signals
) -> None:
    demo = start("demo")
    read_until(demo, "split and upload")
    deadline = time.monotonic() + 30
    while not any(item.running for item in of_process(engine, demo.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    demo.send_signal(number)
    assert (demo.wait(60), read_until(demo, "interrupted")) == (130, "interrupted: nothing of the labs runs any more\n")
    assert of_process(engine, demo.pid) == []


@pytest.mark.engine
@pytest.mark.slow
def test_the_three_labs_run_on_real_containers(
    smlocal: Callable[..., Said], engine: DockerEngine, tmp_path: Path
) -> None:
    said = smlocal("demo", "--format", "json")
    assert said.code == 0, said
    found = said.json
    assert found["problems"] == []
    assert found["rows"] == 150
    assert set(found["accuracies"]) == {"Lab 1", "Lab 2", "Lab 3"}
    assert min(found["accuracies"].values()) >= 0.9
    keys = {key for step in found["steps"] for key in step["keys"]}
    assert "iris/batch_output/iris.csv.out" in keys
    assert sum(key.endswith("/output/model.tar.gz") for key in keys) == 2
    bucket = tmp_path / "state" / "s3" / found["bucket"]
    assert all((bucket / key).is_file() for key in keys)
    assert len((bucket / "iris/batch_output/iris.csv.out").read_bytes().splitlines()) == 150
    third = {step["name"]: step["result"] for step in found["steps"] if step["lab"] == "Lab 3"}
    assert re.match(r"\d+ kept, 0 broken", third["check"])
    published = re.match(r"(127\.0\.0\.1:\d+/iris-sklearn):1\.0 is (sha256:[0-9a-f]{64})", third["publish"])
    reference = f"{published[1]}@{published[2]}"
    assert third["pull the registry's copy"] == "under its digest: what was checked is what runs"
    (request,) = (tmp_path / "state" / "jobs" / "training-job").glob("iris-sklearn-*/request.json")
    trained = json.loads(request.read_text())["request"]["AlgorithmSpecification"]
    assert trained["TrainingImage"] == reference
    with pytest.raises(ImageNotFound):
        engine.image(reference)
    assert engine.image("smlocal/sklearn:latest").tags
    assert list((tmp_path / "state" / "spool").iterdir()) == []

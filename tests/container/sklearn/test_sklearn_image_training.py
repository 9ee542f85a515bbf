"""`docker run smlocal/sklearn train`, on a real engine."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.engine

NewBox = Callable[..., Any]
DATA = "/opt/ml/input/data"
CONFIG = "/opt/ml/input/config"


def job(files: Mapping[str, bytes], **hyperparameters: str) -> dict[str, bytes]:
    """The files of a job: channel files by `<channel>/<name>`, and its hyperparameters."""
    config = {f"{CONFIG}/hyperparameters.json": json.dumps(hyperparameters).encode()}
    return config | {f"{DATA}/{name}": content for name, content in files.items()}


def test_training_ends_well_with_a_model_and_its_accuracy(sklearn_image: str, new_box: NewBox, iris_csv: bytes) -> None:
    head = b"".join(iris_csv.splitlines(keepends=True)[:40])
    files = job(
        {"train/a/one.csv": head, "train/two.csv": iris_csv, "validation/v.csv": iris_csv},
        n_estimators='"5"',
        max_leaf_nodes="10",
    )
    box = new_box(sklearn_image, ["train"], files, network_mode="none").start()
    assert box.wait() == 0, box.logs()
    assert list(box.tree("/opt/ml/model")) == ["model/model.joblib"]
    assert box.read("/opt/ml/output/failure") is None
    metrics = re.findall(r"^\[5/5\] train:accuracy=([0-9.]+) validation:accuracy=([0-9.]+)$", box.logs(), re.M)
    assert len(metrics) == 1
    assert all(float(value) > 0.9 for value in metrics[0])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (job({}), "The job has no channel 'train' or 'training'."),
        (job({"train/x.csv": b"0,1\n"}, trees="5"), "Unknown hyperparameter 'trees'. This image knows "),
        (job({"training/x.csv": b"0,1\n0,\xc3\xa9\n"}), "training/x.csv, line 2, column 2: 'é' is not a number."),
        (job({"train/x.csv": b"0,1\n0," + b"9x" * 4000 + b"\n"}), "train/x.csv, line 2, column 2: '9x9x"),
    ],
)
def test_a_job_that_fails_leaves_a_sentence_and_exits_with_1(
    sklearn_image: str, new_box: NewBox, files: dict[str, bytes], sentence: str
) -> None:
    box = new_box(sklearn_image, ["train"], files).start()
    assert box.wait() == 1
    failure = box.read("/opt/ml/output/failure").decode()
    assert failure.startswith(sentence)
    assert len(failure) <= 1024
    assert f"Training failed: {sentence}" in box.logs(stdout=False)
    assert "Traceback" not in box.logs()
    assert box.tree("/opt/ml/model") == {}


def test_a_fault_of_the_program_leaves_its_kind_and_its_traceback(
    sklearn_image: str, new_box: NewBox, iris_csv: bytes
) -> None:
    estimator = b"HYPERPARAMETERS = {}\ndef build(values):\n    raise MemoryError('no room')\n"
    files = job({"train/x.csv": iris_csv}) | {"/opt/program/iris/estimator.py": estimator}
    box = new_box(sklearn_image, ["train"], files).start()
    assert box.wait() == 1
    assert box.read("/opt/ml/output/failure") == b"MemoryError: no room"
    assert "Traceback" in box.logs(stdout=False)


def test_a_stopped_job_saves_what_it_has_and_ends_at_once(sklearn_image: str, new_box: NewBox, iris_csv: bytes) -> None:
    box = new_box(sklearn_image, ["train"], job({"train/x.csv": iris_csv}, n_estimators="1000000")).start()
    box.wait_for_log("Training on 150 rows")
    code, seconds = box.stop(grace=60)
    assert (code, seconds < 5) == (0, True), box.logs()
    assert list(box.tree("/opt/ml/model")) == ["model/model.joblib"]
    assert "Saved /opt/ml/model/model.joblib as it was when stopped." in box.logs()


def test_a_job_stopped_inside_a_long_computation_ends_at_once_without_a_model(
    sklearn_image: str, new_box: NewBox, iris_csv: bytes
) -> None:
    estimator = (
        b"import ctypes\nfrom sklearn.dummy import DummyClassifier\nHYPERPARAMETERS = {}\n"
        b"class Slow(DummyClassifier):\n    def fit(self, x, y):\n        ctypes.CDLL(None).sleep(300)\n"
        b"def build(values):\n    return Slow()\n"
    )
    files = job({"train/x.csv": iris_csv}) | {"/opt/program/iris/estimator.py": estimator}
    box = new_box(sklearn_image, ["train"], files).start()
    box.wait_for_log("Training on 150 rows")
    code, seconds = box.stop(grace=60)
    assert (code, seconds < 5) == (0, True), box.logs()
    assert box.tree("/opt/ml/model") == {}
    assert "nothing is saved" in box.logs(stdout=False)

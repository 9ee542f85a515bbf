"""A training job of the bring-your-own container, in a temporary folder."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from iris import training
from iris.optml import JobError, OptML
from iris.training_data import read_channel

Write = Callable[..., Path]


def train(folder: Path, stop: threading.Event | None = None) -> Any:
    training.run(OptML(folder), stop or threading.Event())
    return joblib.load(folder / "model" / "model.joblib") if (folder / "model" / "model.joblib").exists() else None


@pytest.mark.parametrize("channel", ["train", "training"])
def test_either_name_of_the_channel_trains(
    write_optml: Write, iris_csv: bytes, channel: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_optml({f"input/data/{channel}/iris.csv": iris_csv, "input/data/validation/v.csv": iris_csv})
    model = train(folder)
    assert len(model.estimators_) == 10
    assert [path.name for path in (folder / "model").iterdir()] == ["model.joblib"]
    last = [line for line in capsys.readouterr().out.splitlines() if "accuracy" in line][-1]
    assert last == "[10/10] train:accuracy=0.993333 validation:accuracy=0.993333"


def test_hyperparameters_reach_the_model(write_optml: Write, iris_csv: bytes) -> None:
    sent = {"n_estimators": "3", "max_leaf_nodes": '"4"', "criterion": '"entropy"'}
    model = train(write_optml({"input/data/train/iris.csv": iris_csv}, sent))
    assert (len(model.estimators_), model.max_leaf_nodes, model.criterion) == (3, 4, "entropy")
    assert max(tree.get_n_leaves() for tree in model.estimators_) <= 4


def test_every_file_of_a_channel_is_read_in_order(write_optml: Write) -> None:
    folder = write_optml(
        {
            "input/data/train/b.csv": b"1,10\r\n\r\n1,11\r\n",
            "input/data/train/a/deep/x": b"0,1",
            "input/data/train/empty.csv": b"",
        }
    )
    features, labels = read_channel(folder / "input" / "data" / "train")
    assert features.tolist() == [[1.0], [10.0], [11.0]]
    assert labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        ([b"0", b"1"], [0, 1]),
        ([b"0.0", b"2.0"], [0, 2]),
        ([b"setosa", b"virginica"], ["setosa", "virginica"]),
        ([b"1", b"other"], ["1", "other"]),
        ([b'"a,b"', b"c"], ["a,b", "c"]),
    ],
)
def test_labels_are_whole_numbers_or_names(write_optml: Write, column: list[bytes], labels: list[Any]) -> None:
    folder = write_optml({"input/data/train/x.csv": b"\n".join(label + b",1" for label in column)})
    assert read_channel(folder / "input" / "data" / "train")[1].tolist() == labels


@pytest.mark.parametrize(
    ("files", "hyperparameters", "sentence"),
    [
        ({}, {}, "The job has no channel 'train' or 'training'."),
        ({"train/x.csv": b"\n"}, {}, "Channel 'train' holds no rows."),
        (
            {"train/x.csv": b"species,a\n0,1\n"},
            {},
            "train/x.csv, line 1, column 2: 'a' is not a number. The files must have no header.",
        ),
        ({"train/x.csv": b"0,1\n1,\n"}, {}, "train/x.csv, line 2, column 2: '' is not a number."),
        ({"train/x.csv": b"0,1\n1,inf\n"}, {}, "train/x.csv, line 2, column 2: 'inf' is not a finite number."),
        (
            {"train/x.csv": b"0\n"},
            {},
            "train/x.csv, line 1: a label and at least one feature are needed, separated by commas.",
        ),
        (
            {"train/a/x.csv": b"0,1\n", "train/b.csv": b"0,1,2\n"},
            {},
            "train/b.csv, line 1: 2 features, where the rows before it have 1.",
        ),
        ({"train/x.csv": b"0,\xff\n"}, {}, "train/x.csv is not CSV in UTF-8"),
        ({"train/x.csv": b"0.5,1\n"}, {}, "The labels in the first column are fractions"),
        (
            {"train/x.csv": b"0,1\n1,2\n", "validation/x.csv": b"0,1,2\n"},
            {},
            "Channel 'validation' has 2 features, the training channel 1.",
        ),
        (
            {"train/x.csv": b"0,1\n1,2\n", "validation/x.csv": b"a,1\n"},
            {},
            "The labels of channel 'validation' are not of the kind",
        ),
        ({"train/x.csv": b"0,1\n1,1e300\n"}, {}, "The model cannot be fitted: "),
        ({"train/x.csv": b"0,1\n"}, {"trees": "5"}, "Unknown hyperparameter 'trees'."),
    ],
)
def test_what_cannot_be_trained_on_is_told_in_a_sentence(
    write_optml: Write, files: dict[str, bytes], hyperparameters: dict[str, str], sentence: str
) -> None:
    folder = write_optml({f"input/data/{name}": content for name, content in files.items()}, hyperparameters)
    with pytest.raises(JobError) as caught:
        train(folder)
    assert str(caught.value).startswith(sentence)
    assert not (folder / "model").exists()


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        (
            b'{"train": {"TrainingInputMode": "Pipe"}}',
            "Channel 'train' comes in Pipe mode; this image reads File mode.",
        ),
        (
            b'{"train": {"ContentType": "text/libsvm"}}',
            "Channel 'train' has content type 'text/libsvm'; this image reads text/csv.",
        ),
        (b"[]", "inputdataconfig.json must hold a JSON object."),
        (b"{", "inputdataconfig.json cannot be read as JSON"),
    ],
)
def test_a_channel_in_another_form_is_refused(write_optml: Write, channel: bytes, sentence: str) -> None:
    folder = write_optml({"input/data/train/x.csv": b"0,1\n", "input/config/inputdataconfig.json": channel})
    with pytest.raises(JobError) as caught:
        train(folder)
    assert sentence in str(caught.value)


def test_a_job_that_is_stopped_at_once_saves_nothing(write_optml: Write, iris_csv: bytes) -> None:
    stop = threading.Event()
    stop.set()
    assert train(write_optml({"input/data/train/iris.csv": iris_csv}), stop) is None


class StopsAfter(threading.Event):
    """An event that sets itself when it has been asked a number of times."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self._left = questions

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


def test_a_stopped_job_keeps_the_trees_that_have_grown(iris_csv: bytes, tmp_path: Path) -> None:
    channel = tmp_path / "train"
    channel.mkdir()
    (channel / "iris.csv").write_bytes(iris_csv)
    classifier = training.estimator.build({"n_estimators": 50})
    fit = training.Fit(classifier, read_channel(channel), None, StopsAfter(7))
    fit.run()
    assert fit.fitted and fit.done.is_set()
    assert len(classifier.estimators_) == 7
    assert classifier.score(*fit.train) > 0.9


def test_the_same_seed_gives_the_same_model(write_optml: Write, iris_csv: bytes) -> None:
    folder = write_optml({"input/data/train/iris.csv": iris_csv})
    first, second = train(folder), train(folder)
    rows = np.random.default_rng(0).uniform(0, 8, (200, 4))
    assert (first.predict_proba(rows) == second.predict_proba(rows)).all()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("short", "short"),
        ("x" * 5000, "x" * 1024),
        ("é" * 2000, "é" * 1024),
        ("lone \udcff surrogate", "lone ? surrogate"),
    ],
)
def test_the_failure_file_is_text_of_1024_characters_at_most(tmp_path: Path, text: str, kept: str) -> None:
    OptML(tmp_path).write_failure(text)
    assert (tmp_path / "output" / "failure").read_bytes().decode() == kept

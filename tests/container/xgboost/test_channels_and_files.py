"""Channels, their files and their formats. Source: aws/sagemaker-xgboost-container 3.0-5, observed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from smlocal_xgboost import channels, data_files, datasets
from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import recordio
from xgboost_golden import DATA

FILE = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
CSV = {**FILE, "ContentType": "text/csv"}

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"validation": CSV}, "Missing required channel: train"),
        ({"train": CSV, "test": CSV}, "Extraneous channel found: test"),
        ({"train": {**CSV, "TrainingInputMode": "FastFile"}}, "Channel configuration for 'train' channel is not supp"),
        ({"train": {**FILE, "TrainingInputMode": "Pipe"}}, "Channel configuration for 'train' channel is not supporte"),
        ({"train": {"ContentType": "text/csv"}}, "Channel configuration for 'train' channel lacks TrainingInputMode"),
        ({"train": CSV, "code": CSV}, "Channel configuration for 'code' channel is not supported: {'TrainingInputMode"),
        ({"train": CSV, "validation": {**CSV, "ContentType": "TEXT/CSV"}}, "Channel configuration for 'validation' ch"),
    ],
)
def test_a_wrong_channel_is_refused_in_the_contract_s_words(given: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError) as refused:
        channels.validate(given)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize("kind", ["csv", "libsvm", "text/x-libsvm", "parquet", "application/x-recordio-protobuf"])
def test_every_name_of_a_format_is_accepted(kind: str) -> None:
    assert channels.validate({"train": {**FILE, "ContentType": kind}})["train"]["ContentType"] == kind


def test_a_channel_without_content_type_is_libsvm() -> None:
    assert channels.validate({"train": dict(FILE)})["train"]["ContentType"] == "text/libsvm"


def test_a_code_channel_holds_python() -> None:
    code = {**FILE, "ContentType": "text/python"}
    assert channels.validate({"train": CSV, "code": code})["code"] == code


def test_pipe_mode_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"Pipe mode for CSV is no longer supported\."):
        channels.refuse_pipe({**CSV, "TrainingInputMode": "Pipe"})


def test_a_hidden_file_stops_the_training(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_text("x")
    with pytest.raises(UserError, match="Hidden file found in the data path! Remove that before"):
        data_files.find(tmp_path)


def test_files_are_read_to_a_depth_of_three(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one.csv", "a/two.csv", "a/b/three.csv", "a/b/c/four.csv", "_SUCCESS", "empty.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name in ("_SUCCESS", "empty.csv") else "1,2\n")
    found = [str(path.relative_to(tmp_path)) for path in data_files.find(tmp_path)]
    assert found == ["a/b/three.csv", "a/two.csv", "one.csv"]
    assert "four.csv lies deeper than 3 folders" in caplog.text
    assert "_SUCCESS is taken for a marker" in caplog.text


def test_twins_in_both_channels_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = []
    for channel in ("train", "validation"):
        path = tmp_path / channel / "data.csv"
        path.parent.mkdir()
        path.write_text("1,2\n")
        files.append(path)
    data_files.warn_of_twins(files[:1], files[1:])
    assert "Suspected identical files found. (" in caplog.text


def test_weights_are_the_second_column_of_both_channels(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text("1,5,0.5\n0,7,0.25\n")
    data = datasets.load(tmp_path, tmp_path, "csv", weights=True)
    assert data.validation is not None
    for matrix in (data.train, data.validation):
        assert matrix.get_weight().tolist() == [5.0, 7.0]
        assert matrix.get_label().tolist() == [1.0, 0.0]


def test_libsvm_weights_stand_behind_the_label(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("\n1:2.5 0:1 3:2\n0:0.5 1:4\n")
    matrix = datasets.read_path(tmp_path, "libsvm")
    assert matrix is not None
    assert matrix.get_weight().tolist() == [2.5, 0.5]
    assert matrix.num_col() == 4


@pytest.mark.parametrize("text", ["a 0:1 1:2\n", "1:2:3 0:1 1:1\n", "1 0:1 bad\n", "1 0:1:2\n"])
def test_a_line_that_is_not_libsvm_is_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.txt").write_text(text)
    with pytest.raises(UserError, match=r"^First line '.*\n?.*' of file 'data.txt' is not 'LIBSVM' format\. Please"):
        datasets.read_path(tmp_path, "libsvm")


def test_a_line_without_a_delimiter_is_shown(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("\n1,2\n")
    with pytest.raises(UserError, match="Could not determine delimiter on line \n:\n"):
        datasets.read_path(tmp_path, "csv")


def test_recordio_files_with_labels_are_read(tmp_path: Path) -> None:
    (tmp_path / "part-0").write_bytes(b"".join(_record(float(n), [n + 0.5, n + 0.25]) for n in range(3)))
    matrix = datasets.read_path(tmp_path, "recordio-protobuf")
    assert matrix is not None
    assert matrix.get_label().tolist() == [0.0, 1.0, 2.0]
    assert matrix.get_data().toarray().tolist() == [[0.5, 0.25], [1.5, 1.25], [2.5, 2.25]]


@pytest.mark.parametrize(
    ("data_format", "content"), [("recordio-protobuf", b"\0" * 9), ("parquet", b"PAR1"), ("recordio-protobuf", b"x")]
)
def test_a_broken_file_is_the_customer_s_mistake(tmp_path: Path, data_format: str, content: bytes) -> None:
    (tmp_path / "part-0").write_bytes(content)
    with pytest.raises(UserError, match=f"Failed to load {data_format} data with exception:\n"):
        datasets.read_path(tmp_path, data_format)


def test_an_iris_file_has_its_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "iris.csv").write_text(DATA["iris_semi.csv"])
    matrix = datasets.read_path(tmp_path, "csv")
    assert matrix is not None
    assert (matrix.num_row(), matrix.num_col()) == (120, 4)
    assert "Determined delimiter of CSV input is ';'" in caplog.text


def _record(label: float, values: list[float]) -> bytes:
    """A record whose features and label are tensors, made from the writer of labels."""
    labelled = next(recordio.frames(recordio.encode_labels({"values": [label]})))
    features = next(recordio.frames(recordio.encode_labels({"values": values})))
    return recordio.frame(labelled + b"\x0a" + features[1:])

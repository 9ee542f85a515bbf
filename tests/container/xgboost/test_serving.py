"""Serving beyond the recorded cases. Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from flask.testing import FlaskClient
from smlocal_xgboost import cpus
from smlocal_xgboost.errors import PlatformError, UserError
from smlocal_xgboost.formats import recordio
from smlocal_xgboost.serving import applications, models
from smlocal_xgboost.serving.settings import Settings
from xgboost_golden import DATA, train_model

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROW = "5.8,4,1.2,0.2"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logistic")
    train_model(folder, "binary:logistic")
    return folder


def client(base: Path, **environ: str) -> FlaskClient:
    app, _ = applications.of(Settings.of({"SAGEMAKER_BASE_DIR": str(base), **environ}))
    return app.test_client()


def _model(path: Path, objective: str, seed: int, **extra: Any) -> xgb.Booster:
    rows = np.array([line.split(",") for line in DATA["iris_train.csv"].split()], dtype=np.float32)
    labels = rows[:, 0] if "num_class" in extra else (rows[:, 0] == 2) * 1
    parameters = {"objective": objective, "max_depth": 2, "seed": seed, "subsample": 0.3, **extra}
    booster = xgb.train(parameters, xgb.DMatrix(rows[:, 1:], label=labels), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(booster.save_raw("ubj"))
    return booster


def test_the_other_paths_and_methods(base: Path) -> None:
    asked = client(base)
    assert (asked.get("/ping").status_code, asked.get("/ping").data) == (200, b"")
    assert asked.get("/ping").headers["Content-Type"] == "text/html; charset=utf-8"
    assert asked.post("/ping").status_code == 405
    assert asked.get("/invocations").status_code == 405
    other = asked.get("/other")
    assert (other.status_code, other.text) == (404, "{}")


@pytest.mark.parametrize(("limit", "mebibytes"), [({}, 6), ({"MAX_CONTENT_LENGTH": "2500000"}, 2)])
def test_the_execution_parameters(base: Path, limit: dict[str, str], mebibytes: int) -> None:
    assert client(base, **limit).get("/execution-parameters").text == (
        f'{{"MaxConcurrentTransforms": {cpus.available()}, "BatchStrategy": "MULTI_RECORD", '
        f'"MaxPayloadInMB": {mebibytes}}}'
    )


def test_a_body_above_the_limit_is_413(base: Path) -> None:
    asked = client(base, MAX_CONTENT_LENGTH="20")
    refused = asked.post("/invocations", data="1,2,3,4\n" * 4, content_type="text/csv")
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "text/html; charset=utf-8"
    assert asked.post("/invocations", data=ROW, content_type="text/csv").status_code == 200


@pytest.mark.parametrize("accept", ["TEXT/CSV", "text/csv; charset=utf-8", "Application/JSON;q=1"])
def test_an_accept_header_is_read_without_case_and_parameters(base: Path, accept: str) -> None:
    answer = client(base).post("/invocations", data=ROW, content_type="text/csv", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.text.startswith("{" if "json" in accept.lower() else "0.")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", ROW + "\r\n" + ROW + "\r\n"),
        ("text/x-libsvm", "0:5.8 1:4 2:1.2 3:0.2\n0:5.8 1:4 2:1.2 3:0.2\n"),
        ("text/libsvm", "1 0:5.8 1:4 2:1.2 3:0.2\n0 0:5.8 1:4 2:1.2 3:0.2"),
        (None, "1 0:5.8 1:4 2:1.2 3:0.2\n0 0:5.8 1:4 2:1.2 3:0.2"),
    ],
    ids=["csv with CRLF", "libsvm", "libsvm with labels", "no content type"],
)
def test_every_way_to_write_the_rows_scores_the_same(base: Path, content_type: str | None, body: str) -> None:
    asked = client(base)
    one = asked.post("/invocations", data=ROW, content_type="text/csv").text
    assert asked.post("/invocations", data=body, content_type=content_type).text == one * 2


def test_recordio_rows_score_as_csv_does(base: Path) -> None:
    asked = client(base)
    labels = next(recordio.frames(recordio.encode_labels({"values": [5.8, 4, 1.2, 0.2]})))
    body = recordio.frame(b"\x0a" + labels[1:])
    answer = asked.post("/invocations", data=body, content_type="application/x-recordio-protobuf")
    assert answer.text == asked.post("/invocations", data=ROW, content_type="text/csv").text
    broken = asked.post("/invocations", data=b"nothing!", content_type="application/x-recordio-protobuf")
    assert broken.status_code == 415
    assert broken.text.startswith("Loading recordio-protobuf data failed with Exception, please ensure data is in ")


def test_one_column_is_read_with_its_point_as_delimiter(tmp_path: Path) -> None:
    """A quirk of AWS's image, kept: `5.8` is two features."""
    _model(tmp_path / "model" / "xgboost-model", "binary:logistic", 1)
    asked = client(tmp_path)
    two = asked.post("/invocations", data="5,8", content_type="text/csv").text
    assert asked.post("/invocations", data="5.8", content_type="text/csv").text == two


def test_several_models_answer_with_their_mean(tmp_path: Path) -> None:
    boosters = [_model(tmp_path / "model" / f"xgboost-model-{n}", "binary:logistic", n) for n in range(3)]
    (tmp_path / "model" / ".hidden").write_text("no model")
    (tmp_path / "model" / "code").mkdir()
    matrix = xgb.DMatrix(np.array([[5.8, 4, 1.2, 0.2]]))
    mean = np.mean([booster.predict(matrix)[0] for booster in boosters])
    answer = client(tmp_path).post("/invocations", data=ROW, content_type="text/csv")
    assert float(answer.text) == pytest.approx(mean)
    alone = client(tmp_path, SAGEMAKER_INFERENCE_ENSEMBLE="false")
    first = alone.post("/invocations", data=ROW, content_type="text/csv")
    assert float(first.text) == pytest.approx(boosters[0].predict(matrix)[0])


def test_models_of_labels_answer_with_the_majority() -> None:
    class Fixed(xgb.Booster):
        def __init__(self, labels: list[float]) -> None:
            super().__init__()
            self._labels = np.array(labels, dtype=np.float32)

        def predict(self, *arguments: Any, **named: Any) -> np.ndarray:
            return self._labels

    boosters = [Fixed([0, 2, 1]), Fixed([0, 1, 1]), Fixed([2, 1, 0])]
    voted = models.Models(boosters, "multi:softmax", 3).predict(xgb.DMatrix(np.zeros((3, 1))))
    assert voted.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("content", "error", "text"),
    [
        (None, PlatformError, "No model file found in"),
        (b"# A readme\n", UserError, "File xgboost-model is not an XGBoost model"),
        (b"\x80\x04.", UserError, "File xgboost-model is a pickle"),
    ],
    ids=["empty folder", "readme", "pickle"],
)
def test_what_is_no_model_is_told_by_name(
    tmp_path: Path, content: bytes | None, error: type[Exception], text: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if content is not None:
        (folder / "xgboost-model").write_bytes(content)
    with pytest.raises(error, match=text):
        models.load(folder, True, {})
    answer = client(tmp_path).post("/invocations", data=ROW, content_type="text/csv")
    assert answer.status_code == 500
    assert answer.text.startswith(f"Unable to load model: {text}")


def test_logitraw_has_labels_and_raw_scores_only(tmp_path: Path) -> None:
    _model(tmp_path / "model" / "xgboost-model", "binary:logitraw", 1)
    asked = client(tmp_path, SAGEMAKER_INFERENCE_OUTPUT="raw_score,predicted_label,probability")
    answer = asked.post("/invocations", data=ROW, content_type="text/csv", headers={"Accept": "application/json"})
    row = json.loads(answer.text)["predictions"][0]
    assert list(row) == ["predicted_label", "raw_score", "probability"]
    assert row["predicted_label"] == int(row["raw_score"] > 0)
    assert row["probability"] != row["probability"]


def test_a_setting_that_is_no_number_is_named() -> None:
    with pytest.raises(PlatformError, match="SAGEMAKER_BIND_TO_PORT is not a number: 'x'"):
        Settings.of({"SAGEMAKER_BIND_TO_PORT": "x"})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_quota_of_cpus_is_respected(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpus.available(tmp_path) == (expected or cpus.available(tmp_path / "nothing"))

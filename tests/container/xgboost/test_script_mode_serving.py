"""Serving with the customer's script. Source: sagemaker-containers 2.8.6, observed with the 1.7-1 and 3.0-5 images."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from smlocal_xgboost.serving import applications
from smlocal_xgboost.serving.settings import Settings
from xgboost_golden import train_model

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

MODEL_FN = """
import xgboost as xgb
def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(model_dir + "/xgboost-model")
    return booster
"""
WHOLE = (
    "def transform_fn(model, body, content_type, accept):\n    return f'{type(body).__name__} {content_type}', accept\n"
)
BODY = "5.8,4,1.2,0.2\n7.7,2.8,6.7,2"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logistic")
    train_model(folder, "binary:logistic")
    return folder / "model"


@pytest.fixture(autouse=True)
def forget_scripts() -> Iterator[None]:
    """Each test imports its own `entry`, as each container does."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("entry", None)


def client(tmp_path: Path, trained: Path, text: str, **environ: str) -> FlaskClient:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "entry.py").write_text(text)
    (tmp_path / "model").symlink_to(trained)
    variables = {
        "SAGEMAKER_BASE_DIR": str(tmp_path),
        "SAGEMAKER_PROGRAM": "entry.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(tmp_path / "given"),
        **environ,
    }
    app, _ = applications.of(Settings.of(variables))
    return app.test_client()


def test_model_fn_alone_is_enough(tmp_path: Path, trained: Path) -> None:
    asked = client(tmp_path, trained, MODEL_FN)
    assert asked.get("/ping").status_code == 200
    answer = asked.post("/invocations", data=BODY, content_type="text/csv")
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.text) == pytest.approx([0.08302349597215652, 0.8539964556694031], abs=1e-6)


def test_csv_has_the_digits_of_float32(tmp_path: Path, trained: Path) -> None:
    asked = client(tmp_path, trained, MODEL_FN)
    answer = asked.post("/invocations", data=BODY, content_type="text/csv", headers={"Accept": "text/csv"})
    assert answer.text == "0.083023496\n0.85399646\n"


def test_npy_is_numpy_s_own_format(tmp_path: Path, trained: Path) -> None:
    asked = client(tmp_path, trained, MODEL_FN)
    headers = {"Accept": "application/x-npy"}
    answer = asked.post("/invocations", data="0:5.8 1:4 2:1.2 3:0.2", content_type="text/libsvm", headers=headers)
    assert np.load(io.BytesIO(answer.data)).shape == (1,)


def test_the_default_accept_can_be_set(tmp_path: Path, trained: Path) -> None:
    asked = client(tmp_path, trained, MODEL_FN, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    assert asked.post("/invocations", data=BODY, content_type="text/csv").text.startswith("0.083023496\n")


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        (None, "str application/json"),
        ("application/json", "str application/json"),
        ("text/csv", "str text/csv"),
        ("application/octet-stream", "bytes application/octet-stream"),
    ],
)
def test_json_and_csv_come_as_text_and_the_rest_as_bytes(
    tmp_path: Path, trained: Path, content_type: str | None, told: str
) -> None:
    asked = client(tmp_path, trained, MODEL_FN + WHOLE)
    assert asked.post("/invocations", data=b"[1]", content_type=content_type).text == told


def test_a_script_s_own_functions_replace_the_defaults(tmp_path: Path, trained: Path) -> None:
    own = MODEL_FN + (
        "import flask, json\n"
        "def input_fn(body, content_type):\n    return json.loads(body)\n"
        "def predict_fn(data, model):\n    return sum(data)\n"
        "def output_fn(prediction, accept):\n    return flask.Response(f'sum {prediction}', 201)\n"
    )
    answer = client(tmp_path, trained, own).post("/invocations", data="[1, 2]")
    assert (answer.status_code, answer.text, answer.mimetype) == (201, "sum 3", "text/html")


@pytest.mark.parametrize(
    "text",
    ["x = 1", "raise RuntimeError('broken')", MODEL_FN + WHOLE + "def predict_fn(data, model):\n    return 1\n"],
    ids=["no model_fn", "broken", "transform_fn and predict_fn"],
)
def test_a_script_that_cannot_be_loaded_stays_up_and_is_never_healthy(tmp_path: Path, trained: Path, text: str) -> None:
    asked = client(tmp_path, trained, text)
    assert [asked.get("/ping").status_code for _ in range(2)] == [500, 500]
    assert asked.post("/invocations", data=BODY, content_type="text/csv").status_code == 500


@pytest.mark.parametrize(
    ("body", "content_type", "accept"),
    [
        (BODY + "\n", "text/csv", "text/csv"),
        ("[1]", "application/json", "text/csv"),
        (BODY, "text/csv", "image/png"),
        ("x", "image/png", "text/csv"),
    ],
)
def test_whatever_goes_wrong_is_a_500_page(
    tmp_path: Path, trained: Path, body: str, content_type: str, accept: str
) -> None:
    asked = client(tmp_path, trained, MODEL_FN)
    answer = asked.post("/invocations", data=body, content_type=content_type, headers={"Accept": accept})
    assert answer.status_code == 500
    assert answer.text.startswith("<!doctype html>")


def test_there_are_no_execution_parameters(tmp_path: Path, trained: Path) -> None:
    assert client(tmp_path, trained, MODEL_FN).get("/execution-parameters").status_code == 404

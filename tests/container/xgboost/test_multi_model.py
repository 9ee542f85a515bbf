"""The multi-model server. Source: AWS developer guide, mms-container-apis; multi-model-server 1.1.2, observed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from smlocal_xgboost.errors import PlatformError
from smlocal_xgboost.serving import applications
from smlocal_xgboost.serving.settings import Settings
from xgboost_golden import train_model

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ENVIRON = {"SAGEMAKER_MULTI_MODEL": "true"}
BODY = "5.8,4,1.2,0.2\n7.7,2.8,6.7,2"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("softprob")
    train_model(folder, "multi:softprob")
    return folder / "model"


@pytest.fixture
def server(model: Path) -> FlaskClient:
    app, _ = applications.of(Settings.of(ENVIRON))
    asked = app.test_client()
    assert asked.post("/models", json={"model_name": "m1", "url": str(model)}).status_code == 200
    return asked


def test_the_server_is_healthy_before_any_model() -> None:
    app, _ = applications.of(Settings.of(ENVIRON))
    asked = app.test_client()
    assert asked.get("/ping").text == '{\n  "status": "Healthy"\n}\n'
    assert asked.get("/models").json == {"models": []}


def test_a_model_is_loaded_listed_described_and_unloaded(server: FlaskClient, model: Path) -> None:
    described = {"modelName": "m1", "modelUrl": str(model)}
    assert server.get("/models").json == {"models": [described]}
    assert server.get("/models/m1").json == described
    assert server.delete("/models/m1").json == {"status": 'Model "m1" unregistered'}
    assert server.get("/models/m1").status_code == 404


def test_loading_says_workers_scaled(server: FlaskClient, model: Path) -> None:
    assert server.post("/models", json={"model_name": "m2", "url": str(model)}).json == {"status": "Workers scaled"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind", "message"),
    [
        ("POST", "/models", {"model_name": "m1", "url": "/"}, 409, "ConflictStatusException",
         "Model m1 is already registered."),
        ("POST", "/models", {"model_name": "m2", "url": "/none"}, 404, "ModelNotFoundException",
         "Model not found in model store: /none"),
        ("POST", "/models", {"model_name": "m2"}, 400, "BadRequestException", "Parameter url is required."),
        ("GET", "/models/x", None, 404, "ModelNotFoundException", "Model not found: x"),
        ("DELETE", "/models/x", None, 404, "ModelNotFoundException", "Model not found: x"),
        ("POST", "/models/x/invoke", {}, 404, "ModelNotFoundException", "Model not found: x"),
        ("POST", "/invocations", {}, 400, "BadRequestException", "Parameter model_name is required."),
    ],
)  # fmt: skip
def test_an_error_names_its_code_its_type_and_its_reason(
    server: FlaskClient, method: str, path: str, body: object, status: int, kind: str, message: str
) -> None:
    answer = server.open(path, method=method, json=body)
    assert answer.status_code == status
    assert answer.json == {"code": status, "type": kind, "message": message}


def test_scores_are_a_bare_list_by_default(server: FlaskClient) -> None:
    answer = server.post("/models/m1/invoke", data=BODY, content_type="text/csv")
    assert answer.headers["Content-Type"] == "application/json"
    rows = json.loads(answer.text)
    assert [len(row) for row in rows] == [3, 3]
    assert rows[0][0] == pytest.approx(0.8246445655822754, abs=1e-6)


def test_csv_is_one_line_of_joined_rows(server: FlaskClient) -> None:
    rows = server.post("/models/m1/invoke", data=BODY, content_type="text/csv").json
    answer = server.post("/models/m1/invoke", data=BODY, content_type="text/csv", headers={"Accept": "text/csv"})
    assert answer.text == ",".join(str(row) for row in rows)


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status"),
    [
        ("", "text/csv", "*/*", 204),
        ("a,b", "text/csv", "*/*", 415),
        ("x", "image/png", "*/*", 415),
        ("9:1", "text/libsvm", "*/*", 400),
        (BODY, "text/csv", "image/png", 406),
        (BODY, "text/csv", "application/jsonlines", 500),
    ],
)
def test_a_client_s_mistake_has_its_own_status(
    server: FlaskClient, body: str, content_type: str, accept: str, status: int
) -> None:
    """Deliberately different: AWS's image answers 503 `Prediction failed` to all of them."""
    answer = server.post("/models/m1/invoke", data=body, content_type=content_type, headers={"Accept": accept})
    assert answer.status_code == status


def test_a_broken_model_fails_when_it_is_asked(server: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "xgboost-model").write_text("broken")
    assert server.post("/models", json={"model_name": "bad", "url": str(tmp_path)}).status_code == 200
    answer = server.post("/models/bad/invoke", data=BODY, content_type="text/csv")
    assert answer.status_code == 500
    assert answer.text.startswith("Unable to load model: File xgboost-model is not an XGBoost model")


def test_the_execution_parameters_and_the_limit_of_20_mebibytes() -> None:
    app, _ = applications.of(Settings.of({**ENVIRON, "MAX_CONTENT_LENGTH": str(30 * 1024 * 1024)}))
    assert app.test_client().get("/execution-parameters").json == {
        "MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 20,
    }  # fmt: skip


def test_many_models_and_a_script_do_not_go_together() -> None:
    with pytest.raises(PlatformError, match=r"Multi model not supported in script mode\."):
        applications.of(Settings.of({**ENVIRON, "SAGEMAKER_PROGRAM": "serve.py"}))

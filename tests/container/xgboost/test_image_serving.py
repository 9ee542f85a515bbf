"""The image serves. Source: aws/sagemaker-xgboost-container 3.0-5, observed."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
import xgboost as xgb
from xgboost_golden import DATA, train_model

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

MODEL = "/opt/ml/model/xgboost-model"
PAYLOAD = DATA["payload3.csv"]
BUILD_SETTINGS = ("ca.crt", "pip.conf")
SOFTPROB_CSV = [
    [0.8246445655822754, 0.08897869288921356, 0.08637671172618866],
    [0.08630914241075516, 0.08957065641880035, 0.8241201639175415],
    [0.8246445655822754, 0.08897869288921356, 0.08637671172618866],
]


@pytest.fixture(scope="module")
def softprob(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    base = tmp_path_factory.mktemp("softprob")
    train_model(base, "multi:softprob")
    return (base / "model" / "xgboost-model").read_bytes()


def _numbers(text: str) -> list[list[float]]:
    return [[float(cell) for cell in line.strip("[]").split(",")] for line in text.splitlines()]


def test_a_model_is_served_as_aws_serves_it(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    box = new_box(xgboost_image, ["serve"], {MODEL: softprob}).start().wait_healthy()
    answer = box.invoke(PAYLOAD.encode())
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert _numbers(answer.text) == [pytest.approx(row, abs=1e-6) for row in SOFTPROB_CSV]
    assert answer.text.endswith("\n")
    scores = json.loads(box.invoke(PAYLOAD.encode(), accept="application/json").text)["predictions"]
    assert [row["score"] for row in scores] == _numbers(answer.text)
    libsvm = box.invoke(DATA["payload3.libsvm"].encode(), content_type=None)
    assert libsvm.text == answer.text
    assert box.invoke(b"").status == 204
    assert box.invoke(b"x", "image/png").status == 415
    assert box.invoke(PAYLOAD.encode(), accept="image/png").status == 406
    assert box.invoke(b"1" * (6 * 1024 * 1024 + 1)).status == 413
    assert json.loads(box.request("GET", "/execution-parameters").text)["MaxPayloadInMB"] == 6
    code, seconds = box.stop(grace=30)
    assert (code, seconds < 5) == (0, True)


def test_a_batch_transform_gets_python_lists(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    environment = {"SAGEMAKER_BATCH": "true"}
    box = new_box(xgboost_image, ["serve"], {MODEL: softprob}, environment=environment).start().wait_healthy()
    rows = box.invoke(PAYLOAD.encode()).text.splitlines()
    assert [json.loads(row) for row in rows] == [pytest.approx(row, abs=1e-6) for row in SOFTPROB_CSV]


def test_the_output_can_be_selected(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    environment = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probability,nonsense"}
    box = new_box(xgboost_image, ["serve"], {MODEL: softprob}, environment=environment).start().wait_healthy()
    rows = [json.loads(row) for row in box.invoke(PAYLOAD.encode(), accept="application/jsonlines").text.splitlines()]
    assert [row["predicted_label"] for row in rows] == [0, 2, 0]
    assert all(math.isnan(row["nonsense"]) for row in rows)


def test_a_model_trained_by_aws_s_1_7_1_is_served(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    """That version wrote xgboost's old binary format, which begins `binf`."""
    booster = xgb.Booster()
    booster.load_model(bytearray(softprob))
    binary = bytes(booster.save_raw("deprecated"))
    assert binary.startswith(b"binf")
    box = new_box(xgboost_image, ["serve"], {MODEL: binary}).start().wait_healthy()
    assert _numbers(box.invoke(PAYLOAD.encode()).text) == [pytest.approx(row, abs=1e-6) for row in SOFTPROB_CSV]


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "The model cannot be served: No model file found in /opt/ml/model"),
        ({MODEL: b"broken"}, "The model cannot be served: File xgboost-model is not an XGBoost model"),
    ],
    ids=["no model", "a broken model"],
)
def test_a_server_without_a_model_ends_with_an_error(
    new_box: Any, xgboost_image: str, files: dict[str, bytes], text: str
) -> None:
    """Deliberately different: AWS's image ends with 0."""
    box = new_box(xgboost_image, ["serve"], files).start()
    assert box.wait(30) not in (0, 137)
    assert text in box.logs()


def test_ping_does_not_wait_for_invocations(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    box = new_box(xgboost_image, ["serve"], {MODEL: softprob}, environment=environment).start().wait_healthy()
    bulk = (PAYLOAD + "\n").encode() * 40000
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(box.invoke(bulk).status))
    thread.start()
    pings = 0
    while thread.is_alive():
        assert box.ping(seconds=2).status == 200
        pings += 1
    thread.join()
    assert answers == [200]
    assert pings > 1


def test_another_port_can_be_bound(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    environment, ports = {"SAGEMAKER_BIND_TO_PORT": "9999"}, {"9999/tcp": ("127.0.0.1", None)}
    box = new_box(xgboost_image, ["serve"], {MODEL: softprob}, environment=environment, ports=ports).start()
    box.wait_for_log("Listening at: http://0.0.0.0:9999")
    assert box.request("GET", "/ping", port=9999).status == 200


def test_a_script_serves(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    script = (
        b"import xgboost\n"
        b"def model_fn(model_dir):\n    return xgboost.Booster(model_file=model_dir + '/xgboost-model')\n"
        b"def predict_fn(data, model):\n    return model.predict(data).argmax(axis=1)\n"
    )
    environment = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    files = {MODEL: softprob, "/opt/ml/model/code/serve.py": script}
    box = new_box(xgboost_image, ["serve"], files, environment=environment).start().wait_healthy()
    assert json.loads(box.invoke(PAYLOAD.encode()).text) == [0, 2, 0]
    assert box.request("GET", "/execution-parameters").status == 404


def test_many_models_are_served(new_box: Any, xgboost_image: str, softprob: bytes) -> None:
    files = {"/opt/ml/models/m1/model/xgboost-model": softprob}
    box = new_box(xgboost_image, ["serve"], files, environment={"SAGEMAKER_MULTI_MODEL": "true"})
    box.start().wait_healthy()
    loaded = json.dumps({"model_name": "m1", "url": "/opt/ml/models/m1/model"}).encode()
    assert box.request("POST", "/models", loaded, {"Content-Type": "application/json"}).status == 200
    answer = box.request("POST", "/models/m1/invoke", PAYLOAD.encode(), {"Content-Type": "text/csv"})
    assert json.loads(answer.text) == [pytest.approx(row, abs=1e-6) for row in SOFTPROB_CSV]


def test_the_image_carries_the_labels_and_none_of_the_build_s_settings(
    new_box: Any, docker_client: Any, xgboost_image: str
) -> None:
    image = docker_client.images.get(xgboost_image)
    assert image.labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert image.labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert "8080/tcp" in image.attrs["Config"]["ExposedPorts"]
    assert image.attrs["Config"]["Entrypoint"] is None
    # The finished image's own history: the stage that downloads is not part of it.
    history = json.dumps(image.history())
    assert not any(name in history for name in BUILD_SETTINGS)
    program = "import pathlib, shutil; print(pathlib.Path('/run/build-settings').exists(), shutil.which('train'))"
    box = new_box(xgboost_image, ["python", "-c", program], network_mode="none").start()
    assert box.wait() == 0
    assert box.logs().split() == ["False", "/opt/smlocal/bin/train"]


def test_the_image_s_xgboost_is_the_one_its_requirements_pin(new_box: Any, xgboost_image: str) -> None:
    pins = Path(__file__).resolve().parents[3] / "container" / "xgboost" / "requirements.txt"
    box = new_box(xgboost_image, ["python", "-c", "import xgboost; print(xgboost.__version__)"]).start()
    assert box.wait() == 0
    assert f"xgboost-cpu=={box.logs().strip()}\n" in pins.read_text()

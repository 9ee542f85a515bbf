"""The other targets of the bring-your-own image, what builds on it, and what must not be in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

pytestmark = [pytest.mark.engine, pytest.mark.slow]

NewBox = Callable[..., Any]
Train = Callable[..., bytes]
MODEL = "/opt/ml/model/model.joblib"
DATA = "/opt/ml/input/data/train/iris.csv"
CONFIG = "/opt/ml/input/config/hyperparameters.json"


@pytest.fixture(scope="module")
def build_target(
    build_image: Callable[..., str],
    container_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    sklearn_image: str,
) -> Callable[[str], str]:
    """Build a target as `smlocal images build` does, with this machine's certificates where it has its own."""
    context = tmp_path_factory.mktemp("context") / "sklearn"
    shutil.copytree(container_folder, context)
    certificates = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        shutil.copyfile(certificates, context / "build-settings" / "ca.crt")
    return lambda target: build_image(context, f"smlocal-test/sklearn:{target}", target=target)


def test_the_training_image_trains_and_cannot_serve(
    build_target: Callable[[str], str], new_box: NewBox, iris_csv: bytes
) -> None:
    image = build_target("training")
    assert new_box(image, ["train"], {DATA: iris_csv}).start().wait() == 0
    with pytest.raises(APIError, match="executable file not found"):
        new_box(image, ["serve"]).start()


def test_the_inference_image_serves_and_cannot_train(
    build_target: Callable[[str], str], new_box: NewBox, train_model: Train
) -> None:
    image = build_target("inference")
    box = new_box(image, ["serve"], {MODEL: train_model()}).start().wait_healthy()
    assert box.invoke(b"5.1,3.5,1.4,0.2\n").body == b"0\n"
    with pytest.raises(APIError, match="executable file not found"):
        new_box(image, ["train"]).start()


def test_the_simple_server_keeps_the_contract_too(
    build_target: Callable[[str], str], new_box: NewBox, train_model: Train, iris_csv: bytes
) -> None:
    image = build_target("bottle")
    assert new_box(image, ["train"], {DATA: iris_csv}).start().wait() == 0
    box = new_box(image, ["serve"], {MODEL: train_model()}).start().wait_healthy()
    row = b"5.1,3.5,1.4,0.2\n"
    assert box.invoke(row).body == b"0\n"
    assert box.invoke(iter([row, row])).body == b"0\n0\n"
    assert json.loads(box.invoke(row, accept="application/json").body)["predictions"][0]["predicted_label"] == 0
    assert [box.invoke(row, "image/png").status, box.invoke(b"x").status] == [415, 400]
    assert box.invoke(row, accept="image/png").status == 406
    many = 25 * 2**20 // len(row)
    assert box.invoke(row * many).body == b"0\n" * many
    code, seconds = box.stop(grace=30)
    assert (code, seconds < 5) == (0, True)
    empty = new_box(image, ["serve"]).start()
    empty.wait_for_log("Serving on port 8080")
    assert empty.ping().status == 503


def test_an_image_that_builds_on_it_trains_and_serves_its_own_learner(
    build_image: Callable[..., str], new_box: NewBox, sklearn_image: str, container_folder: Path, iris_csv: bytes
) -> None:
    image = build_image(container_folder / "examples" / "extended", "smlocal-test/sklearn:extended", sklearn_image)
    training = new_box(image, ["train"], {DATA: iris_csv, CONFIG: b'{"C":"0.5"}'}).start()
    assert training.wait() == 0, training.logs()
    assert "train:accuracy=0.9" in training.logs()
    model = training.read(MODEL)
    box = new_box(image, ["serve"], {MODEL: model}).start().wait_healthy()
    assert box.invoke(b"5.1,3.5,1.4,0.2\n").body == b"0\n"
    refused = new_box(image, ["train"], {DATA: iris_csv, CONFIG: b'{"n_estimators":"5"}'}).start()
    assert refused.wait() == 1
    assert (
        refused.read("/opt/ml/output/failure")
        == b"Unknown hyperparameter 'n_estimators'. This image knows C, max_iter."
    )


def test_nothing_of_the_building_machine_is_in_the_image(
    docker_client: Any, sklearn_image: str, new_box: NewBox
) -> None:
    image = docker_client.images.get(sklearn_image)
    told = json.dumps([image.history(), image.attrs["Config"]])
    assert "build-settings" not in told and "PIP_" not in told
    box = new_box(sklearn_image, ["sh", "-c", "ls /run; find / -xdev -name 'pip.conf' -o -xdev -name 'ca.crt'"])
    box.start()
    assert box.wait() == 0
    assert "build-settings" not in box.logs()
    assert "pip.conf" not in box.logs() and "ca.crt" not in box.logs()

"""The container's own code, importable here, and a job's `/opt/ml` tree in a temporary folder."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
CONTAINER = ROOT / "container" / "sklearn"
sys.path.insert(0, str(CONTAINER / "program"))


@pytest.fixture(scope="session")
def container_folder() -> Path:
    """The folder of the image's sources."""
    return CONTAINER


@pytest.fixture(scope="session")
def iris_csv() -> bytes:
    """150 rows, label first."""
    return (ROOT / "fixtures" / "iris.csv").read_bytes()


@pytest.fixture(scope="session")
def iris_features(iris_csv: bytes) -> bytes:
    """The same rows without their labels."""
    return b"".join(line.partition(b",")[2] for line in iris_csv.splitlines(keepends=True))


@pytest.fixture
def write_optml(tmp_path: Path) -> Callable[..., Path]:
    """Write a job's files below a temporary folder in place of `/opt/ml`."""

    def write(files: Mapping[str, bytes], hyperparameters: Mapping[str, str] | None = None) -> Path:
        config = {"input/config/hyperparameters.json": json.dumps(hyperparameters or {}).encode()}
        for name, content in {**config, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def train_model(sklearn_image: str, docker_client: Any, iris_csv: bytes) -> Callable[..., bytes]:
    """Bytes of the model file that a real training container makes, with an estimator of one's own if given."""
    made: dict[bytes, bytes] = {}

    def train(estimator: bytes = b"") -> bytes:
        if estimator not in made:
            made[estimator] = _train(docker_client, sklearn_image, iris_csv, estimator)
        return made[estimator]

    return train


def _train(client: Any, image: str, iris_csv: bytes, estimator: bytes) -> bytes:
    files = {"opt/ml/input/data/train/iris.csv": iris_csv}
    if estimator:
        files["opt/program/iris/estimator.py"] = estimator
    container = client.containers.create(image, ["train"], network_mode="none", labels={"smlocal-test": "box"})
    try:
        container.put_archive("/", _tar(files))
        container.start()
        assert container.wait()["StatusCode"] == 0, container.logs()
        chunks, _ = container.get_archive("/opt/ml/model/model.joblib")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            stream = archive.extractfile("model.joblib")
            assert stream is not None
            return stream.read()
    finally:
        container.remove(force=True, v=True)


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()

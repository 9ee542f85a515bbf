"""Model servers on the scripted engine, with SageMaker's limits scaled down, and endpoints on the real one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.container.conftest import broken_image, build_image, docker_client, sklearn_image
from tests.hosting.real_endpoints import BUCKET, IRIS, Endpoints, NewEndpoints

from smlocal import owner
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, ScriptedImage, forwarder
from smlocal.hosting import Model, ModelServer
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings
from smlocal.wiring import Program

__all__ = ["broken_image", "build_image", "docker_client", "sklearn_image"]

LIMITS = Limits(
    ping_timeout=0.3,
    ping_interval=0.05,
    start_window=0.6,
    unhealthy_after_misses=3,
    invocation_timeout=0.4,
    invocation_body_bytes=64 * 1024,
    serving_stop_grace=0.3,
)


@pytest.fixture
def engine() -> ScriptedEngine:
    made = ScriptedEngine()
    made.add_image("relay", relay)
    return made


def relay(run: Run) -> int:
    run.write("listening\n")
    return forwarder(run)


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def settings() -> Settings:
    return replace(Settings(), limits=LIMITS, region="eu-west-1", account="123456789012")


@pytest.fixture
def launcher(engine: ScriptedEngine) -> Launcher:
    return Launcher(engine, owner.this_process(), "relay")


@pytest.fixture
def host(
    engine: ScriptedEngine, http: HttpClient, settings: Settings, launcher: Launcher
) -> Iterator[Callable[..., ModelServer]]:
    """Makes a server of a program (or handler of requests) that is called "demo"; all are stopped at the end, and
    nothing of theirs is left in the engine."""
    made: list[ModelServer] = []

    def make(program: Any, *, model: dict[str, Any] | None = None, **options: Any) -> ModelServer:
        image = program if isinstance(program, (Script, ScriptedImage)) else Script(handler=program)
        engine.add_image("model", image)
        server = ModelServer(launcher, http, settings, Model("demo", "model", **(model or {})), **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()
    assert launcher.ours() == []


def healthy(request: Request) -> Answer:
    """A container that echoes what it gets."""
    if request.path == "/ping":
        return Answer(200)
    return Answer(200, request.body, {"Content-Type": request.header("Content-Type") or "text/plain"})


@pytest.fixture
def echo() -> Callable[[Request], Answer]:
    return healthy


# on the real engine


@pytest.fixture
def endpoints_with(tmp_path: Path, broken_image: str) -> Iterator[NewEndpoints]:
    """Endpoints with limits of the test's own; nothing of them may be left in the engine."""
    made: list[Program] = []

    def make(**limits: float) -> Endpoints:
        settings = Settings(state=tmp_path / "state", limits=replace(Limits(), **limits))
        made.append(Program(settings))
        return Endpoints(made[-1], broken_image)

    yield make
    for program in made:
        left = program.launcher.mine()
        program.close()
        assert left == []


@pytest.fixture
def endpoints(endpoints_with: NewEndpoints) -> Endpoints:
    return endpoints_with()


@pytest.fixture(scope="module")
def iris_model(tmp_path_factory: pytest.TempPathFactory, sklearn_image: str) -> bytes:
    """model.tar.gz of the reference image, trained on Iris."""
    with Program(Settings(state=tmp_path_factory.mktemp("state"))) as program:
        program.store.ensure_bucket(BUCKET)
        with IRIS.open("rb") as source:
            program.store.put(BUCKET, "train/iris.csv", source)
        found = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
        request = {
            "TrainingJobName": f"job-{uuid.uuid4().hex[:12]}",
            "AlgorithmSpecification": {"TrainingImage": sklearn_image, "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/tests",
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": found}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        }
        result = program.training.run(request, sklearn_image)
        assert result.status == "Completed", result
        with program.store.open(BUCKET, f"out/{request['TrainingJobName']}/output/model.tar.gz") as archive:
            return archive.read()

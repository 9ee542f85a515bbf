"""Servers made from CreateModel requests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from tests.hosting.test_model_data import archive

from smlocal.engine.scripted import Run, Script, ScriptedEngine, ScriptedImage
from smlocal.errors import InvalidRequest, NotSupported
from smlocal.hosting import ModelHost
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Settings
from smlocal.storage.directory import DirectoryStore


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path)
    made.ensure_bucket("models")
    return made


@pytest.fixture
def models(launcher: Launcher, http: HttpClient, store: DirectoryStore, settings: Settings) -> ModelHost:
    return ModelHost(launcher, http, store, settings, endpoint="http://172.17.0.1:9000")


ROLE = "arn:aws:iam::123456789012:role/hosting"


def request_of(**members: Any) -> dict[str, Any]:
    return {"ModelName": "iris", "PrimaryContainer": {"Image": "model", **members}}


def test_a_request_becomes_a_container_with_its_model_limits_and_environment(
    models: ModelHost, engine: ScriptedEngine, store: DirectoryStore, echo: Any
) -> None:
    seen: list[bytes] = []

    def program(run: Run) -> int:
        seen.append(run.files.read("/opt/ml/model/weights.bin"))
        return Script(handler=echo)(run)

    engine.add_image("model", ScriptedImage(program))
    store.put("models", "llm/weights.bin", io.BytesIO(b"123"))
    source = {"S3Uri": "s3://models/llm/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    request = request_of(
        ModelDataSource={"S3DataSource": source},
        Environment={"MODE": "slow", "KEPT": "1"},
        Mode="SingleModel",
        ImageConfig={"RepositoryAccessMode": "Platform"},
    )
    server = models.server(request, "model", instance_type="ml.m5.xlarge", environment={"MODE": "fast"})
    with server:
        assert seen == [b"123"]
        assert server.endpoint.name == "iris"
        assert server.invoke(b"1,2", {}).body == b"1,2"
    spec = next(spec for spec in engine.specs if spec.command == ("serve",))
    assert (spec.cpus, spec.memory_bytes) == (4, 16 * 1024**3)
    assert (spec.environment["MODE"], spec.environment["KEPT"]) == ("fast", "1")
    assert spec.environment["AWS_ENDPOINT_URL"] == "http://172.17.0.1:9000"
    assert spec.image == "model"
    assert server.model.data_url == "s3://models/llm/"


def test_isolation_is_the_models(models: ModelHost, engine: ScriptedEngine, echo: Any) -> None:
    engine.add_image("model", Script(handler=echo))
    with models.server({**request_of(), "EnableNetworkIsolation": True}, "model", name="other") as server:
        assert server.endpoint.name == "other"
        spec = next(spec for spec in engine.specs if spec.command == ("serve",))
        assert spec.network is not None
        assert "AWS_ENDPOINT_URL" not in spec.environment


def test_the_container_of_a_multi_model_endpoint_has_its_models_and_none_of_its_own(
    models: ModelHost, engine: ScriptedEngine, store: DirectoryStore, echo: Any
) -> None:
    seen: list[bytes | None] = []

    def program(run: Run) -> int:
        for name in ("models/a1/model", "models/b2/model", "model"):
            path = f"/opt/ml/{name}/weights.bin"
            seen.append(run.files.read(path) if run.files.exists(path) else None)
        return Script(handler=echo, port=18080)(run)

    engine.add_image("model", ScriptedImage(program))
    store.put("models", "weights.tar.gz", io.BytesIO(archive(**{"weights.bin": b"123"})))
    url = "s3://models/weights.tar.gz"
    with models.server(request_of(), "model", models={"a1": url, "b2": url}, port=18080) as server:
        assert server.invoke(b"1,2", {}).body == b"1,2"
    assert seen == [b"123", b"123", None]
    spec = next(spec for spec in engine.specs if spec.command == ("serve",))
    assert [(mount.path, mount.read_only) for mount in spec.mounts] == [("/opt/ml/models", True)]
    assert spec.environment["SAGEMAKER_MULTI_MODEL"] == "true"
    assert (spec.environment["SAGEMAKER_BIND_TO_PORT"], spec.published_port) == ("18080", 18080)


def test_the_container_of_one_model_hears_nothing_of_many(models: ModelHost, engine: ScriptedEngine, echo: Any) -> None:
    engine.add_image("model", Script(handler=echo))
    with models.server(request_of(), "model"):
        spec = next(spec for spec in engine.specs if spec.command == ("serve",))
    assert "SAGEMAKER_MULTI_MODEL" not in spec.environment
    assert (spec.environment["SAGEMAKER_BIND_TO_PORT"], spec.published_port) == ("8080", 8080)


def test_a_model_that_is_not_there_is_refused_before_anything_is_made(
    models: ModelHost, engine: ScriptedEngine
) -> None:
    with pytest.raises(InvalidRequest, match=r"Could not find model data at s3://models/none.tar.gz"):
        models.server(request_of(), "model", models={"a1": "s3://models/none.tar.gz"})
    assert engine.specs == []


def test_what_has_no_effect_is_less_or_was_scaled_is_said_from_the_beginning(models: ModelHost) -> None:
    request = {**request_of(ContainerHostname="first"), "ExecutionRoleArn": ROLE}
    server = models.server(request, "model", instance_type="ml.m5.24xlarge")
    hostname, role, cpus, memory, limits = server.notes
    assert hostname.startswith("PrimaryContainer.ContainerHostname has no effect on this machine: ")
    assert role.startswith("ExecutionRoleArn has no effect on this machine: ")
    assert cpus.startswith("ml.m5.24xlarge has 96 vCPU, the engine's host ")
    assert memory.startswith("ml.m5.24xlarge has 384 GiB of memory, the engine's host ")
    assert limits.startswith("limits that are not SageMaker's own: ping_timeout=0.3, ping_interval=0.05, ")
    assert server.evidence().notes == (hostname, role, cpus, memory)


def test_a_run_of_which_there_is_nothing_to_say_has_no_notes(
    launcher: Launcher, http: HttpClient, store: DirectoryStore
) -> None:
    models = ModelHost(launcher, http, store, Settings())
    assert models.server(request_of(), "model", instance_type="ml.t3.medium").notes == ()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"ModelName": "no good", "PrimaryContainer": {"Image": "model"}}, InvalidRequest),
        (request_of(ModelDataUrl="s3://models/none.tar.gz"), InvalidRequest),
        (request_of(Mode="MultiModel", ModelDataUrl="s3://models/"), NotSupported),
    ],
)
def test_what_aws_or_smlocal_refuses_is_refused_before_anything_is_made(
    models: ModelHost, engine: ScriptedEngine, request_: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        models.server(request_, "model")
    assert engine.specs == []

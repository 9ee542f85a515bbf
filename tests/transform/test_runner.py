"""Jobs from their requests and their models', on the scripted engine: what is refused, launched, said and kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal import owner
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, forwarder
from smlocal.errors import EngineError, InvalidRequest
from smlocal.hosting import Model, ModelHost
from smlocal.http_client import HttpClient
from smlocal.journal import Journal, Record
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.transform.job import Observer, TransformResult
from smlocal.transform.runner import TransformRunner

RequestOf = Callable[..., dict[str, Any]]
ROLE = "arn:aws:iam::123456789012:role/hosting"
MODEL: dict[str, Any] = {"ModelName": "example", "PrimaryContainer": {"Image": "model"}}


def echo(request: Request) -> Answer:
    return Answer(404 if "parameters" in request.path else 200, request.body)


def relay(run: Run) -> int:
    run.write("listening\n")
    return forwarder(run)


class Runs:
    """Runs jobs of one state folder and keeps what they said."""

    def __init__(self, state: Path, http: HttpClient, request_of: RequestOf) -> None:
        self.engine = ScriptedEngine()
        self.engine.add_image("model", Script(handler=echo))
        self.engine.add_image("relay", relay)
        self.store = DirectoryStore(state / "s3")
        self.store.ensure_bucket("examples")
        self.store.put("examples", "in/a", io.BytesIO(b"1\n"))
        self.journal = Journal(state, 10**9, owner.this_process())
        self.settings = replace(Settings(), state=state, limits=Limits(transform_ping_interval=0.05))
        self.launcher = Launcher(self.engine, owner.this_process(), "relay")
        self.http = http
        self.notes: list[str] = []
        self._request_of = request_of

    def model(self, **members: Any) -> Model:
        host = ModelHost(self.launcher, self.http, self.store, self.settings)
        return host.model({**MODEL, **members}, "model")

    def run(self, model: Model, options: dict[str, Any] | None = None, **changes: Any) -> TransformResult:
        runner = TransformRunner(self.launcher, self.http, self.store, self.journal, self.settings)
        observer = Observer(on_note=self.notes.append)
        return runner.run(self._request_of(**changes), model, observer=observer, **(options or {}))

    def record(self) -> Record:
        found = self.journal.find("Example-1")
        assert found is not None
        return found


@pytest.fixture
def runs(tmp_path: Path, request_of: RequestOf) -> Iterator[Runs]:
    with HttpClient() as http:
        made = Runs(tmp_path, http, request_of)
        yield made
    assert made.launcher.ours() == []


@pytest.mark.parametrize(
    ("members", "isolated"),
    [
        ({"EnableNetworkIsolation": True}, True),
        ({"EnableNetworkIsolation": False}, False),
        ({}, False),
    ],
)
def test_a_job_has_the_network_that_its_model_has(runs: Runs, members: dict[str, Any], isolated: bool) -> None:
    assert runs.run(runs.model(**members)).status == "Completed"
    spec = next(spec for spec in runs.engine.specs if spec.command == ("serve",))
    assert (spec.network is not None) == isolated
    assert ("AWS_REGION" in spec.environment) == (not isolated)


def test_a_job_of_a_model_that_there_is_not_is_refused_and_its_name_stays_free(runs: Runs) -> None:
    """Source: a user's log has "CreateTransformJob: Could not find"; the rest is as for endpoints."""
    with pytest.raises(InvalidRequest) as raised:
        runs.run(runs.model(), ModelName="Other")
    assert str(raised.value) == 'Could not find model "arn:aws:sagemaker:us-east-1:000000000000:model/other".'
    assert runs.engine.specs == []
    assert runs.journal.records() == []
    assert runs.run(Model("example", "model")).status == "Completed", "a model without a request has a name, too"


def test_what_has_no_effect_is_less_or_was_scaled_is_said_and_kept(runs: Runs) -> None:
    instance = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeKmsKeyId": "key"}
    result = runs.run(runs.model(ExecutionRoleArn=ROLE), TransformResources=instance)
    volume, role, cpus, memory, limits = runs.notes
    assert volume.startswith("TransformResources.VolumeKmsKeyId has no effect on this machine: ")
    assert role.startswith("ExecutionRoleArn has no effect on this machine: ")
    assert cpus.startswith("ml.m5.24xlarge has 96 vCPU")
    assert memory.startswith("ml.m5.24xlarge has 384 GiB of memory")
    assert limits == "limits that are not SageMaker's own: transform_ping_interval=0.05"
    assert result.evidence.warnings == tuple(runs.notes)
    assert [event["note"] for event in runs.record().events() if event["event"] == "note"] == runs.notes


def test_the_models_request_is_kept_beside_the_jobs(runs: Runs) -> None:
    runs.run(runs.model(ExecutionRoleArn=ROLE))
    assert runs.record().read("model.json") == {"request": {**MODEL, "ExecutionRoleArn": ROLE}}


def test_of_a_model_without_a_request_there_is_nothing_to_keep(runs: Runs) -> None:
    runs.run(Model("example", "model"))
    assert runs.record().read("model.json") == {}


def test_a_job_that_breaks_off_is_recorded_as_failed_with_what_broke(runs: Runs) -> None:
    runs.engine.fail("create_container", EngineError("the engine is broken"))
    with pytest.raises(EngineError):
        runs.run(runs.model())
    [record] = runs.journal.records()
    described = record.read("description.json")
    assert (described["TransformJobStatus"], described["FailureReason"]) == (
        "Failed",
        "InternalServerError: We encountered an internal error. Please try again.",
    )
    assert [event["error"] for event in record.events() if event["event"] == "broken off"] == ["the engine is broken"]


def test_a_model_of_uncompressed_files_is_no_model_for_a_batch_transform(runs: Runs) -> None:
    runs.store.put("examples", "model/a", io.BytesIO(b"1"))
    source = {"S3Uri": "s3://examples/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": "model", "ModelDataSource": {"S3DataSource": source}}
    with pytest.raises(InvalidRequest, match="has a ModelDataSource, which batch transform jobs do not support"):
        runs.run(runs.model(PrimaryContainer=container))


def test_folders_of_the_console_are_left_out_and_named(runs: Runs) -> None:
    runs.store.put("examples", "in/folder/", io.BytesIO(b""))
    runs.run(runs.model())
    assert "left out: in/folder/, empty objects that stand for folders in the S3 console" in runs.notes

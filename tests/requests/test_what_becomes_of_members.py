"""Members that have no effect here are in the record of what they were given for, and Describe tells them back; and
what only a whole run shows of the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal import owner
from smlocal.engine.scripted import Answer, Script, ScriptedEngine
from smlocal.hosting import ModelHost
from smlocal.http_client import HttpClient
from smlocal.journal import Journal
from smlocal.launch import Launcher
from smlocal.owner import this_process
from smlocal.requests.support import TABLE
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.training import TrainingRunner
from smlocal.transform.job import Observer
from smlocal.transform.runner import TransformRunner

RequestWith = Callable[[str, dict[str, Any]], dict[str, Any]]
Told = dict[str, Any]  # "request" as it was given, "record" as it was kept, "description" as Describe has it, "notes"

EXPERIMENT = {"ExperimentName": "e", "TrialName": "t", "TrialComponentDisplayName": "c", "RunName": "r"}
TAGS = [{"Key": "team", "Value": "irises"}]
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
GIVEN: dict[str, dict[str, Any]] = {
    "CreateTrainingJob": {
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": True,
        "ResourceConfig.VolumeSizeInGB": 50,
        "ResourceConfig.VolumeKmsKeyId": KEY,
        "StoppingCondition.MaxWaitTimeInSeconds": 7200,
        "StoppingCondition.MaxPendingTimeInSeconds": 7200,
        "Tags": TAGS,
        "EnableInterContainerTrafficEncryption": True,
        "EnableManagedSpotTraining": True,
        "RetryStrategy": {"MaximumRetryAttempts": 3},
        "InfraCheckConfig": {"EnableInfraCheck": True},
        "ExperimentConfig": EXPERIMENT,
    },
    "CreateModel": {"PrimaryContainer.ContainerHostname": "first", "Tags": TAGS},
    "CreateTransformJob": {
        "TransformResources.VolumeKmsKeyId": KEY,
        "Tags": TAGS,
        "ExperimentConfig": EXPERIMENT,
    },
}


def _recorded(operation: str) -> list[str]:
    return [decision.path for decision in TABLE[operation] if decision.standing == "recorded"]


def _at(document: Any, path: str) -> Any:
    for step in path.split("."):
        document = document[step.removesuffix("[]")]
        document = document[0] if step.endswith("[]") else document
    return document


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def settings(state: Path) -> Settings:
    return replace(Settings(), state=state, limits=Limits(transform_ping_interval=0.05))


@pytest.fixture(scope="module")
def journal(state: Path) -> Journal:
    return Journal(state, 10**9, this_process())


@pytest.fixture(scope="module")
def engine() -> ScriptedEngine:
    engine = ScriptedEngine()
    engine.add_image("algorithm", Script(files={"/opt/ml/model/weights": b"1"}))
    engine.add_image("model", Script(handler=lambda request: Answer(404 if "parameters" in request.path else 200)))
    return engine


@pytest.fixture(scope="module")
def launcher(engine: ScriptedEngine) -> Launcher:
    return Launcher(engine, owner.this_process(), "relay")


@pytest.fixture(scope="module")
def store(state: Path) -> DirectoryStore:
    made = DirectoryStore(state / "s3")
    made.ensure_bucket("bucket")
    made.put("bucket", "iris/train/data.csv", io.BytesIO(b"1,2\n"))
    made.put("bucket", "iris/batch/data.csv", io.BytesIO(b"1,2\n"))
    return made


def _told(journal: Journal, name: str, request: dict[str, Any], description: dict[str, Any]) -> Told:
    record = journal.find(name)
    assert record is not None
    return {"request": request, "record": record.read("request.json")["request"], "description": description}


@pytest.fixture(scope="module")
def training_job(
    launcher: Launcher, store: DirectoryStore, journal: Journal, settings: Settings, request_with: RequestWith
) -> Told:
    request = request_with("CreateTrainingJob", GIVEN["CreateTrainingJob"])
    result = TrainingRunner(launcher, store, journal, settings).run(request, "algorithm")
    assert result.status == "Completed"
    return _told(journal, request["TrainingJobName"], request, result.description)


@pytest.fixture(scope="module")
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture(scope="module")
def transform_job(
    launcher: Launcher,
    store: DirectoryStore,
    journal: Journal,
    settings: Settings,
    http: HttpClient,
    request_with: RequestWith,
) -> Told:
    """A whole run of a model; "model" is what was told of the model."""
    request = request_with("CreateTransformJob", GIVEN["CreateTransformJob"])
    described = request_with("CreateModel", {**GIVEN["CreateModel"], "PrimaryContainer.ModelDataUrl": ...})
    model = ModelHost(launcher, http, store, settings).model(described, "model")
    notes: list[str] = []
    runner = TransformRunner(launcher, http, store, journal, settings)
    result = runner.run(request, model, observer=Observer(on_note=notes.append))
    assert result.status == "Completed"
    told = _told(journal, request["TransformJobName"], request, result.description)
    record = journal.find(request["TransformJobName"])
    assert record is not None
    return {**told, "notes": notes, "model": {"request": described, "record": record.read("model.json")["request"]}}


@pytest.mark.parametrize("path", _recorded("CreateTrainingJob"))
def test_a_recorded_member_of_a_training_job_is_told_back(path: str, training_job: Told) -> None:
    assert _at(training_job["record"], path) == _at(training_job["request"], path)
    if not path.startswith("Tags"):  # AWS tells them with ListTags only
        assert _at(training_job["description"], path) == _at(training_job["request"], path)


@pytest.mark.parametrize("path", _recorded("CreateTransformJob"))
def test_a_recorded_member_of_a_transform_job_is_told_back(path: str, transform_job: Told) -> None:
    assert _at(transform_job["record"], path) == _at(transform_job["request"], path)
    assert _has_note(transform_job, path)
    if not path.startswith("Tags"):
        assert _at(transform_job["description"], path) == _at(transform_job["request"], path)


@pytest.mark.parametrize("path", _recorded("CreateModel"))
def test_a_recorded_member_of_a_model_is_kept(path: str, transform_job: Told) -> None:
    """With the job that the model is run for, and the job says that it has no effect."""
    model = transform_job["model"]
    assert _at(model["record"], path) == _at(model["request"], path)
    assert _has_note(transform_job, path)


def _has_note(job: Told, path: str) -> bool:
    """Whether a run says of a member, or of the whole that it is in, that it has no effect."""
    whole = path if path.startswith(("PrimaryContainer.", "TransformResources.")) else path.split(".")[0].rstrip("[]")
    return any(note.startswith(f"{whole} has no effect on this machine: ") for note in job["notes"])


@pytest.mark.usefixtures("transform_job")
def test_a_transform_job_runs_within_its_instance_type(engine: ScriptedEngine) -> None:
    spec = next(spec for spec in engine.specs if spec.command == ("serve",))
    assert (spec.cpus, spec.memory_bytes) == (2, 8 * 1024**3)  # of an ml.m5.large

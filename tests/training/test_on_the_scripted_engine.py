"""What no healthy engine shows: a full disk, an engine that goes away, a launch that breaks off half-way."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from smlocal import owner
from smlocal.engine.scripted import FACTS, Run, Script, ScriptedEngine
from smlocal.errors import ContainerNotStarted, DiskFull, EngineError, EngineUnavailable
from smlocal.journal import Journal, Record
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.interface import StoredObject
from smlocal.training import Observer, Surroundings, TrainingResult, TrainingRunner

BUCKET = "bucket"


class FullForModels(DirectoryStore):
    """A store whose disk is full whenever a model comes."""

    def put(self, bucket: str, key: str, source: BinaryIO) -> StoredObject:
        if key.endswith("model.tar.gz"):
            raise DiskFull("no space left")
        return super().put(bucket, key, source)


class Bench:
    """A training runner on a scripted engine, with a clock that only moves when told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = ScriptedEngine(replace(FACTS, cpus=4))
        self.now = datetime(2026, 11, 24, tzinfo=timezone.utc)
        self.seconds = 0.0
        self.store = DirectoryStore(folder / "s3")
        self.store.ensure_bucket(BUCKET)
        self.journal = Journal(folder, 1_000_000, owner.this_process())
        self.launcher = Launcher(self.engine, owner.this_process(), "relay")
        self.notes: list[str] = []
        self.runner = TrainingRunner(
            self.launcher,
            self.store,
            self.journal,
            Settings(state=folder, limits=Limits(training_stop_grace=0.2)),
            now=lambda: self.now,
            monotonic=lambda: self.seconds,
        )

    def run(self, program: Callable[[Run], int] | Script, **options: Any) -> TrainingResult:
        self.engine.add_image("algorithm", program)
        changes = options.pop("changes", {})
        on_bytes = options.pop("on_bytes", lambda transfer, count: None)
        request = {
            "TrainingJobName": "job",
            "AlgorithmSpecification": {"TrainingImage": "algorithm", "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/r",
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 100},
            **changes,
        }
        observer = Observer(on_note=self.notes.append, on_bytes=on_bytes)
        return self.runner.run(request, "algorithm", observer=observer, **options)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


GOOD = Script(files={"/opt/ml/model/weights": b"1"})


def test_a_program_that_ends_well_completes_the_job(bench: Bench) -> None:
    result = bench.run(GOOD)
    assert result.status == "Completed"
    assert [seen.path for seen in result.evidence.model_files] == ["weights"]
    assert bench.launcher.mine() == []


def test_the_container_is_given_what_the_instance_has(bench: Bench) -> None:
    bench.run(GOOD, changes={"ResourceConfig": {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1,
                                                "VolumeSizeInGB": 1}})  # fmt: skip
    assert (bench.engine.specs[0].cpus, bench.engine.specs[0].memory_bytes) == (4, FACTS.memory_bytes)
    assert bench.notes[:2] == [
        "ml.m5.24xlarge has 96 vCPU, the engine's host 4: the container gets 4",
        "ml.m5.24xlarge has 384 GiB of memory, the engine's host 32.0: the container gets 32.0",
    ]


@pytest.mark.parametrize("size", [None, 64 * 1024 * 1024])
def test_shared_memory_is_the_engines_unless_its_size_is_named(size: int | None, bench: Bench) -> None:
    bench.run(GOOD, surroundings=Surroundings(shared_memory_bytes=size))
    assert [spec.shared_memory_bytes for spec in bench.engine.specs] == [size]


def test_no_space_for_the_input_is_told_as_sagemaker_tells_it(bench: Bench) -> None:
    bench.engine.fail("put_archive", DiskFull("no space left on device"))
    result = bench.run(GOOD)
    assert result.description["FailureReason"] == "ClientError: Data download failed:Insufficient disk space"
    assert bench.launcher.mine() == []


def test_no_space_for_the_model_is_told_as_sagemaker_tells_it(bench: Bench) -> None:
    bench.runner.store = FullForModels(bench.folder / "s3")
    result = bench.run(GOOD)
    assert result.description["FailureReason"] == "ClientError: Artifact upload failed:Insufficient disk space"
    assert bench.launcher.mine() == []


def test_a_launch_that_breaks_off_leaves_nothing(bench: Bench) -> None:
    bench.engine.fail("create_container", EngineError("broken"))
    with pytest.raises(EngineError, match="broken"):
        bench.run(GOOD)
    assert bench.launcher.mine() == []


def test_an_engine_that_goes_away_is_no_fault_of_the_job(bench: Bench) -> None:
    bench.engine.fail("attach", EngineUnavailable("away"))
    with pytest.raises(EngineUnavailable):
        bench.run(GOOD)
    assert bench.launcher.mine() == []


def test_the_allowed_time_is_counted_from_the_programs_start(bench: Bench) -> None:
    def program(run: Run) -> int:
        bench.seconds = 101.0
        run.wait_for_signal()
        return 0

    result = bench.run(program)
    assert (result.status, result.description["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_hurry_does_not_wait_for_the_grace(bench: Bench) -> None:
    stop, hurry = threading.Event(), threading.Event()
    hurry.set()
    bench.runner.settings = replace(bench.runner.settings, limits=Limits())

    def program(run: Run) -> int:
        stop.set()
        while True:
            run.wait_for_signal()

    result = bench.run(program, stop=stop, hurry=hurry)
    assert result.status == "Stopped"
    assert result.evidence.killed_after_grace


def test_seconds_are_counted_from_start_to_upload_and_at_least_one(bench: Bench) -> None:
    def program(run: Run) -> int:
        bench.now += timedelta(seconds=42)
        return 0

    assert bench.run(program).description["TrainingTimeInSeconds"] == 42


def test_a_failed_job_ends_when_its_program_does(bench: Bench) -> None:
    def program(run: Run) -> int:
        bench.now += timedelta(seconds=42)
        run.files.write("/opt/ml/model/weights", b"1")
        return 1

    class TakesItsTime(DirectoryStore):
        def put(self, bucket: str, key: str, source: BinaryIO) -> StoredObject:
            bench.now += timedelta(seconds=100)
            return super().put(bucket, key, source)

    bench.runner.store = TakesItsTime(bench.folder / "s3")
    described = bench.run(program).description
    assert (described["TrainingJobStatus"], described["TrainingTimeInSeconds"]) == ("Failed", 42)


def test_a_program_that_could_not_be_started_has_no_training_time(bench: Bench) -> None:
    bench.engine.fail("start", ContainerNotStarted("exec: train: not found"))
    described = bench.run(GOOD).description
    assert described["TrainingJobStatus"] == "Failed"
    assert described.keys().isdisjoint({"TrainingStartTime", "TrainingEndTime", "BillableTimeInSeconds"})


class FullRecords(Journal):
    """A journal whose disk fills up as soon as a job has begun."""

    def begin(self, kind: str, name: str, request: Mapping[str, Any]) -> Record:
        return FullRecord(super().begin(kind, name, request).folder)


class FullRecord(Record):
    def event(self, what: str, **facts: Any) -> None:
        raise DiskFull("no space left to write events")

    def log(self, line: bytes) -> None:
        raise DiskFull("no space left to write log")

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        raise DiskFull("no space left to write a document")


def test_a_full_disk_under_the_records_costs_no_model(bench: Bench) -> None:
    bench.runner.journal = FullRecords(bench.folder, 1_000_000, owner.this_process())
    result = bench.run(Script(output=["a\n", "b\n"], files={"/opt/ml/model/weights": b"1"}))
    assert (result.status, [seen.path for seen in result.evidence.model_files]) == ("Completed", ["weights"])
    assert [note for note in bench.notes if "record" in note] == [
        "the job's record is not complete: no space left to write events"
    ]
    assert [item.key for item in bench.store.list(BUCKET, "out/")] == ["out/job/output/model.tar.gz"]


def test_a_record_is_kept_of_everything(bench: Bench) -> None:
    bench.run(Script(output=["loss=1\n"]))
    record = bench.journal.find("job")
    assert record is not None
    assert record.log_path.read_text() == "loss=1\n"
    assert [event["status"] for event in record.events() if event["event"] == "status"][-1] == "Completed"
    assert record.read("description.json")["TrainingJobStatus"] == "Completed"
    assert record.read("request.json")["request"]["TrainingJobName"] == "job"


def test_channels_reach_the_program(bench: Bench) -> None:
    bench.store.put(BUCKET, "train/a.csv", io.BytesIO(b"1,2\n"))
    seen: list[bytes] = []

    def program(run: Run) -> int:
        seen.append(run.files.read("/opt/ml/input/data/train/a.csv"))
        return 0

    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    bench.run(program, changes={"InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]})
    assert seen == [b"1,2\n"]


def test_a_stop_ends_the_copying_of_the_input(bench: Bench) -> None:
    bench.store.put(BUCKET, "train/big", io.BytesIO(b"x" * 5_000_000))
    stop = threading.Event()
    moved: list[int] = []

    def on_bytes(transfer: str, count: int) -> None:
        moved.append(count)
        if count > 2_000_000:
            stop.set()

    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    channels = [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]
    result = bench.run(GOOD, stop=stop, on_bytes=on_bytes, changes={"InputDataConfig": channels})
    assert (result.status, result.description["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert moved[-1] < 4_000_000
    assert bench.launcher.mine() == []


def test_what_goes_in_and_comes_out_is_counted(bench: Bench) -> None:
    moved: dict[str, int] = {}
    bench.run(GOOD, on_bytes=lambda transfer, count: moved.update({transfer: count}))
    assert moved["input"] > 1000
    assert moved["output"] > 1000


def test_a_stop_that_comes_before_the_program_starts_starts_nothing(bench: Bench) -> None:
    stop = threading.Event()
    stop.set()
    ran: list[bool] = []

    def program(run: Run) -> int:
        ran.append(True)
        return 0

    result = bench.run(program, stop=stop)
    assert (result.status, ran) == ("Stopped", [])
    assert bench.launcher.mine() == []

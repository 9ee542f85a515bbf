"""What becomes of a job's record and of its name when the job is refused, or breaks off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from smlocal import owner
from smlocal.errors import DiskFull, EngineError, EngineUnavailable, SmlocalError, StorageError, UsageError
from smlocal.journal import Journal, Record
from tests.training.test_on_the_scripted_engine import GOOD, Bench

METRIC = {"MetricDefinitions": [{"Name": "loss", "Regex": "(["}]}


class FullJournal(Journal):
    """A journal whose disk is full once a record is begun."""

    def begin(self, kind: str, name: str, request: Mapping[str, Any]) -> Record:
        return FullRecord(super().begin(kind, name, request).folder)


class FullRecord(Record):
    def event(self, what: str, **facts: Any) -> None:
        raise DiskFull("no space left to write events")

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        raise DiskFull("no space left to write a document")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("error", [EngineError("broken"), EngineUnavailable("away"), StorageError("gone")])
def test_a_run_that_breaks_off_is_recorded_as_failed_with_what_broke(bench: Bench, error: SmlocalError) -> None:
    bench.engine.fail("create_container", error)
    with pytest.raises(type(error)):
        bench.run(GOOD, changes={"Tags": [{"Key": "a", "Value": "b"}]})
    record = bench.journal.find("job")
    assert record is not None
    description = record.read("description.json")
    assert description["FailureReason"] == "InternalServerError: We encountered an internal error. Please try again."
    assert (description["TrainingJobStatus"], description["SecondaryStatus"]) == ("Failed", "Failed")
    assert description["TrainingJobArn"].endswith(":training-job/job")
    assert "Tags" not in description
    assert [event["error"] for event in record.events() if event["event"] == "broken off"] == [str(error)]


def test_what_broke_a_run_is_told_even_when_it_cannot_be_recorded(bench: Bench) -> None:
    bench.runner.journal = FullJournal(bench.folder, 1_000_000, owner.this_process())
    bench.engine.fail("create_container", EngineError("broken"))
    with pytest.raises(EngineError, match="broken"):
        bench.run(GOOD)


@pytest.mark.parametrize(
    "changes",
    [
        {"AlgorithmSpecification": {"TrainingImage": "algorithm", "TrainingInputMode": "File", **METRIC}},
        {"OutputDataConfig": {"S3OutputPath": "https://bucket.s3.amazonaws.com/out"}},
        {"OutputDataConfig": {"S3OutputPath": "s3://My_Bucket/out"}},
        {"HyperParameters": {"a": "\ud800"}},
        {"ResourceConfig": {"InstanceType": "ml.trn1.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}},
    ],
    ids=["regex", "https", "bucket", "surrogate", "instance"],
)
def test_a_refused_request_takes_no_name(bench: Bench, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        bench.run(GOOD, changes=changes)
    assert bench.journal.find("job") is None
    assert bench.run(GOOD).status == "Completed"

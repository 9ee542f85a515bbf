"""Batch transform jobs of an account."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from smlocal.engine.scripted import Answer, Request, Script
from smlocal.errors import InvalidRequest, NotSupported, ResourceInUse
from tests.account.bench import ARN, Bench, transform_request
from tests.account.conftest import Killed


def hangs(bench: Bench) -> threading.Event:
    """An image whose answers wait for the event."""
    going = threading.Event()

    def answer(request: Request) -> Answer:
        if request.path == "/invocations":
            going.wait(10)
        return Answer(200 if request.path != "/execution-parameters" else 404)

    bench.engine.add_image("hangs", Script(handler=answer))
    bench.model("hangs", "hangs")
    return going


def test_a_transform_job_runs_and_is_described_as_aws_describes_it(bench: Bench) -> None:
    bench.model()
    assert bench.transform(Environment={"A": "1"}) == {"TransformJobArn": f"{ARN}:transform-job/batch"}
    found = bench.transformed()
    times = [found.pop(f"{name}Time") for name in ("Creation", "TransformStart", "TransformEnd")]
    assert times == sorted(times)
    request = transform_request()
    assert found == {
        "TransformJobName": "batch",
        "TransformJobArn": f"{ARN}:transform-job/batch",
        "TransformJobStatus": "Completed",
        "ModelName": "model",
        "Environment": {"A": "1"},
        "TransformInput": {**request["TransformInput"], "CompressionType": "None", "SplitType": "None"},
        "TransformOutput": {**request["TransformOutput"], "AssembleWith": "None", "KmsKeyId": ""},
        "TransformResources": request["TransformResources"],
        "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
    }
    with bench.store.open("bucket", "transformed/a.csv.out") as source:
        assert source.read() == b"1,2\n"


def test_lines_and_the_platforms_own_log_have_their_streams(bench: Bench) -> None:
    bench.engine.add_image("speaks", Script(output=["up\n"], handler=lambda request: Answer(200, request.body)))
    bench.model(image="speaks")
    bench.transform()
    bench.transformed()
    streams = {stream: lines for (group, stream), lines in bench.logs.streams.items() if "TransformJobs" in group}
    own, platform = sorted(streams)
    assert own.startswith("batch/i-")
    assert platform == f"{own}/data-log"
    assert streams[own] == ["up"]
    assert "MaxConcurrentTransforms" in streams[platform][0]


def test_a_failed_transform_job_says_why(bench: Bench) -> None:
    bench.model(image="sick")
    bench.transform()
    found = bench.transformed()
    assert (found["TransformJobStatus"], found["FailureReason"]) == (
        "Failed",
        "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and"
        " responds with an HTTP 200 status code",
    )


def test_a_stopped_transform_job_is_stopped_and_leaves_no_output(bench: Bench) -> None:
    going = hangs(bench)
    bench.transform(model="hangs")
    assert bench.account.stop_transform_job({"TransformJobName": "batch"}) == {}
    assert bench.batch()["TransformJobStatus"] in ("Stopping", "Stopped")
    going.set()
    assert bench.transformed()["TransformJobStatus"] == "Stopped"
    assert list(bench.store.list("bucket", "transformed/")) == []
    with pytest.raises(InvalidRequest) as refused:
        bench.account.stop_transform_job({"TransformJobName": "batch"})
    assert str(refused.value) == "The request was rejected because the transform job is in status Stopped."


def test_what_cannot_be_is_refused_at_once(bench: Bench) -> None:
    bench.model()
    with pytest.raises(InvalidRequest) as refused:
        bench.transform(model="nobody")
    assert str(refused.value) == f'Could not find model "{ARN}:model/nobody".'
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/nothing/"}
    with pytest.raises(InvalidRequest, match='No S3 objects found under S3 URL "s3://bucket/nothing/"'):
        bench.transform(TransformInput={"DataSource": {"S3DataSource": source}})
    with pytest.raises(NotSupported, match="InstanceCount 2"):
        bench.transform(TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2})
    assert bench.account.list_transform_jobs({}) == {"TransformJobSummaries": []}
    bench.transform()
    with pytest.raises(ResourceInUse, match=r"^Transform job names must be unique within an AWS account and region"):
        bench.transform()
    for call in ("describe_transform_job", "stop_transform_job"):
        with pytest.raises(InvalidRequest, match=r"^Could not find requested job with name: nobody$"):
            getattr(bench.account, call)({"TransformJobName": "nobody"})
    bench.transformed()


def test_a_transform_job_waits_for_room_as_in_progress(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(cpus=2)
    bench.model()
    bench.train("first", "waits")
    bench.reaches("Training", "first")
    bench.transform()
    assert bench.batch()["TransformJobStatus"] == "InProgress"
    assert "TransformStartTime" not in bench.batch()
    bench.stop("first")
    assert bench.transformed()["TransformJobStatus"] == "Completed"


def test_summaries_have_the_time_of_the_last_change(bench: Bench) -> None:
    bench.model()
    bench.transform()
    found = bench.transformed()
    (summary,) = bench.account.list_transform_jobs({})["TransformJobSummaries"]
    changed = summary.pop("LastModifiedTime")
    assert changed >= found["TransformEndTime"]
    later = {"LastModifiedTimeAfter": changed + timedelta(seconds=1)}
    assert bench.account.list_transform_jobs(later) == {"TransformJobSummaries": []}
    names = ("TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime", "TransformJobStatus")
    assert summary == {name: found[name] for name in names}


def test_the_next_process_tells_what_ended_and_fails_what_ran(bench: Bench, killed: Killed) -> None:
    bench.model()
    bench.transform("ended")
    bench.transformed("ended")
    going = hangs(bench)
    bench.transform("ran", "hangs")
    while "TransformStartTime" not in bench.batch("ran"):
        threading.Event().wait(0.01)
    later = killed(bench)
    assert later.batch("ended") == bench.batch("ended")
    assert later.batch("ran")["TransformJobStatus"] == "Failed"
    assert later.batch("ran")["FailureReason"].startswith("InternalServerError: smlocal was ended while the job ran")
    going.set()

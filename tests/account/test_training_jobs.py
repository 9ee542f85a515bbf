"""Training jobs: what is refused at once, what is told while they run and when they have ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from smlocal.engine.scripted import Run, Script
from smlocal.errors import (
    ContainerNotStarted,
    EngineError,
    InvalidRequest,
    NotSupported,
    ResourceInUse,
    ResourceLimitExceeded,
)
from tests.account.bench import ARN, ENDED, Bench, channel, training_request, until
from tests.account.conftest import Killed


def test_create_answers_at_once_and_the_job_goes_on(bench: Bench) -> None:
    assert bench.train("My-Job", "waits") == {"TrainingJobArn": f"{ARN}:training-job/my-job"}
    assert bench.job("My-Job")["TrainingJobStatus"] == "InProgress"
    bench.speaks()
    assert bench.reaches("Training", "My-Job")["TrainingStartTime"]


def test_a_job_that_ended_well_is_described_as_aws_describes_it(bench: Bench) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    algorithm = {"TrainingImage": "trains", "TrainingInputMode": "File", "MetricDefinitions": definitions}
    request = training_request(AlgorithmSpecification=algorithm, HyperParameters={"a": "1"}, Tags=[])
    bench.account.create_training_job(request)
    found = bench.trained()
    assert found.pop("SecondaryStatusTransitions")
    times = {key: found.pop(key) for key in list(found) if key.endswith("Time")}
    assert set(times) == {"CreationTime", "LastModifiedTime", "TrainingStartTime", "TrainingEndTime"}
    assert all(isinstance(time, datetime) and time.tzinfo for time in times.values())
    assert times["CreationTime"] < times["TrainingStartTime"] < times["TrainingEndTime"] <= times["LastModifiedTime"]
    assert found.pop("TrainingTimeInSeconds") == found.pop("BillableTimeInSeconds") > 0
    metric = found.pop("FinalMetricDataList")[0]
    assert (metric["MetricName"], metric["Value"]) == ("loss", 0.5)
    assert found == {
        "TrainingJobName": "job",
        "TrainingJobArn": f"{ARN}:training-job/job",
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/out/job/output/model.tar.gz"},
        "HyperParameters": {"a": "1"},
        "AlgorithmSpecification": {**algorithm, "EnableSageMakerMetricsTimeSeries": True},
        "RoleArn": request["RoleArn"],
        "InputDataConfig": [{**channel("train/"), "CompressionType": "None", "RecordWrapperType": "None"}],
        "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": request["ResourceConfig"],
        "StoppingCondition": {"MaxRuntimeInSeconds": 100},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
    }


def rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["Status"], row["StatusMessage"]) for row in found["SecondaryStatusTransitions"]]


def test_transitions_have_the_platforms_statuses_and_messages(bench: Bench) -> None:
    bench.train()
    found = bench.trained()
    assert rows(found) == [
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "Downloading input data"),
        ("Training", "Training image download completed. Training in progress."),
        ("Uploading", "Uploading generated training model"),
        ("Completed", "Training job completed"),
    ]
    shown = found["SecondaryStatusTransitions"]
    assert all(row["StartTime"] <= row["EndTime"] for row in shown)
    assert [row["EndTime"] for row in shown[:-1]] == [row["StartTime"] for row in shown[1:]]


def test_the_row_of_a_status_that_lasts_has_no_end(bench: Bench) -> None:
    bench.train(image="waits")
    found = bench.reaches("Training")
    assert "EndTime" not in found["SecondaryStatusTransitions"][-1]
    assert "FailureReason" not in found
    assert "TrainingEndTime" not in found


def test_a_job_that_failed_says_why(bench: Bench) -> None:
    bench.train(image="fails")
    found = bench.trained()
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    assert found["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert rows(found)[-1] == ("Failed", "Training job failed")


def test_an_image_that_there_is_not_fails_the_job(bench: Bench) -> None:
    bench.train(image="nowhere")
    found = bench.trained()
    assert found["FailureReason"] == (
        "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are"
        " incorrect."
    )
    assert found.keys().isdisjoint({"TrainingStartTime", "TrainingEndTime", "BillableTimeInSeconds"})


def test_a_program_that_cannot_be_started_has_no_training_time(bench: Bench) -> None:
    bench.engine.fail("start", ContainerNotStarted("exec: train: not found"))
    bench.train()
    found = bench.trained()
    assert found["FailureReason"].endswith("exec: train: not found")
    assert found.keys().isdisjoint({"TrainingStartTime", "TrainingEndTime", "BillableTimeInSeconds"})


def test_an_engine_that_fails_is_an_internal_error_that_says_what_it_was(bench: Bench) -> None:
    bench.engine.fail("create_container", EngineError("the engine is out of order"))
    bench.train()
    assert bench.trained()["FailureReason"] == (
        "InternalServerError: We encountered an internal error. Please try again. (the engine is out of order)"
    )


def test_lines_and_metrics_are_told_while_the_program_runs(bench: Bench) -> None:
    def program(run: Run) -> int:
        run.write("loss=0.25;\tgood\n")
        run.wait_for_signal()
        return 0

    bench.engine.add_image("speaks", program)
    algorithm = {"TrainingImage": "speaks", "TrainingInputMode": "File",
                 "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]}  # fmt: skip
    bench.train(AlgorithmSpecification=algorithm)
    bench.speaks()
    ((group, stream),) = bench.logs.streams
    assert (group, stream[:11]) == ("/aws/sagemaker/TrainingJobs", "job/algo-1-")
    assert stream[11:].isdigit()
    assert bench.logs.streams[group, stream] == ["loss=0.25;#011good"]
    assert bench.metrics.values == [("/aws/sagemaker/TrainingJobs", "loss", {"TrainingJobName": "job"}, 0.25)]
    assert bench.job()["TrainingJobStatus"] == "InProgress"


REFUSALS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no objects": (
        {"InputDataConfig": [channel("nothing/")]},
        InvalidRequest,
        'No S3 objects found under S3 URL "s3://bucket/nothing/" given in input data source. Please ensure that the'
        " bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the role"
        ' "arn:aws:iam::000000000000:role/tests" has "s3:ListBucket" permissions on bucket "bucket".',
    ),
    "no bucket for the output": (
        {"OutputDataConfig": {"S3OutputPath": "s3://elsewhere/out"}},
        InvalidRequest,
        "elsewhere",
    ),
    "a missing member": ({"RoleArn": "x"}, InvalidRequest, "2 validation errors detected: Value 'x' at 'roleArn'"),
    "a member that smlocal lacks": (
        {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}},
        NotSupported,
        "smlocal does not support VpcConfig",
    ),
    "two instances": (
        {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}},
        NotSupported,
        "InstanceCount 2",
    ),
    "an instance type with a GPU": (
        {"ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        NotSupported,
        "ml.g5.xlarge has a GPU",
    ),
    "no reference of an image": (
        {"AlgorithmSpecification": {"TrainingImage": "No Image", "TrainingInputMode": "File"}},
        InvalidRequest,
        "'No Image'",
    ),
    "a key of AWS's own": (
        {"Tags": [{"Key": "aws:name", "Value": "x"}]},
        InvalidRequest,
        "The tag key aws:name cannot be used",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_refused_is_refused_at_once_and_leaves_the_name_free(case: str, bench: Bench) -> None:
    changes, kind, text = REFUSALS[case]
    with pytest.raises(kind) as refused:
        bench.train(**changes)
    assert text in str(refused.value)
    assert type(refused.value) is kind
    assert bench.account.list_training_jobs({})["TrainingJobSummaries"] == []
    bench.train()
    assert bench.trained()["TrainingJobStatus"] == "Completed"


def test_a_name_in_use_is_refused_in_aws_words_also_in_another_case(bench: Bench) -> None:
    bench.train("job")
    bench.trained()
    for name in ("job", "JOB"):
        with pytest.raises(ResourceInUse) as refused:
            bench.train(name)
        assert str(refused.value) == (
            "Training job names must be unique within an AWS account and region, and a training job with this name"
            f" already exists ({ARN}:training-job/job)"
        )


def test_the_name_of_a_run_of_the_command_line_is_in_use(bench: Bench) -> None:
    bench.journal.begin("training job", "job", {}).close()
    with pytest.raises(ResourceInUse):
        bench.train("job")


@pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job", "delete_training_job"])
def test_a_job_that_there_is_not_is_a_validation_exception(operation: str, bench: Bench) -> None:
    with pytest.raises(InvalidRequest, match=r"^Requested resource not found\.$"):
        getattr(bench.account, operation)({"TrainingJobName": "nobody"})


# stop


def test_a_stopped_job_is_stopping_at_once_and_keeps_its_model(bench: Bench) -> None:
    bench.train(image="waits")
    bench.speaks()
    assert bench.stop() == {}
    stopping = bench.job()
    assert stopping["TrainingJobStatus"] in ("Stopping", "Stopped")
    found = bench.trained()
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert rows(found)[-2:] == [("Stopping", "Stopping the training job"), ("Stopped", "Training job stopped")]
    assert bench.store.head("bucket", "out/job/output/model.tar.gz").size > 0
    assert "FailureReason" not in found


def test_a_stopped_job_is_stopped_whatever_its_program_says(bench: Bench) -> None:
    def program(run: Run) -> int:
        run.write("working\n")
        run.wait_for_signal()
        return 9

    bench.engine.add_image("sulks", program)
    bench.train(image="sulks")
    bench.speaks()
    bench.stop()
    found = bench.trained()
    assert (found["TrainingJobStatus"], "FailureReason" in found) == ("Stopped", False)


def test_a_job_that_is_stopped_while_it_uploads_is_stopped(bench: Bench) -> None:
    bench.store.open_for_models.clear()
    bench.train()
    bench.reaches("Uploading")
    bench.stop()
    assert bench.job()["TrainingJobStatus"] == "Stopping"
    bench.store.open_for_models.set()
    found = bench.trained()
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert rows(found)[-3:] == [
        ("Uploading", "Uploading generated training model"),
        ("Stopping", "Stopping the training job"),
        ("Stopped", "Training job stopped"),
    ]


@pytest.mark.parametrize(("image", "status"), [("trains", "Completed"), ("fails", "Failed")])
def test_a_job_that_has_ended_cannot_be_stopped(image: str, status: str, bench: Bench) -> None:
    bench.train(image=image)
    bench.trained()
    with pytest.raises(InvalidRequest) as refused:
        bench.stop()
    assert str(refused.value) == f"The request was rejected because the training job is in status {status}."


def test_the_longest_time_ends_a_job_as_its_own_secondary_status(bench: Bench) -> None:
    bench.train(image="waits", StoppingCondition={"MaxRuntimeInSeconds": 1})
    found = bench.trained()
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


# delete


def test_a_deleted_jobs_name_can_be_used_again(bench: Bench) -> None:
    bench.train(image="fails")
    bench.trained()
    assert bench.account.delete_training_job({"TrainingJobName": "job"}) == {}
    with pytest.raises(InvalidRequest, match="Requested resource not found"):
        bench.job()
    bench.train()
    assert bench.trained()["TrainingJobStatus"] == "Completed"


def test_a_job_that_runs_cannot_be_deleted(bench: Bench) -> None:
    bench.train(image="waits")
    bench.reaches("Training")
    with pytest.raises(ResourceInUse, match="The training job job is in status InProgress"):
        bench.account.delete_training_job({"TrainingJobName": "job"})


# the line


def test_jobs_run_side_by_side_as_far_as_the_machine_goes_and_the_rest_is_pending(
    new_bench: Callable[..., Bench],
) -> None:
    bench = new_bench(cpus=4)
    for number in range(4):
        bench.train(f"job-{number}", "waits")
    for number in (0, 1):
        bench.reaches("Training", f"job-{number}")
    for number in (2, 3):
        found = bench.reaches("Pending", f"job-{number}")
        assert found["TrainingJobStatus"] == "InProgress"
        assert rows(found) == [
            ("Starting", "Starting the training job"),
            ("Pending", "Training job waiting for capacity"),
        ]
    bench.stop("job-1")
    found = bench.reaches("Training", "job-2")
    assert rows(found)[:3] == [
        ("Starting", "Starting the training job"),
        ("Pending", "Preparing the instances for training"),
        ("Downloading", "Downloading input data"),
    ]
    assert bench.job("job-3")["SecondaryStatus"] == "Pending"


def test_a_job_that_waits_can_be_stopped_and_never_runs(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(cpus=2)
    bench.train("first", "waits")
    bench.reaches("Training", "first")
    bench.train("second", "waits")
    bench.reaches("Pending", "second")
    bench.stop("second")
    found = bench.trained("second")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "TrainingStartTime" not in found
    assert bench.job("first")["SecondaryStatus"] == "Training"


def test_nobody_is_overtaken_in_the_line(new_bench: Callable[..., Bench]) -> None:
    """A big job would wait for ever behind small ones."""
    bench = new_bench(cpus=4)
    small, big = ({"ResourceConfig": {"InstanceType": f"ml.m5.{size}", "InstanceCount": 1, "VolumeSizeInGB": 1}}
                  for size in ("large", "xlarge"))  # fmt: skip
    bench.train("first", "waits", **small)
    bench.reaches("Training", "first")
    bench.train("big", "waits", **big)
    bench.train("second", "waits", **small)
    bench.reaches("Pending", "second")
    assert bench.job("big")["SecondaryStatus"] == "Pending"
    bench.stop("first")
    bench.reaches("Training", "big")
    assert bench.job("second")["SecondaryStatus"] == "Pending"


def test_a_job_whose_data_went_while_it_waited_fails_as_a_client_error(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(cpus=2)
    bench.train("first", "waits")
    bench.reaches("Training", "first")
    bench.train("second")
    bench.store.delete("bucket", "train/a.csv")
    bench.stop("first")
    assert bench.trained("second")["FailureReason"].startswith(
        'ClientError: Data download failed:No S3 objects found under S3 URL "s3://bucket/train/"'
    )


# the log


def test_jobs_that_had_ended_are_described_as_before_by_the_next_process(bench: Bench, killed: Killed) -> None:
    for image in ("trains", "fails"):
        bench.train(f"job-{image}", image)
        bench.trained(f"job-{image}")
    later = killed(bench)
    for image in ("trains", "fails"):
        assert later.job(f"job-{image}") == bench.job(f"job-{image}")


def test_a_job_that_ran_when_smlocal_was_killed_is_failed_and_says_so(bench: Bench, killed: Killed) -> None:
    bench.train("ran", "waits")
    bench.reaches("Training", "ran")
    found = killed(bench).job("ran")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    assert found["FailureReason"] == (
        "InternalServerError: smlocal was ended while the job ran, and what the job had not uploaded is lost."
        " Please try again."
    )
    assert rows(found)[-1] == ("Failed", "Training job failed")
    assert found["TrainingEndTime"] > found["TrainingStartTime"]


def test_a_job_that_waited_when_smlocal_was_killed_runs_later(new_bench: Callable[..., Bench], killed: Killed) -> None:
    bench = new_bench(cpus=2)
    bench.train("first", "waits")
    bench.reaches("Training", "first")
    bench.train("second")
    bench.reaches("Pending", "second")
    assert killed(bench).trained("second")["TrainingJobStatus"] == "Completed"


def test_a_clean_end_ends_jobs_as_a_kill_does(bench: Bench) -> None:
    bench.train("ran", "waits")
    bench.reaches("Training", "ran")
    bench.account.close()
    assert bench.launcher.mine() == []
    bench.account = bench.open()
    bench.account.resume()
    assert bench.job("ran")["FailureReason"].startswith("InternalServerError: smlocal was ended while the job ran")


def test_a_job_that_waits_at_a_clean_end_waits_on(new_bench: Callable[..., Bench]) -> None:
    bench = new_bench(cpus=2)
    bench.train("first", "waits")
    bench.reaches("Training", "first")
    bench.train("second")
    bench.reaches("Pending", "second")
    bench.account.close()
    bench.account = bench.open()
    assert bench.job("second")["SecondaryStatus"] == "Pending"
    bench.account.resume()
    assert bench.trained("second")["TrainingJobStatus"] == "Completed"


def test_more_than_fifty_tags_are_too_many(bench: Bench) -> None:
    bench.train(Tags=[{"Key": f"key-{number}", "Value": "x"} for number in range(50)])
    arn = f"{ARN}:training-job/job"
    with pytest.raises(ResourceLimitExceeded, match="51"):
        bench.account.add_tags({"ResourceArn": arn, "Tags": [{"Key": "one more", "Value": "x"}]})


def test_a_program_of_the_built_in_algorithm_has_the_metric_definitions_that_aws_adds(bench: Bench) -> None:
    bench.engine.add_image("smlocal/xgboost:latest", Script(files={"/opt/ml/model/weights": b"1"}))
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    bench.train(image=image, HyperParameters={"objective": "reg:squarederror"})
    algorithm = bench.job()["AlgorithmSpecification"]
    assert algorithm["TrainingImage"] == image
    assert "validation:rmse" in [item["Name"] for item in algorithm["MetricDefinitions"]]
    assert bench.trained()["TrainingJobStatus"] == "Completed"


def test_every_status_is_one_that_aws_has(bench: Bench) -> None:
    bench.train(image="waits")
    seen = set()
    bench.speaks()
    bench.stop()
    until(lambda: seen.add(bench.job()["TrainingJobStatus"]) or bench.job()["TrainingJobStatus"], ENDED.__contains__)
    assert seen <= {"InProgress", "Stopping", "Stopped"}

"""How a job ends, by what its container did: status, text and artefacts, on real containers.

Sources: developer guide, your-algorithms-training-signal-success-failure and -algo-output; texts as users saw them
(grand-challenge.org's backend, aws/amazon-sagemaker-examples issues 3650 and 739, aws/sagemaker-python-sdk issue 57).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smlocal.errors import InvalidRequest, NoSuchBucket, NotSupported
from tests.training.conftest import BUCKET, Jobs

pytestmark = pytest.mark.engine


def test_a_good_job_completes_with_its_model_and_other_output(jobs: Jobs) -> None:
    result = jobs.run("trains_well")
    assert result.status == "Completed"
    assert "FailureReason" not in result.description
    assert jobs.archive(result)
    assert jobs.archive(result, "output.tar.gz")


def test_members_of_the_archive_are_relative_to_the_model_directory(jobs: Jobs) -> None:
    names = jobs.archive(jobs.run("saves_on_sigterm", stop_at="working"))
    assert names == {"model.txt": b"saved when told to stop\n"}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("exits_1_with_failure_file", "AlgorithmError: The data is sour., exit code: 1"),
        ("exits_1_without_failure_file", "AlgorithmError: , exit code: 1"),
        ("exits_3", "AlgorithmError: , exit code: 3"),
        ("dies_of_a_signal", "AlgorithmError: , exit code: 139"),
    ],
)
def test_a_failed_job_says_why_in_sagemakers_words(jobs: Jobs, fault: str, reason: str) -> None:
    result = jobs.run(fault)
    assert (result.status, result.description["SecondaryStatus"]) == ("Failed", "Failed")
    assert result.description["FailureReason"] == reason


def test_a_failed_job_keeps_what_it_had_written(jobs: Jobs) -> None:
    assert jobs.archive(jobs.run("exits_3"))


def test_a_failure_text_that_is_too_long_is_cut_and_the_exit_code_stays(jobs: Jobs) -> None:
    reason = jobs.run("failure_of_5000_characters").description["FailureReason"]
    assert len(reason) == 1024
    assert reason.startswith("AlgorithmError: 0000 é 0001 é ")
    assert reason.endswith(", exit code: 1")


def test_a_failure_text_that_is_not_utf8_is_still_told(jobs: Jobs) -> None:
    result = jobs.run("failure_not_utf8")
    assert result.description["FailureReason"].startswith("AlgorithmError: ")
    assert result.description["FailureReason"].endswith(", exit code: 1")


def test_a_failure_file_counts_only_when_the_job_fails(jobs: Jobs) -> None:
    result = jobs.run("exits_0_with_failure_file")
    assert result.status == "Completed"
    assert "FailureReason" not in result.description


def test_a_job_that_writes_no_model_completes_without_an_archive(jobs: Jobs) -> None:
    result = jobs.run("writes_no_model")
    assert result.status == "Completed"
    assert jobs.keys(f"out/{result.description['TrainingJobName']}/") == []
    assert result.description["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model.tar.gz")


def test_running_out_of_memory_is_told_as_sagemaker_tells_it(jobs: Jobs) -> None:
    result = jobs.run("fills_memory")
    assert result.evidence.out_of_memory
    assert result.description["FailureReason"] == (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an"
        " instance."
    )


def test_a_missing_train_is_told_with_the_engines_words(jobs: Jobs) -> None:
    result = jobs.run("none", image="smlocal/base:latest")
    reason = result.description["FailureReason"]
    assert reason.startswith("ClientError: Artifact upload failed:API error (400): ")
    assert 'exec: "train": executable file not found in $PATH' in reason
    assert result.evidence.exit_code is None


def test_an_image_that_the_engine_lacks_is_told_as_sagemaker_tells_it(jobs: Jobs) -> None:
    result = jobs.run("none", image="smlocal-test/there-is-none:1")
    assert result.description["FailureReason"] == (
        "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are"
        " incorrect."
    )


def test_a_stopped_job_is_stopped_and_keeps_what_it_saved(jobs: Jobs) -> None:
    result = jobs.run("saves_on_sigterm", stop_at="working")
    assert (result.status, result.description["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert not result.evidence.killed_after_grace
    assert jobs.archive(result)


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace_and_keeps_what_it_had(jobs: Jobs) -> None:
    result = jobs.run("ignores_sigterm", stop_at="working")
    assert (result.status, result.description["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert result.evidence.killed_after_grace
    assert jobs.archive(result) == {"model.txt": b"what there was\n"}


def test_a_job_over_its_time_is_stopped_and_says_so(jobs: Jobs) -> None:
    result = jobs.run("saves_on_sigterm", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (result.status, result.description["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert jobs.archive(result) == {"model.txt": b"saved when told to stop\n"}


def test_an_uncompressed_model_is_objects_under_a_prefix(jobs: Jobs) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/out/", "CompressionType": "NONE"}
    result = jobs.run("saves_on_sigterm", stop_at="working", OutputDataConfig=output)
    base = f"out/{result.description['TrainingJobName']}/output/model/"
    assert jobs.keys(base) == [f"{base}model.txt"]
    assert result.description["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{base}"


def test_an_output_bucket_that_is_missing_is_told_before_anything_runs(jobs: Jobs) -> None:
    with pytest.raises(NoSuchBucket):
        jobs.run("trains_well", OutputDataConfig={"S3OutputPath": "s3://nowhere-at-all/out"})


def test_an_empty_prefix_is_refused_before_anything_runs(jobs: Jobs) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/nothing/"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    with pytest.raises(InvalidRequest, match='No S3 objects found under S3 URL "s3://training-tests/nothing/"'):
        jobs.run("trains_well", InputDataConfig=[channel])


def test_a_name_cannot_be_used_twice(jobs: Jobs) -> None:
    name = jobs.run("trains_well").description["TrainingJobName"]
    with pytest.raises(InvalidRequest, match="must be unique within an AWS account and region"):
        jobs.run("trains_well", TrainingJobName=name)


def test_a_gpu_type_without_a_gpu_is_refused(jobs: Jobs) -> None:
    wanted = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    with pytest.raises(NotSupported, match="has a GPU"):
        jobs.run("trains_well", ResourceConfig=wanted)


def test_statuses_come_with_sagemakers_messages_in_its_order(jobs: Jobs) -> None:
    jobs.put("train/a", b"1")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    result = jobs.run("trains_well", InputDataConfig=[channel])
    assert jobs.statuses == [
        ("Starting", "Starting the training job"),
        ("Starting", "Launching requested ML instances"),
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "Downloading input data"),
        ("Training", "Downloading the training image"),
        ("Training", "Training image download completed. Training in progress."),
        ("Uploading", "Uploading generated training model"),
        ("Completed", "Training job completed"),
    ]
    rows = result.description["SecondaryStatusTransitions"]
    assert [row["Status"] for row in rows] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [row["StatusMessage"] for row in rows][2] == "Training image download completed. Training in progress."
    assert all(row["StartTime"] <= row["EndTime"] for row in rows)


@pytest.mark.parametrize(
    ("fault", "changes", "stop_at", "endings"),
    [
        ("exits_3", {}, None, ["Training", "Uploading", "Failed"]),
        ("saves_on_sigterm", {}, "working", ["Training", "Stopping", "Stopped"]),
        (
            "saves_on_sigterm",
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1}},
            None,
            ["Training", "Stopping", "MaxRuntimeExceeded"],
        ),
    ],
)
def test_every_ending_has_its_statuses(
    jobs: Jobs, fault: str, changes: dict[str, Any], stop_at: str | None, endings: list[str]
) -> None:
    """Source: API, DescribeTrainingJobResponse: Uploading is a state of InProgress, and a stopping job is none."""
    result = jobs.run(fault, stop_at=stop_at, **changes)
    rows = result.description["SecondaryStatusTransitions"]
    assert [row["Status"] for row in rows] == ["Starting", *endings]
    assert rows[-1]["StatusMessage"].startswith("Training job")
    assert jobs.archive(result)


def test_members_without_effect_are_told(jobs: Jobs) -> None:
    result = jobs.run("trains_well", Tags=[{"Key": "a", "Value": "b"}])
    assert [note for note in result.evidence.notes if "Tags" in note]


def test_a_job_without_channels_does_not_download(jobs: Jobs) -> None:
    jobs.run("trains_well")
    assert "Downloading" not in [status for status, _ in jobs.statuses]


def test_limits_that_are_scaled_are_said(new_jobs: Callable[..., Jobs]) -> None:
    assert new_jobs().run("trains_well").evidence.scaled_limits == ("training_stop_grace=2.0",)

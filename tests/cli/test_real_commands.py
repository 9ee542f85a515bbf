"""The commands on real containers: what they print, where files land, how they exit."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

pytestmark = pytest.mark.engine

Command = Callable[..., Said]


def test_a_folder_gets_the_model_and_the_job_says_where(smlocal: Command, broken_image: str) -> None:
    Path("my data").mkdir()
    Path("my data/a.csv").write_text("1,2\n")
    said = smlocal(
        "train", broken_image, "--channel", "train=my data,content-type=text/csv", "--env", "FAULT=trains_well",
        "--output", "my output", "--job-name", "first", "--instance-type", "ml.t3.medium",
    )  # fmt: skip
    assert said.code == 0, said
    archive = Path("my output/first/output/model.tar.gz")
    assert tarfile.is_tarfile(archive)
    assert f"model: {archive.resolve()}" in said.out
    assert said.out.endswith("\nCompleted\n")
    assert "Training - Training image download completed. Training in progress." in said.err
    assert "not to AWS" in said.err


def test_a_failed_job_is_exit_1_with_its_reason(smlocal: Command, broken_image: str) -> None:
    said = smlocal("train", broken_image, "--env", "FAULT=exits_1_with_failure_file")
    assert said.code == 1
    assert "FailureReason: AlgorithmError: The data is sour., exit code: 1" in said.out


def test_json_is_one_versioned_document_on_standard_output(smlocal: Command, broken_image: str) -> None:
    said = smlocal("train", broken_image, "--env", "FAULT=trains_well", "--format", "json")
    assert (said.json["version"], said.json["kind"]) == (1, "training-job")
    assert said.json["TrainingJobStatus"] == "Completed"


def test_quiet_says_nothing_on_the_way(smlocal: Command, broken_image: str) -> None:
    said = smlocal("train", broken_image, "--env", "FAULT=trains_well", "-q")
    assert said.err == ""
    assert "Completed" in said.out


def test_a_whole_request_is_taken_from_a_file(smlocal: Command, broken_image: str) -> None:
    request = {
        "TrainingJobName": "from-a-file",
        "AlgorithmSpecification": {"TrainingImage": broken_image, "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "HyperParameters": {"fault": "trains_well"},
        "OutputDataConfig": {"S3OutputPath": "s3://my-bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    Path("request.json").write_text(json.dumps(request))
    said = smlocal("train", "--cli-input-json", "request.json")
    assert said.code == 0, said
    assert "model: s3://my-bucket/out/from-a-file/output/model.tar.gz" in said.out


def test_the_log_is_there_after_the_container_is_gone(smlocal: Command, broken_image: str) -> None:
    smlocal("train", broken_image, "--env", "FAULT=prints_control_characters", "--job-name", "loud")
    said = smlocal("logs", "loud")
    assert said.code == 0
    assert said.out.startswith("tab#011here train:loss=#0110.5\n")


def test_what_was_kept_is_listed_and_pruned(smlocal: Command, broken_image: str) -> None:
    smlocal("train", broken_image, "--env", "FAULT=trains_well", "--job-name", "kept", "--keep")
    listed = smlocal("ps", "--format", "json").json["containers"]
    mine = [row for row in listed if row["name"] == "kept"]
    assert [(row["kept"], row["running"], row["alive"]) for row in mine] == [(True, False, True)]
    assert "kept" in smlocal("ps").out
    # this very process owns it and lives, so that prune must leave it; a child's would go
    smlocal("prune")
    assert [row for row in smlocal("ps", "--format", "json").json["containers"] if row["name"] == "kept"]
    _remove_mine()


def _remove_mine() -> None:
    from smlocal.settings import Settings
    from smlocal.wiring import Program

    with Program(Settings()) as program:
        for item in sorted(program.launcher.mine(), key=lambda found: found.kind):
            if item.kind == "container":
                program.engine.remove_container(item.id)
        for item in program.launcher.mine():
            program.engine.remove_volume(item.name)


def test_transform_writes_an_out_file_for_each_input(smlocal: Command, broken_image: str) -> None:
    Path("in").mkdir()
    Path("in/a.csv").write_text("1\n2\n")
    said = smlocal(
        "transform", broken_image, "--env", "FAULT=records_echo", "--input", "in", "--output", "out",
        "--content-type", "text/csv", "--split-type", "Line", "--strategy", "SingleRecord", "--assemble-with", "Line",
    )  # fmt: skip
    assert said.code == 0, said
    assert Path("out/a.csv.out").read_bytes() == b"1\n2\n"
    assert f"output: {Path('out').resolve()}\n" in said.out


def test_a_failed_transform_is_exit_1_and_names_the_object(smlocal: Command, broken_image: str) -> None:
    Path("a.csv").write_text("boom\n")
    said = smlocal(
        "transform", broken_image, "--env", "FAULT=fails_on_boom", "--input", "a.csv", "--output", "out",
        "--content-type", "text/csv", "--split-type", "Line",
    )  # fmt: skip
    assert said.code == 1
    assert f"{Path('a.csv').resolve()}: ClientError: 400" in said.err
    assert "ClientError: See job logs for more information" in said.out
    assert not Path("out/a.csv.out").exists()


def test_doctor_answers_in_json(smlocal: Command) -> None:
    said = smlocal("doctor", "--format", "json")
    assert said.code in (0, 3)
    assert said.json["version"] == 1


def test_images_are_listed(smlocal: Command) -> None:
    assert "smlocal/base:latest" in smlocal("images", "list").out

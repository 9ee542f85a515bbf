"""Checkpoints are restored before a job and kept while it runs; a user's own folder is only added to.

Source: developer guide, model-checkpoints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smlocal.storage.mounted import mount_of
from smlocal.training import TrainingResult
from smlocal.wiring import Program
from tests.training.conftest import BUCKET, Jobs

pytestmark = pytest.mark.engine

URI = f"s3://{BUCKET}/checkpoints/run"


def run(jobs: Jobs, script: str, config: dict[str, Any], **options: Any) -> TrainingResult:
    algorithm = {
        "TrainingImage": jobs.image,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-ec"],
        "ContainerArguments": [script],
    }
    result = jobs.run("none", AlgorithmSpecification=algorithm, CheckpointConfig=config, **options)
    assert result.status == "Completed", (result.description, jobs.lines)
    return result


def test_what_a_job_wrote_is_kept_as_plain_objects(jobs: Jobs) -> None:
    run(jobs, "mkdir /opt/ml/checkpoints/e1; echo one > /opt/ml/checkpoints/e1/w", {"S3Uri": URI})
    assert jobs.keys("checkpoints/") == ["checkpoints/run/e1/w"]
    assert jobs.get("checkpoints/run/e1/w") == b"one\n"


def test_what_was_kept_is_there_when_the_next_job_begins(jobs: Jobs) -> None:
    jobs.put("checkpoints/run/e1/w", b"one\n")
    jobs.put("checkpoints/run-old/e1/w", b"another run's\n")
    run(jobs, "cat /state/e1/w; ls /state; cat /opt/ml/input/config/checkpointconfig.json",
        {"S3Uri": URI, "LocalPath": "/state"})  # fmt: skip
    assert jobs.lines == ["one", "e1", '{"LocalPath":"/state"}']


def test_the_way_to_the_checkpoints_keeps_its_owners_and_modes(jobs: Jobs) -> None:
    run(jobs, "stat -c '%a %U' /var/tmp /var/tmp/run /opt/ml", {"S3Uri": URI, "LocalPath": "/var/tmp/run"})
    assert jobs.lines == ["1777 root", "755 root", "755 root"]


def test_what_a_job_deleted_is_deleted_in_the_bucket(jobs: Jobs) -> None:
    jobs.put("checkpoints/run/old", b"old")
    run(jobs, "rm /opt/ml/checkpoints/old; echo new > /opt/ml/checkpoints/new", {"S3Uri": URI})
    assert jobs.keys("checkpoints/") == ["checkpoints/run/new"]


def test_markers_of_the_platforms_sync_are_not_kept(jobs: Jobs) -> None:
    run(jobs, "cd /opt/ml/checkpoints; touch a a.sagemaker-uploading a.sagemaker-uploaded", {"S3Uri": URI})
    assert jobs.keys("checkpoints/") == ["checkpoints/run/a"]


def test_a_checkpoint_is_kept_while_the_job_still_runs(jobs: Jobs) -> None:
    jobs.program.training.checkpoint_interval = 0.2
    seen: list[list[str]] = []
    script = "echo one > /opt/ml/checkpoints/w; sleep 2; echo look; rm /opt/ml/checkpoints/w"
    run(jobs, script, {"S3Uri": URI}, at_line=lambda line: seen.append(jobs.keys("checkpoints/")))
    assert seen == [["checkpoints/run/w"]]
    assert jobs.keys("checkpoints/") == []


def test_a_folder_of_the_users_disk_is_added_to_and_never_deleted_from(jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "my checkpoints"
    folder.mkdir()
    (folder / "old").write_text("old")
    bucket, mount = mount_of(folder, writable=True)
    mine = Jobs(Program(jobs.program.settings, {bucket: mount}), jobs.image)
    run(mine, "rm /opt/ml/checkpoints/old; echo new > /opt/ml/checkpoints/new",
        {"S3Uri": f"s3://{bucket}/{mount.prefix}"})  # fmt: skip
    mine.program.close()
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"old": "old", "new": "new\n"}

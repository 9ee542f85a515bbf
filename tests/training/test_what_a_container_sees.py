"""What a training container finds: files, modes, environment, limits, network, as the platform has them.

Sources: developer guide, your-algorithms-training-algo-running-container; captures of real jobs (2020, 2022).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smlocal import optml
from tests.training.conftest import BUCKET, Jobs

pytestmark = pytest.mark.engine


def channel(prefix: str, name: str = "train", **more: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **more}


def probed(jobs: Jobs, **changes: Any) -> dict[str, Any]:
    """What the container saw and reached."""
    result = jobs.run("probe", **changes)
    assert result.status == "Completed", result.description
    found: dict[str, Any] = json.loads(jobs.archive(result)["probe.json"])
    return found


@pytest.fixture
def seen(jobs: Jobs) -> dict[str, Any]:
    jobs.put("data/train/a.csv", b"1,2\n")
    jobs.put("data/train/deep/b c.csv", b"3,4\n")
    return probed(
        jobs,
        TrainingJobName="Job-With-Case",
        HyperParameters={"depth": "5", "fault": "probe"},
        Environment={"FAULT": "probe", "MINE": " a=b "},
        InputDataConfig=[channel("data/train/", ContentType="text/csv"), channel("data/train/a.csv", "one")],
    )


def mode(seen: dict[str, Any], path: str) -> tuple[str, str, int, int]:
    entry = seen["optml"][path]
    return entry["kind"], entry["mode"], entry["uid"], entry["gid"]


@pytest.mark.parametrize(
    "path",
    [
        "/opt/ml/input",
        "/opt/ml/input/config",
        "/opt/ml/input/data",
        "/opt/ml/input/data/train",
        "/opt/ml/input/data/train/deep",
        "/opt/ml/input/data/one",
        "/opt/ml/model",
        "/opt/ml/output",
        "/opt/ml/output/data",
        "/opt/ml/output/metrics/sagemaker",
        "/opt/ml/output/profiler",
    ],
)
def test_directories_are_there_and_belong_to_root(jobs: Jobs, path: str) -> None:
    jobs.put("data/train/deep/a.csv", b"1\n")
    inputs = [channel("data/train/"), channel("data/train/deep/a.csv", "one")]
    assert mode(probed(jobs, InputDataConfig=inputs), path) == ("directory", "0755", 0, 0)


def test_files_are_readable_by_all_and_keep_their_folders(seen: dict[str, Any]) -> None:
    for path in ("train/a.csv", "train/deep/b c.csv", "train-manifest", "one/a.csv"):
        assert mode(seen, f"/opt/ml/input/data/{path}") == ("file", "0644", 0, 0)
    for name in ("hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"):
        assert mode(seen, f"/opt/ml/input/config/{name}") == ("file", "0644", 0, 0)


def test_the_documented_files_have_the_documented_bytes(seen: dict[str, Any]) -> None:
    config = {name: base64.b64decode(text).decode() for name, text in seen["config"].items()}
    assert config["hyperparameters.json"] == '{"depth":"5","fault":"probe"}'
    assert config["inputdataconfig.json"] == (
        '{"train":{"ContentType":"text/csv","TrainingInputMode":"File","S3DistributionType":"FullyReplicated",'
        '"RecordWrapperType":"None"},"one":{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated",'
        '"RecordWrapperType":"None"}}'
    )
    assert config["resourceconfig.json"] == optml.compact(optml.resource_config("ml.t3.medium"))
    assert config["metric-definition-regex.json"] == "[]"
    assert "init-config.json" in config


def test_the_environment_is_the_platforms_and_the_requests(seen: dict[str, Any]) -> None:
    found = seen["environment"]
    assert found["TRAINING_JOB_NAME"] == "Job-With-Case"
    assert found["TRAINING_JOB_ARN"].endswith(":training-job/job-with-case")
    assert found["AWS_REGION"] == "us-east-1"
    assert "AWS_DEFAULT_REGION" not in found
    assert found["MINE"] == " a=b "


def test_train_is_the_only_argument_and_there_is_no_terminal(seen: dict[str, Any]) -> None:
    # the broken image has no ENTRYPOINT: its `train` is the program, and the word is not one of its arguments
    assert seen["argv"][1:] == []
    assert seen["stdio"]["tty"] == [False, False, False]
    assert "/dev/null" in seen["stdio"]["stdin"]


def test_the_images_entrypoint_is_kept_and_gets_the_word_train(
    jobs: Jobs, build_image: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(
        'FROM smlocal/base:latest\nENTRYPOINT ["/bin/sh", "-c", "echo $0 $@", "entry"]\nCMD ["never"]\n'
    )
    result = jobs.run("none", image=build_image(tmp_path, "smlocal-test/entrypoint:latest"))
    assert (result.status, jobs.lines) == ("Completed", ["entry train"])


def test_the_host_has_an_ec2_name_and_knows_algo_1(seen: dict[str, Any]) -> None:
    assert seen["process"]["hostname"] == optml.hostname("Job-With-Case", "us-east-1")
    assert "algo-1" in seen["hosts"]


def test_the_instance_sets_memory_and_processors(seen: dict[str, Any]) -> None:
    cgroup = seen["cgroup"]
    memory = (cgroup["memory"] or cgroup["memory_v1"]).strip()
    assert int(memory) == 4 * 1024**3
    assert seen["shm_bytes"] == 64 * 1024**2


def test_an_isolated_job_reaches_nothing_and_has_no_credentials(jobs: Jobs) -> None:
    seen = probed(jobs, EnableNetworkIsolation=True)
    states = {key: answer["state"] for key, answer in seen["reach"].items() if key != "gateway"}
    assert not [key for key, state in states.items() if state in ("answered", "refused", "resolved")], states
    assert not [name for name in seen["environment"] if name.startswith("AWS_") and "KEY" in name]


def test_a_job_that_is_not_isolated_has_a_network(jobs: Jobs) -> None:
    states = {answer["state"] for answer in probed(jobs)["reach"].values()}
    assert states & {"answered", "refused", "resolved"}


def test_arguments_replace_train_and_an_entrypoint_replaces_the_images(jobs: Jobs) -> None:
    script = "echo entry: $0 $1; test ! -e /opt/ml/model/x"
    algorithm = {
        "TrainingImage": jobs.image,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh"],
        "ContainerArguments": ["-c", script, "zero", "one"],
    }
    result = jobs.run("none", AlgorithmSpecification=algorithm)
    assert result.status == "Completed"
    assert jobs.lines == ["entry: zero one"]

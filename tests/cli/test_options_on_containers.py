"""Each option of `train` and `transform` has its effect on a real container."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.conftest import Said

pytestmark = [pytest.mark.engine, pytest.mark.slow]

Command = Callable[..., Said]

_COUNTS_STARTS = """#!/usr/bin/env python3
from pathlib import Path
count = Path("/opt/ml/checkpoints/count")
starts = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(starts))
print(f"start {starts}", flush=True)
"""


@pytest.fixture(scope="module")
def counting_image(build_image: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that counts its starts in a checkpoint."""
    folder = tmp_path_factory.mktemp("counting")
    (folder / "train").write_text(_COUNTS_STARTS)
    (folder / "train").chmod(0o755)
    (folder / "Dockerfile").write_text("FROM smlocal/base:latest\nCOPY train /usr/local/bin/train\n")
    return build_image(folder, "smlocal-test/counting:latest")


def member(archive: Path, name: str) -> Any:
    with tarfile.open(archive) as opened:
        stream = opened.extractfile(name)
        assert stream is not None
        return json.load(stream)


def test_hyperparameters_and_environment_reach_the_container(smlocal: Command, broken_image: str) -> None:
    Path("h.json").write_text(json.dumps({"fault": "probe", "depth": 3, "eta": "0.1"}))
    said = smlocal(
        "train", broken_image, "--hyperparameters", "h.json", "-p", "depth=4", "-p", "note=a=b", "--env", "MINE=x y",
        "--output", "out", "--job-name", "seen", "-q",
    )  # fmt: skip
    assert said.code == 0, said
    seen = member(Path("out/seen/output/model.tar.gz"), "probe.json")
    text = base64.b64decode(seen["config"]["hyperparameters.json"])
    assert json.loads(text) == {"fault": "probe", "depth": "4", "eta": "0.1", "note": "a=b"}
    assert seen["environment"]["MINE"] == "x y"
    assert seen["environment"]["TRAINING_JOB_NAME"] == "seen"


@pytest.mark.parametrize(("words", "mode"), [([], "0755"), (["--strict"], "0644")], ids=["usual", "strict"])
def test_a_channels_type_is_told_in_a_folder_that_is_strict_on_request(
    smlocal: Command, broken_image: str, words: list[str], mode: str
) -> None:
    Path("a.csv").write_text("1,2\n")
    said = smlocal(
        "train", broken_image, "--channel", "train=a.csv,content-type=text/csv", "--channel", "bare=a.csv",
        "-p", "fault=probe", "--output", "out", "--job-name", "seen", *words,
    )  # fmt: skip
    assert said.code == 0, said
    seen = member(Path("out/seen/output/model.tar.gz"), "probe.json")
    config = json.loads(base64.b64decode(seen["config"]["inputdataconfig.json"]))
    assert config["train"]["ContentType"] == "text/csv"
    assert "ContentType" not in config["bare"]
    assert seen["optml"]["/opt/ml/input/config"]["mode"] == mode


def test_the_region_reaches_the_container(smlocal: Command, broken_image: str) -> None:
    said = smlocal(
        "--region", "eu-west-1", "train", broken_image, "-p", "fault=probe", "--output", "out", "--job-name", "seen"
    )
    assert said.code == 0, said
    assert member(Path("out/seen/output/model.tar.gz"), "probe.json")["environment"]["AWS_REGION"] == "eu-west-1"


def test_checkpoints_are_kept_and_restored_by_the_next_job(smlocal: Command, counting_image: str) -> None:
    for starts in (1, 2):
        said = smlocal("train", counting_image, "--checkpoints", "kept here")
        assert said.code == 0, said
        assert f"start {starts}\n" in said.out
        assert Path("kept here/count").read_text() == str(starts)


def test_checkpoints_go_to_a_bucket_that_is_made(smlocal: Command, counting_image: str, tmp_path: Path) -> None:
    said = smlocal("train", counting_image, "--checkpoints", "s3://new-bucket/some/where")
    assert said.code == 0, said
    assert (tmp_path / "state/s3/new-bucket").is_dir()
    assert "start 2\n" in smlocal("train", counting_image, "--checkpoints", "s3://new-bucket/some/where").out


def test_a_job_is_stopped_after_its_time(smlocal: Command, broken_image: str) -> None:
    said = smlocal("train", broken_image, "--env", "FAULT=saves_on_sigterm", "--max-runtime", "1", "--output", "out")
    assert said.code == 0, said
    assert "Stopped (MaxRuntimeExceeded)" in said.out


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["train"], "ClientError: Cannot pull algorithm container."),
        (["serve"], "Please make sure all images included in the model for the production variant AllTraffic exist"),
        (["transform", "--input", "."], "The image of the transform job's model does not exist"),
    ],
    ids=["train", "serve", "transform"],
)
def test_an_image_that_is_not_there_is_told_in_the_commands_own_words(
    smlocal: Command, command: list[str], text: str, tmp_path: Path
) -> None:
    said = smlocal(*command, "no-such-image:1", "--pull", "never")
    assert said.code == 3
    assert said.err.splitlines()[-1].startswith(f"smlocal: {text}")
    assert said.err.endswith("The engine does not hold no-such-image:1, and --pull is 'never'.\n")
    assert "pulling" not in said.err
    assert not (tmp_path / "state/s3").exists(), "no bucket is made for it"
    assert not (tmp_path / "state/jobs").exists()


def test_an_image_that_is_there_needs_no_pull(smlocal: Command, broken_image: str) -> None:
    said = smlocal("train", broken_image, "--env", "FAULT=trains_well", "--pull", "never")
    assert said.code == 0
    assert "pulling" not in said.err


def test_a_pull_is_told(smlocal: Command) -> None:
    said = smlocal("train", "127.0.0.1:9/nobody/here:1")
    assert said.code == 3
    assert "pulling 127.0.0.1:9/nobody/here:1\n" in said.err


def test_s3_addresses_lead_to_the_users_own_server(
    smlocal: Command, broken_image: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="commands")
    client.put_object(Bucket="commands", Key="data/a.csv", Body=b"1,2\n")
    said = smlocal(
        "train", broken_image, "--channel", "train=s3://commands/data/", "-p", "fault=probe",
        "--output", "s3://commands/out", "--job-name", "far", "--s3-endpoint-url", s3_endpoint,
    )  # fmt: skip
    assert said.code == 0, said
    assert f"s3:// addresses lead to {s3_endpoint}, not to AWS" in said.err
    client.download_file("commands", "out/far/output/model.tar.gz", "model.tar.gz")
    assert "/opt/ml/input/data/train/a.csv" in member(Path("model.tar.gz"), "probe.json")["optml"]
    refused = smlocal(
        "train", broken_image, "--output", "s3://not-made/out", "--s3-endpoint-url", s3_endpoint, "-p", "fault=probe"
    )
    assert refused.code != 0
    assert "not-made" in refused.err
    client.close()


def test_the_choices_of_a_transform_job_hold(smlocal: Command, broken_image: str) -> None:
    Path("in").mkdir()
    Path("in/a.csv").write_text("1\n" * 10)
    said = smlocal(
        "transform", broken_image, "--env", "FAULT=records_echo", "--input", "in", "--output", "out", "-v",
        "--content-type", "text/csv", "--split-type", "Line", "--strategy", "MultiRecord", "--assemble-with", "Line",
        "--max-payload", "1", "--concurrency", "3", "--job-name", "chosen",
    )  # fmt: skip
    assert said.code == 0, said
    assert "data-log: " in said.err
    assert "MaxConcurrentTransforms=3, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD" in said.err
    assert said.err.count("body of 20 bytes") == 1
    assert "transform job chosen\n" in said.err
    assert Path("out/a.csv.out").read_text() == "1\n" * 10


def test_accept_and_the_models_folder_reach_the_container(smlocal: Command, broken_image: str) -> None:
    Path("model").mkdir()
    Path("model/weights").write_text("w")
    Path("a.csv").write_text("1\n2\n")
    words = ["transform", broken_image, "--input", "a.csv", "--output", "out", "--model", "model"]
    said = smlocal(*words, "--env", "FAULT=echo", "--content-type", "text/csv", "--accept", "application/json")
    assert said.code == 0, said
    headers = dict(json.loads(Path("out/a.csv.out").read_text())["headers"])
    assert (headers["Accept"], headers["Content-Type"]) == ("application/json", "text/csv")
    said = smlocal(*words, "--env", "FAULT=probe", "--network-isolation", "--format", "json")
    assert said.code == 0, said
    assert said.json["TransformJobStatus"] == "Completed"
    seen = json.loads(Path("out/a.csv.out").read_text())
    assert "/opt/ml/model/weights" in seen["optml"]


@pytest.mark.parametrize(("words", "shown"), [([], True), (["-q"], True), (["-v"], False)], ids=["usual", "-q", "-v"])
def test_a_failed_transform_shows_the_containers_last_lines(
    smlocal: Command, broken_image: str, words: list[str], shown: bool
) -> None:
    Path("a.csv").write_text("1\n")
    said = smlocal("transform", broken_image, "--env", "FAULT=exits_while_starting", "--input", "a.csv", *words)
    assert said.code == 1, said
    line = "ImportError: there is no module named 'inference'\n"
    assert said.err.count(line) == 1
    assert (f"container: {line}" in said.err) is shown
    assert said.out.count("failed to respond to ping") == 1
    assert "exited with code 7" in said.out


@pytest.mark.parametrize("words", [["--network-isolation"], []], ids=["isolated", "usual"])
def test_only_an_isolated_job_has_no_way_out(smlocal: Command, broken_image: str, words: list[str]) -> None:
    said = smlocal("train", broken_image, "-p", "fault=probe", "--output", "out", "--job-name", "seen", *words)
    assert said.code == 0, said
    reach = member(Path("out/seen/output/model.tar.gz"), "probe.json")["reach"]
    answers = {key: answer["state"] for key, answer in reach.items() if key.startswith("gateway:")}
    assert (not {"answered", "refused"} & set(answers.values())) is bool(words), reach

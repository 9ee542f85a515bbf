"""`push` and `verify`: a real image on a real registry behind ECR's API."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import docker
import jsonschema
import pytest
from moto.server import ThreadedMotoServer

from smlocal.demo import agreement, features
from smlocal.gate.publish import Progress
from smlocal.gate.statement import schema
from smlocal.registry.reference import parse_reference
from smlocal.settings import load_settings
from smlocal.shipped import iris_csv
from smlocal.wiring import Program
from tests.cli.conftest import Said
from tests.registry.docker_registry import docker_registry, write_htpasswd

ACCOUNT, REGION = "123456789012", "eu-west-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
SECRET = f"{ACCOUNT}-auth-token"  # what moto gives as the password
FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "containers" / "SM110-user-is-not-root"
REASON = "the base image is not ours"
LIMITS = {"START_WINDOW": "4", "PING_TIMEOUT": "0.5", "PING_INTERVAL": "0.5", "INVOCATION_TIMEOUT": "4"}

# one examination serves most of these tests
pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.xdist_group("push")]

Command = Callable[..., Said]
Work = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True)
class Aws:
    """ECR's API, and the registry behind it."""

    api: str
    registry: str
    state: Path  # what the tests of this module keep

    def repository(self, **options: Any) -> str:
        """A new repository; gives its URI."""
        name = f"tests/a{uuid.uuid4().hex[:12]}"
        client = boto3.client("ecr", region_name=REGION, endpoint_url=self.api)
        client.create_repository(repositoryName=name, **options)
        return f"{HOST}/{name}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder = tmp_path_factory.mktemp("registry")
    users = write_htpasswd(folder / "users", "AWS", SECRET)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with docker_registry(folder, auth={"htpasswd": {"realm": "ecr", "path": str(users)}}) as place:
        yield Aws(f"http://{host}:{port}", f"http://{place}", tmp_path_factory.mktemp("state"))
    moto.stop()


@pytest.fixture
def aws(servers: Aws, smlocal: Command, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The servers, and the environment of a user of theirs; smlocal.toml as the fixture has it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", servers.api)
    monkeypatch.setenv("SMLOCAL_REGISTRY_ENDPOINT_URL", servers.registry)
    monkeypatch.setenv("SMLOCAL_STATE", str(servers.state))
    for name, value in LIMITS.items():
        monkeypatch.setenv(f"SMLOCAL_LIMITS_{name}", value)
    shutil.copy(FOLDER / "smlocal.toml", Path.cwd())
    return servers


@pytest.fixture(scope="module")
def image(build_image: Callable[..., str]) -> str:
    """It keeps every rule but SM110, a warning."""
    return build_image(FOLDER, "smlocal-test/containers:sm110")


@pytest.fixture
def other(image: str, docker_client: docker.DockerClient, tmp_path: Path) -> Iterator[str]:
    """Another image, which is as good."""
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nLABEL other={uuid.uuid4().hex}\n")
    tag = f"smlocal-test/other:a{uuid.uuid4().hex[:12]}"
    docker_client.images.build(path=str(tmp_path), tag=tag, rm=True, forcerm=True)
    yield tag
    docker_client.images.remove(tag)


@pytest.fixture
def name(docker_client: docker.DockerClient) -> Iterator[str]:
    """A name for an image, gone afterwards."""
    found = f"smlocal-test/gate:a{uuid.uuid4().hex[:12]}"
    yield found
    with contextlib.suppress(docker.errors.ImageNotFound):
        docker_client.images.remove(found)


def test_the_first_push_examines_and_the_second_one_sends_nothing(
    smlocal: Command, aws: Aws, image: str, docker_client: docker.DockerClient
) -> None:
    shutil.rmtree(aws.state / "verdicts", ignore_errors=True)
    uri = aws.repository()
    first = smlocal("push", image, f"{uri}:1", "--format", "json")
    second = smlocal("push", image, f"{uri}:1", "--format", "json")
    assert (first.code, second.code) == (0, 0), (first, second)
    assert f"examining {image}" in first.err and f"talking to AWS: ECR's API at {aws.api}" in first.err
    assert "is not examined again (--require-fresh does)" in second.err and "examining" not in second.err
    sent, kept = first.json["published"], second.json["published"]
    assert sent["sent_bytes"] > 0 and kept["sent_bytes"] == 0
    assert sent["digest"] == kept["digest"] and first.json["report"] == second.json["report"]
    assert sent["image_id"] == docker_client.images.get(image).id


def test_require_fresh_examines_again(smlocal: Command, aws: Aws, image: str) -> None:
    said = smlocal("push", image, f"{aws.repository()}:1", "--require-fresh", "--dry-run")
    assert (said.code, "examining" in said.err) == (0, True)
    assert said.out.splitlines()[-2] == "nothing was sent, neither to AWS nor to a registry"


def test_what_check_has_seen_push_need_not_see_again(smlocal: Command, aws: Aws, other: str) -> None:
    assert smlocal("check", other, "--select", "SM1").code == 0
    said = smlocal("push", other, f"{HOST}/m:1", "--dry-run")
    assert (said.code, "examining" in said.err) == (0, False), said


def test_a_verdict_that_forbids_it_lets_no_request_out(
    smlocal: Command, aws: Aws, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", nobody)
        monkeypatch.setenv("SMLOCAL_REGISTRY_ENDPOINT_URL", nobody)
        said = smlocal("push", image, f"{HOST}/m:1", "--strict", "--output", "json=r.json")
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    lines = said.out.splitlines()
    assert (said.code, lines[-1]) == (1, f"NOT PUSHED {HOST}/m:1"), said
    assert lines[-3].startswith(f"FAILED {image}: 0 errors, 1 warning, and warnings count (--strict)")
    assert json.loads(Path("r.json").read_text())["passed"] is False
    quiet = smlocal("push", image, f"{HOST}/m:1", "--strict", "--format", "json")
    assert (quiet.code, quiet.json["pushed"], quiet.json["published"]) == (1, False, None)


def test_what_is_allowed_for_a_reason_passes_and_is_stated(smlocal: Command, aws: Aws, image: str) -> None:
    uri = f"{aws.repository()}:1"
    pushed = smlocal(
        "push",
        image,
        uri,
        "--strict",
        "--allow",
        f"SM110={REASON}",
        "--allow",
        "SM101=x",
        "--attach",
        "--statement",
        "s.json",
    )
    assert pushed.code == 0 and f"allowed SM110: {REASON}" in pushed.out, pushed
    assert "allowed SM101, which is not broken" in pushed.out
    statement = json.loads(Path("s.json").read_text())
    jsonschema.Draft202012Validator(schema()).validate(statement)
    assert {"rule": "SM110", "reason": REASON} in statement["predicate"]["allowances"]
    digest = f"sha256:{statement['subject'][0]['digest']['sha256']}"
    assert f"digest  {digest}" in pushed.out and pushed.out.splitlines()[-1] == f"PUSHED {uri}"
    good = smlocal("verify", uri, "--strict", "--max-age", "1h", "--require", "SM30")
    assert good.code == 0 and good.out.splitlines()[-1].startswith(f"GOOD {uri}: the verdict holds, "), good
    assert f"allowed SM110: {REASON}" in good.out and "it bears no signature" in good.out
    assert smlocal("verify", f"{uri}@{digest}", "--statement", "s.json").code == 0
    bad = smlocal("verify", uri, "--require", "SM110", "--format", "json")
    assert (bad.code, bad.json["good"]) == (1, False)
    assert bad.json["problems"] == ["--require SM110: SM110 is broken, and allowed"]


def test_the_configuration_allows_it_too_and_selects_nothing(smlocal: Command, aws: Aws, image: str) -> None:
    with Path("smlocal.toml").open("a") as file:
        file.write(f"\n[check.allow]\nSM110 = '{REASON}'\n")
    text = Path("smlocal.toml").read_text()
    Path("smlocal.toml").write_text(text.replace("[check]\n", "[check]\nignore = ['SM110']\n", 1))
    said = smlocal("push", image, f"{HOST}/m:1", "--strict", "--dry-run")
    assert (said.code, "1 allowed" in said.out) == (0, True), said
    assert "push judges every rule; select and ignore of the configuration do not count here" in said.err


def test_a_changed_image_under_the_same_name_is_examined_anew(
    smlocal: Command, aws: Aws, image: str, other: str, name: str, docker_client: docker.DockerClient
) -> None:
    uri = aws.repository()
    docker_client.images.get(image).tag(name)
    before = smlocal("push", name, f"{uri}:1", "--attach", "--statement", "old.json", "--format", "json")
    docker_client.images.get(other).tag(name)
    after = smlocal("push", name, f"{uri}:1", "--format", "json")
    assert (before.code, after.code, f"examining {name}" in after.err) == (0, 0, True)
    assert before.json["published"]["digest"] != after.json["published"]["digest"]
    assert after.json["published"]["image_id"] == docker_client.images.get(other).id
    stale = smlocal("verify", f"{uri}:1", "--statement", "old.json")
    assert stale.code == 1 and "and not about this image" in " ".join(stale.out.split())
    bare = smlocal("verify", f"{uri}:1")
    assert bare.code == 1 and "push it with --attach" in " ".join(bare.out.split())
    moved = smlocal("verify", f"{uri}:1@{before.json['published']['digest']}", "--statement", "old.json")
    assert moved.code == 1 and f"the tag 1 names {after.json['published']['digest']} now" in " ".join(moved.out.split())


def test_what_is_published_is_what_was_examined_though_its_name_has_moved(
    aws: Aws, image: str, other: str, name: str, docker_client: docker.DockerClient, command: Work
) -> None:
    old = docker_client.images.get(image)
    old.tag(name)
    words = [
        "--state",
        str(aws.state),
        "push",
        name,
        f"{aws.repository()}:1",
        "--require-fresh",
        "--format",
        "json",
    ]
    config = ["--config", str(Path.cwd() / "smlocal.toml")]
    work = command(*words, *config, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert work.stderr is not None
    while "examining" not in work.stderr.readline():
        pass
    time.sleep(1.5)
    docker_client.images.get(other).tag(name)
    out, err = work.communicate()
    assert work.returncode == 0, err
    published = json.loads(out)["published"]
    assert published["image_id"] == json.loads(out)["report"]["image"]["id"] == old.id


def test_a_missing_repository_is_made_only_when_told(smlocal: Command, aws: Aws, image: str) -> None:
    uri = f"{HOST}/tests/b{uuid.uuid4().hex[:12]}:1"
    missing = smlocal("push", image, uri)
    assert missing.code == 3 and "push with --create, or create it with `aws ecr create-repository" in missing.err
    assert smlocal("push", image, uri, "--create").code == 0


def test_an_immutable_tag_is_refused_for_another_image_and_the_same_one_is_there(
    smlocal: Command, aws: Aws, image: str, other: str
) -> None:
    uri = f"{aws.repository(imageTagMutability='IMMUTABLE')}:1"
    assert smlocal("push", image, uri).code == 0
    again = smlocal("push", image, uri, "--attach").out
    assert "sent    nothing: all of it was there\n" in again and "\nwarning SM110 USER is not root\n" in again
    assert "\nwarning SM110 USER is not root\n" in smlocal("verify", uri).out
    taken = smlocal("push", other, uri)
    assert taken.code == 3 and "choose another tag, or let tags be moved with `aws ecr put-image-tag" in taken.err
    assert "sending" not in taken.err


def test_no_secret_is_shown_or_kept(smlocal: Command, aws: Aws, image: str) -> None:
    said = smlocal("push", image, f"{aws.repository()}:1", "-v", "--attach")
    assert said.code == 0 and SECRET not in said.out + said.err and "secret-of" not in said.out + said.err
    files = [path for path in aws.state.rglob("*") if path.is_file()]
    assert files and not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_another_registry_is_spoken_to_by_the_same_protocol(
    smlocal: Command, aws: Aws, image: str, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    with docker_registry(tmp_path / "plain") as place:
        said = smlocal("push", image, f"{place}/team/model:1", "--attach")
        assert said.code == 0 and f"talking to the registry {place}" in said.err, said
        assert smlocal("verify", f"{place}/team/model:1").code == 0


ENDPOINTS = {  # which of them says nothing -> what a user reads who is tired of it
    "AWS_ENDPOINT_URL_ECR": "interrupted: nothing was published",
    "SMLOCAL_REGISTRY_ENDPOINT_URL": "stopped (export). The tag 1 was not touched.",
}


@pytest.mark.parametrize(("variable", "sentence"), ENDPOINTS.items(), ids=ENDPOINTS)
def test_ctrl_c_ends_a_push_whose_peer_says_nothing(
    aws: Aws, image: str, start: Work, monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
) -> None:
    uri = aws.repository()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(250)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{silent.getsockname()[1]}")
        config = ["--config", str(Path.cwd() / "smlocal.toml")]
        pushing = start("--state", str(aws.state), "push", image, f"{uri}:1", *config)
        connection, _ = silent.accept()
        with connection:
            time.sleep(0.5)
            began = time.monotonic()
            pushing.send_signal(signal.SIGINT)
            try:
                out, _ = pushing.communicate(timeout=15)
            except (
                subprocess.TimeoutExpired
            ):  # Python drops a KeyboardInterrupt that comes while it finalizes something
                pushing.send_signal(signal.SIGINT)
                out, _ = pushing.communicate(timeout=60)
            took = time.monotonic() - began
    assert (pushing.returncode, out.splitlines()[-1]) == (130, sentence), out
    assert took < 30


def test_a_published_image_trains_and_predicts_from_the_registrys_copy(
    smlocal: Command, sklearn_image: str, docker_client: docker.DockerClient, tmp_path: Path
) -> None:
    """Lab 3 with an image that the engine has only from the registry: its own is removed in between."""
    (tmp_path / "Dockerfile").write_text(f"FROM {sklearn_image}\nCOPY Dockerfile /opt/{uuid.uuid4().hex}\n")
    built = f"smlocal-test/lab:a{uuid.uuid4().hex[:12]}"
    checked = docker_client.images.build(path=str(tmp_path), tag=built, rm=True, forcerm=True)[0].id
    (tmp_path / "registry").mkdir()
    rows = iris_csv().read_text().splitlines()
    (tmp_path / "rows.csv").write_text("".join(f"{features(row)}\n" for row in rows))
    with docker_registry(tmp_path / "registry") as place, Program(load_settings()) as program:
        image = f"{place}/team/lab:1.0"
        repository = program.repository(parse_reference(image))
        publisher = program.publisher(repository, Progress(), threading.Event())
        published = publisher.publish(built, checked, "1.0")
        docker_client.images.remove(built)
        assert checked not in [found.id for found in docker_client.images.list()]
        trained = smlocal("train", image, "--channel", f"train={iris_csv()},content-type=text/csv", "--output", "out",
                          "--job-name", "lab", "-p", "n_estimators=20")  # fmt: skip
        try:
            assert trained.code == 0, trained
            assert docker_client.images.get(image).id == checked == published.config_digest
            asked = str(tmp_path / "rows.csv")
            told = smlocal("transform", image, "--model", "out/lab/output/model.tar.gz", "--input", asked,
                           "--output", "answers", "--content-type", "text/csv")  # fmt: skip
            assert told.code == 0, told
            assert agreement(Path("answers/rows.csv.out").read_bytes(), rows) > 0.9
        finally:
            docker_client.images.remove(image)

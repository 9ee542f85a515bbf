"""`smlocal up`: where it answers, as whom, and that nothing stays of it."""

from __future__ import annotations

import dataclasses
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from smlocal.engine.scripted import ScriptedEngine
from smlocal.settings import Settings
from smlocal.wiring import Program
from tests.aws.fronts import Echo, fronted
from tests.cli.conftest import Said, read_until

Command = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def running(command: Command, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A gateway that is up, and the environment for its clients."""
    process = command(
        "up", "--port", "0", *words, "--format", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = [read_until(process, "{")]
        while lines[-1] != "}\n":
            assert process.stdout is not None
            lines.append(process.stdout.readline())
        yield process, json.loads("".join(lines))["environment"]
    finally:
        process.kill()
        process.communicate()


def client(service: str, environment: dict[str, str], **given: Any) -> Any:
    return boto3.client(
        service,
        **{
            "endpoint_url": environment["AWS_ENDPOINT_URL"],
            "region_name": environment["AWS_REGION"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "config": Config(retries={"total_max_attempts": 1}),
            **given,
        },
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_it_is_stopped_and_then_its_port_is_free(command: Command, number: int) -> None:
    with running(command) as (process, environment):
        assert client("sts", environment).get_caller_identity()["Account"] == "000000000000"
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    socket.create_server(("127.0.0.1", port_of(environment))).close()


def port_of(environment: dict[str, str]) -> int:
    return int(environment["AWS_ENDPOINT_URL"].rpartition(":")[2])


def test_it_says_where_it_answers_and_what_to_export(command: Command) -> None:
    process = command("up", "--port", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = read_until(process, "answering AWS clients at http://127.0.0.1:")
    url = line.split()[4]
    assert "(account 000000000000, region us-east-1); Ctrl-C ends it" in line
    assert f"export AWS_ENDPOINT_URL={url} AWS_REGION=us-east-1 " in read_until(process, "export")
    assert read_until(process, "export") == (
        "export AWS_ACCESS_KEY_ID=smlocal AWS_SECRET_ACCESS_KEY=smlocal-has-no-secret\n"
    )
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


def test_a_port_that_is_taken_is_told_at_once(smlocal: Callable[..., Said]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = smlocal("up", "--port", port)
    assert said.code == 2
    assert said.err == (
        f"smlocal: port {port} on 127.0.0.1 cannot be had (Address already in use): choose another with --port N\n"
    )
    assert said.out == ""


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_here_is_told(smlocal: Callable[..., Said], host: str) -> None:
    said = smlocal("up", "--host", host, "--port", "0")
    assert said.code == 2, said
    assert f"on {host} cannot be had" in said.err


def test_one_that_was_killed_leaves_its_port_to_the_next(command: Command) -> None:
    with running(command) as (process, environment):
        client("sts", environment).get_caller_identity()
        process.kill()
        process.communicate()
        with running(command, "--port", str(port_of(environment))) as (_, again):
            assert again["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL"]
            client("sts", again).get_caller_identity()


def test_two_at_once_do_not_share_what_they_keep(command: Command) -> None:
    with running(command) as (_, one), running(command) as (_, two):
        client("logs", one).create_log_group(logGroupName="mine")
        assert client("logs", two).describe_log_groups()["logGroups"] == []


def test_settings_are_those_of_its_clients(command: Command) -> None:
    with running(command, "--region", "eu-west-1") as (_, environment):
        assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
        made = client("logs", environment).create_log_group(logGroupName="g")
        assert made["ResponseMetadata"]["HTTPStatusCode"] == 200
        [group] = client("logs", environment, region_name="us-west-2").describe_log_groups()["logGroups"]
        assert group["arn"].startswith("arn:aws:logs:eu-west-1:000000000000:")


def test_with_sigv4_only_its_own_credentials_are_good(command: Command) -> None:
    with running(command, "--auth", "sigv4") as (_, environment):
        assert client("sts", environment).get_caller_identity()
        for key, secret in (("smlocal", "smlocal-has-no-secret"), (environment["AWS_ACCESS_KEY_ID"], "wrong")):
            with pytest.raises(ClientError, match=r"InvalidClientTokenId|SignatureDoesNotMatch"):
                client("sts", environment, aws_access_key_id=key, aws_secret_access_key=secret).get_caller_identity()


def test_who_does_not_come_from_loopback_must_sign_as_somebody_known(command: Command) -> None:
    address = outer_address()
    with running(command, "--host", "0.0.0.0") as (_, environment):
        assert client("sts", environment, endpoint_url=f"http://127.0.0.1:{port_of(environment)}").get_caller_identity()
        outer = client("sts", environment, endpoint_url=f"http://{address}:{port_of(environment)}")
        if address == "127.0.0.1":  # this machine has no other address
            assert outer.get_caller_identity()
        else:
            with pytest.raises(ClientError, match="InvalidClientTokenId"):
                outer.get_caller_identity()


def outer_address() -> str:
    """An address of this machine that is not loopback, if it has one; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def test_what_is_not_ours_goes_to_the_delegate(command: Command) -> None:
    echo = Echo()
    with fronted(echo) as other, running(command, "--delegate", other.url) as (_, environment):
        client("kms", environment).list_keys()
        client("dynamodb", environment).list_tables()
    assert [call.scope.service for call in echo.calls if call.scope is not None] == ["kms", "dynamodb"]


def test_without_an_engine_it_stands_and_sagemakers_calls_say_what_they_lack(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    (tmp_path / "state" / "accounts").mkdir(parents=True)
    with running(command) as (process, environment):
        assert client("sts", environment).get_caller_identity()["Account"] == "000000000000"
        with pytest.raises(ClientError, match=r"\(ServiceUnavailable\).*container engine does not answer"):
            client("sagemaker", environment).list_models()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "jobs and endpoints have to wait for a container engine: " in err


def test_what_stood_stands_again_before_the_first_call(tmp_path: Path) -> None:
    settings = dataclasses.replace(Settings(), state=tmp_path)
    with Program(settings, engine=ScriptedEngine()) as program:
        program.take_up_account()
        assert "account" not in program.__dict__, "nothing stood, and no engine is asked"
        assert program.account.list_endpoints({}) == {"Endpoints": []}
    with Program(settings, engine=ScriptedEngine()) as program:
        program.take_up_account()
        assert "account" in program.__dict__


@pytest.mark.engine
def test_sagemaker_is_ours_with_a_delegate_too(command: Command) -> None:
    echo = Echo()
    with fronted(echo) as other, running(command, "--delegate", other.url) as (_, environment):
        sagemaker = client("sagemaker", environment)
        assert sagemaker.list_models()["Models"] == []
        sagemaker.list_experiments()
    assert [call.headers["X-Amz-Target"] for call in echo.calls] == ["SageMaker.ListExperiments"]


def test_a_delegate_that_is_no_address_is_refused(smlocal: Callable[..., Said]) -> None:
    said = smlocal("up", "--delegate", "localhost")
    assert (said.code, said.out) == (2, "")
    assert "'localhost' is not the address of an endpoint" in said.err


def test_each_call_is_one_line_with_v_and_no_secret_is_in_it(command: Command) -> None:
    with running(command, "-v") as (process, environment):
        client("logs", environment).describe_log_groups()
        client("sts", environment).get_caller_identity()
        with pytest.raises(ClientError):
            client("s3", environment).get_object(Bucket="bucket", Key="k\x01ey")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    lines = [line.split() for line in err.splitlines() if " ms " in line]
    assert [line[:2] for line in lines] == [["logs", "DescribeLogGroups"], ["sts", "GetCallerIdentity"], ["s3", "GET"]]
    assert "Signature" not in err


def test_the_environment_can_be_had_alone(smlocal: Callable[..., Said]) -> None:
    said = smlocal("up", "--export", "json", "--port", "1234", "--host", "::1")
    environment = json.loads(said.out)
    assert environment["AWS_ENDPOINT_URL"] == "http://[::1]:1234"
    dotenv = smlocal("up", "--export", "dotenv", "--port", "1234", "--host", "::1").out
    assert dict(line.split("=", 1) for line in dotenv.splitlines()) == environment
    text = smlocal("up", "--export", "sh", "--port", "1234", "--host", "::1").out
    shell = subprocess.run(["sh", "-c", f"{text}env"], capture_output=True, text=True, env={}, check=True).stdout
    assert environment.items() <= dict(line.split("=", 1) for line in shell.splitlines()).items()


@pytest.mark.parametrize("words", [("--auth", "sigv4"), ("--port", "0")])
def test_what_is_not_known_before_it_runs_cannot_be_exported(smlocal: Callable[..., Said], words: tuple[str]) -> None:
    said = smlocal("up", "--export", "sh", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("smlocal: --export knows neither")

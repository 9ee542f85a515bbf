"""What runs tells CloudWatch and its Logs, read back by boto3 through the gateway."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest

from smlocal.account.sinks import LogEvent
from smlocal.aws.cloudwatch import CloudWatch
from smlocal.aws.server import AwsServer
from smlocal.cli.terminal import Format, Terminal
from smlocal.cli.up import Auth, listening
from smlocal.settings import Settings
from smlocal.wiring import Program

NOW = datetime.now(timezone.utc)
GROUP = "/aws/sagemaker/TrainingJobs"
Client = Callable[[str], Any]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with Program(Settings(state=tmp_path, region="eu-west-1")) as made:
        yield made


@pytest.fixture
def client(program: Program) -> Iterator[Client]:
    with AwsServer(program.http, program.gateway()) as server:
        yield lambda name: boto3.client(
            name,
            endpoint_url=server.url,
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )


@pytest.fixture
def stream() -> str:
    """A name of its own: moto's state is that of the process."""
    return f"iris-{uuid.uuid4().hex[:8]}/algo-1-1795967267"


def lines(*texts: str) -> list[LogEvent]:
    return [LogEvent(NOW + timedelta(milliseconds=number), text) for number, text in enumerate(texts)]


def said(client: Client, stream: str) -> list[str]:
    answer = client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)
    return [event["message"] for event in answer["events"]]


def test_lines_come_whole_and_in_order_while_more_are_written(program: Program, client: Client, stream: str) -> None:
    assert isinstance(program.log_sink, CloudWatch)
    program.log_sink.write(GROUP, stream, lines("one", "", "ü ☃"))
    deadline = time.monotonic() + 20
    while not _has(client, stream):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    program.log_sink.write(GROUP, stream, [LogEvent(NOW + timedelta(seconds=1), "two")])
    program.log_sink.close()
    assert said(client, stream) == ["one", " ", "ü ☃", "two"]


def _has(client: Client, stream: str) -> bool:
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        return False
    return bool(logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)["logStreams"])


def test_streams_of_one_group_stay_apart(program: Program, client: Client, stream: str) -> None:
    assert isinstance(program.log_sink, CloudWatch)
    for name in ("a", "b"):
        program.log_sink.write(GROUP, f"{stream}-{name}", lines(name))
    program.log_sink.close()
    assert (said(client, f"{stream}-a"), said(client, f"{stream}-b")) == (["a"], ["b"])


def test_more_lines_than_one_request_takes_all_come(program: Program, client: Client, stream: str) -> None:
    assert isinstance(program.log_sink, CloudWatch)
    program.log_sink.write(GROUP, stream, [LogEvent(NOW, "x" * 200)] * 12_000)
    program.log_sink.close()
    found, token = 0, None
    while True:
        more = {"nextToken": token} if token else {}
        page = client("logs").get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, **more)
        if not page["events"]:
            break
        found, token = found + len(page["events"]), page["nextForwardToken"]
    assert found == 12_000


def test_an_endless_log_ends_with_a_line_that_says_so(program: Program, client: Client, stream: str) -> None:
    sink = CloudWatch(program.moto, program.http.run, "eu-west-1", most_bytes=100)
    sink.write(GROUP, stream, lines("x" * 50, "y" * 50, "z"))
    sink.write(GROUP, stream, lines("never"))
    sink.close()
    first, last = said(client, stream)
    assert first == "x" * 50 and "keeps no more lines" in last


def test_a_value_of_a_metric_is_found_by_its_dimensions(program: Program, client: Client) -> None:
    assert isinstance(program.metric_sink, CloudWatch)
    program.metric_sink.put(GROUP, "accuracy", {"TrainingJobName": "iris"}, 0.75, NOW)
    program.metric_sink.close()
    answer = client("cloudwatch").get_metric_statistics(
        Namespace=GROUP,
        MetricName="accuracy",
        Dimensions=[{"Name": "TrainingJobName", "Value": "iris"}],
        StartTime=NOW - timedelta(minutes=5),
        EndTime=NOW + timedelta(minutes=5),
        Period=60,
        Statistics=["Average"],
    )
    assert [point["Average"] for point in answer["Datapoints"]] == [0.75]


def test_who_tells_after_the_end_is_not_held_up(program: Program, stream: str) -> None:
    sink = CloudWatch(program.moto, program.http.run, "eu-west-1")
    program.http.close()
    sink.write(GROUP, stream, lines("too late"))
    sink.close()


def test_what_stands_again_when_up_begins_is_heard_of_too(program: Program) -> None:
    heard: list[object] = []
    terminal = Terminal(Format.text, -1)
    with listening(program, terminal, Auth.none, None, "127.0.0.1", 0, lambda: heard.append(program.log_sink)):
        assert isinstance(heard[0], CloudWatch)

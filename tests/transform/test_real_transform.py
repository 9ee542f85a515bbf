"""Transform jobs on the real engine: the broken containers, and the two images that are no toys."""

from __future__ import annotations

import io
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smlocal.hosting import Model
from smlocal.settings import Limits, Settings
from smlocal.transform.job import Observer, TransformResult
from smlocal.wiring import Program

pytestmark = pytest.mark.engine

BUCKET = "transform-tests"
CLIENT = "ClientError: See job logs for more information"
ALGORITHM = "AlgorithmError: See job logs for more information"


class Jobs:
    """Runs transform jobs of the broken image, and reads what they left."""

    def __init__(self, program: Program, image: str, request_of: Callable[..., dict[str, Any]]) -> None:
        self.program = program
        self.image = image
        self.lines: list[str] = []
        self.data_log: list[str] = []
        self.statuses: list[str] = []
        self._request_of = request_of
        program.store.ensure_bucket(BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self.program.store.put(BUCKET, key, io.BytesIO(data))

    def outputs(self) -> dict[str, bytes]:
        found = {}
        for item in self.program.store.list(BUCKET, "out/"):
            with self.program.store.open(BUCKET, item.key) as source:
                found[item.key.removeprefix("out/")] = source.read()
        return found

    def run(
        self,
        fault: str,
        *,
        environment: dict[str, str] | None = None,
        stop: threading.Event | None = None,
        at_line: Callable[[str], None] = lambda line: None,
        **changes: Any,
    ) -> TransformResult:
        def on_line(line: str) -> None:
            self.lines.append(line)
            at_line(line)

        name = f"job-{uuid.uuid4().hex[:12]}"
        request = self._request_of(source=f"s3://{BUCKET}/in/", target=f"s3://{BUCKET}/out", **changes)
        model = Model(name, self.image, environment={"FAULT": fault, **(environment or {})})
        observer = Observer(self.statuses.append, self.data_log.append, on_line)
        request |= {"TransformJobName": name, "ModelName": name}
        return self.program.transform.run(request, model, observer=observer, stop=stop)


@pytest.fixture
def jobs(tmp_path: Path, broken_image: str, request_of: Callable[..., dict[str, Any]]) -> Iterator[Jobs]:
    limits = Limits(transform_start_window=5.0, serving_stop_grace=3.0)
    made = Jobs(Program(Settings(state=tmp_path / "state", limits=limits)), broken_image, request_of)
    yield made
    left = made.program.launcher.mine()
    made.program.close()
    assert left == []


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_every_byte_comes_back_in_order(jobs: Jobs, strategy: str) -> None:
    rows = b"".join(b"%d,caf\xe9,\r\n" % number for number in range(400))
    jobs.put("in/a.csv", rows)
    jobs.put("in/deep/b.csv", rows[:-2])
    jobs.put("in/empty.csv", b"")
    result = jobs.run("records_echo", BatchStrategy=strategy, MaxConcurrentTransforms=8, assemble="Line")
    assert result.status == "Completed"
    last = rows[:-2] + b"\n"
    assert jobs.outputs() == {"a.csv.out": rows, "deep/b.csv.out": last, "empty.csv.out": b""}
    assert result.evidence.hosting.exited_by_itself is False


def test_a_container_sees_the_headers_of_the_platforms_client(jobs: Jobs) -> None:
    jobs.put("in/a.csv", b"1\n")
    jobs.run("echo", accept="application/json")
    told = json.loads(jobs.outputs()["a.csv.out"])
    headers = {name.lower(): value for name, value in dict(told["headers"]).items()}
    assert headers == {
        "host": "169.254.255.131:8080",
        "user-agent": "Go-http-client/1.1",
        "accept-encoding": "gzip",
        "accept": "application/json",
        "content-type": "text/csv",
        "content-length": "2",
    }


def test_a_container_is_told_that_it_serves_a_batch(jobs: Jobs) -> None:
    jobs.put("in/a.csv", b"1\n")
    jobs.run(
        "probe",
        environment={"MINE": "model", "YOURS": "model"},
        Environment={"MINE": "job"},
        MaxPayloadInMB=2,
        BatchStrategy="SingleRecord",
    )
    seen = json.loads(jobs.outputs()["a.csv.out"])["environment"]
    assert {name: value for name, value in seen.items() if name.startswith("SAGEMAKER_")} == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "SAGEMAKER_BIND_TO_PORT": "8080",
        "SAGEMAKER_SAFE_PORT_RANGE": "23000-23999",
    }
    assert (seen["MINE"], seen["YOURS"]) == ("job", "model")


def test_a_container_is_asked_for_its_parameters_before_anything_else(jobs: Jobs) -> None:
    jobs.put("in/a.csv", b"1\n2\n")
    advice = json.dumps({"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD"})
    result = jobs.run("records_echo", environment={"EXECUTION_PARAMETERS": advice})
    assert jobs.data_log[0].endswith(
        ":[sagemaker logs]: MaxConcurrentTransforms=3, MaxPayloadInMB=6, BatchStrategy=SINGLE_RECORD"
    )
    assert result.evidence.requests == 2


def test_a_refused_object_fails_the_job_and_the_others_are_written(jobs: Jobs) -> None:
    for name, data in {"a": b"1\n", "b": b"2\nboom\n", "c": b"3\n"}.items():
        jobs.put(f"in/{name}", data)
    result = jobs.run("fails_on_boom")
    assert (result.status, result.description["FailureReason"]) == ("Failed", CLIENT)
    assert jobs.outputs() == {"a.out": b"1\n", "c.out": b"3\n"}
    assert [line.split(": ", 2)[2] for line in jobs.data_log[1:]] == [
        "ClientError: 400",
        "",
        "Message:",
        "Line 2 holds a boom.",
        "Second line of the complaint.",
    ]


@pytest.mark.parametrize(("failures", "status"), [(3, "Completed"), (4, "Failed")])
def test_an_unavailable_server_is_asked_three_times_more(jobs: Jobs, failures: int, status: str) -> None:
    jobs.put("in/a", b"1\n")
    result = jobs.run("unavailable_at_first", environment={"FAILURES": str(failures)})
    assert (result.status, result.evidence.retries) == (status, 3)
    assert result.description.get("FailureReason") == (ALGORITHM if status == "Failed" else None)


@pytest.mark.parametrize(
    ("fault", "reason", "words", "log"),
    [
        ("exits_on_invocation", ALGORITHM, "exited with code 9", "Unable to get response from algorithm"),
        pytest.param(
            "fills_memory",
            ALGORITHM,
            "want of memory",
            "Unable to get response from algorithm",
            marks=pytest.mark.slow,
        ),
        ("drops_connection", ALGORITHM, "invocations failed", "Unable to get response from algorithm"),
        ("invocation_hangs", ALGORITHM, "within 1 s", "Unable to get response from algorithm"),
        ("huge_error_body", ALGORITHM, "answered 500", "Bad HTTP status received from algorithm: 500"),
    ],
)
def test_a_container_that_breaks_while_it_serves(jobs: Jobs, fault: str, reason: str, words: str, log: str) -> None:
    jobs.put("in/a", b"1\n")
    result = jobs.run(fault, timeout=1 if fault == "invocation_hangs" else 30, retries=1)
    assert (result.status, result.description["FailureReason"]) == ("Failed", reason)
    assert words in result.explanation
    assert jobs.data_log[1].endswith(f"]: {BUCKET}/in/a: {log}")
    assert jobs.outputs() == {}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("exits_while_starting", "exited with code 7"),
        ("never_healthy", "status 503"),
        ("localhost_only", "127.0.0.1:8080"),
    ],
)
def test_a_container_that_never_comes_up_is_told_in_the_platforms_words(jobs: Jobs, fault: str, words: str) -> None:
    jobs.put("in/a", b"1\n")
    result = jobs.run(fault)
    assert result.status == "Failed"
    assert result.description["FailureReason"] == (
        "AlgorithmError: Model container failed to respond to ping. "
        "Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code"
    )
    assert words in result.explanation


def test_a_container_that_ends_while_it_starts_is_not_waited_for(jobs: Jobs) -> None:
    jobs.put("in/a", b"1\n")
    begun = time.monotonic()
    jobs.run("exits_while_starting")
    assert time.monotonic() - begun < 4


def test_a_stopped_job_leaves_no_output(jobs: Jobs) -> None:
    jobs.put("in/a", b"1\n")
    jobs.put("in/b", b"2\n" * 100_000)
    stop = threading.Event()
    result = jobs.run(
        "records_echo",
        BatchStrategy="SingleRecord",
        stop=stop,
        at_line=lambda line: stop.set() if "body of" in line else None,
    )
    assert (result.status, jobs.statuses) == ("Stopped", ["InProgress", "Stopping", "Stopped"])
    assert jobs.outputs() == {}


def test_a_job_may_be_stopped_before_its_container_is_healthy(jobs: Jobs) -> None:
    jobs.put("in/a", b"1\n")
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    assert jobs.run("never_healthy", stop=stop).status == "Stopped"


@pytest.mark.slow
def test_a_big_object_goes_through_whole_as_a_stream(jobs: Jobs) -> None:
    data = b"0123456789abcde\n" * (6 * 2**20)
    jobs.put("in/a", data)
    assert jobs.run("records_echo", split=None, MaxPayloadInMB=0).status == "Completed"
    assert jobs.outputs() == {"a.out": data}


def test_what_a_job_did_is_in_the_journal(jobs: Jobs) -> None:
    jobs.put("in/a", b"1\n")
    result = jobs.run("records_echo")
    record = jobs.program.journal.find(result.description["TransformJobName"])
    assert record is not None
    assert [event["status"] for event in record.events() if event["event"] == "status"] == ["InProgress", "Completed"]
    assert any("MaxPayloadInMB=6" in event["line"] for event in record.events() if event["event"] == "data-log")
    assert b"body of 2 bytes" in record.log_path.read_bytes()
    assert record.read("description.json")["TransformJobStatus"] == "Completed"

"""From the launch to the first healthy ping, and every way in which there is none."""

from __future__ import annotations

import gzip
import io
import socket
import tarfile
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.hosting.conftest import LIMITS

from smlocal.artifacts import Bounds, unpack
from smlocal.container import LogLine
from smlocal.engine.interface import LogChunk
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, ScriptedImage
from smlocal.errors import BrokenArchive, EndpointFailed, HostileArchive
from smlocal.hosting import BATCH, HealthChecks, ModelServer
from smlocal.launch import Launcher
from smlocal.settings import Limits
from smlocal.tree import text_file

Make = Callable[..., ModelServer]
PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check."
    " Please check CloudWatch logs for this endpoint."
)
START = (
    "CannotStartContainerError. Please ensure the model container for variant AllTraffic starts correctly"
    " when invoked with 'docker run <image> serve'"
)
BATCH_PING = (
    "AlgorithmError: Model container failed to respond to ping."
    " Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code"
)
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: {}:{:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
"""


def failure_of(server: ModelServer) -> EndpointFailed:
    with pytest.raises(EndpointFailed) as raised:
        server.start()
    assert server.state == "stopped"
    return raised.value


def test_a_model_is_launched_as_the_platform_does(host: Make, engine: ScriptedEngine, echo: Any) -> None:
    """Source: developer guide, your-algorithms-inference-code."""
    model = {"contents": lambda: iter((text_file("weights.txt", "1"),)), "environment": {"MODE": "fast"}}
    with host(echo, model=model) as server:
        assert server.state == "healthy"
    spec = next(spec for spec in engine.specs if spec.command == ("serve",))
    assert spec.entrypoint is None
    assert [(mount.path, mount.read_only) for mount in spec.mounts] == [("/opt/ml/model", True)]
    assert spec.hostname == "model.aws.local"
    environment = dict(spec.environment)
    assert environment.pop("AWS_ACCESS_KEY_ID").startswith("SMLOCAL")
    assert environment.pop("AWS_SECRET_ACCESS_KEY")
    assert environment.pop("AWS_SESSION_TOKEN")
    assert environment == {
        "SAGEMAKER_BIND_TO_PORT": "8080",
        "SAGEMAKER_SAFE_PORT_RANGE": "23000-23999",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "MODE": "fast",
    }


def test_the_model_is_there_before_the_program_starts(host: Make, echo: Any) -> None:
    seen: list[bytes] = []

    def program(run: Run) -> int:
        seen.append(run.files.read("/opt/ml/model/code/weights.txt"))
        return Script(handler=echo)(run)

    contents = {"contents": lambda: iter((text_file("code/weights.txt", "1"),))}
    with host(ScriptedImage(program), model=contents):
        assert seen == [b"1"]


def test_weights_in_the_image_stay_visible_without_model_data(host: Make, engine: ScriptedEngine, echo: Any) -> None:
    with host(ScriptedImage(Script(handler=echo), files={"/opt/ml/model/weights": b"1"})) as server:
        assert engine.specs[-1].mounts == ()
        assert server.evidence().model_given is False


def test_an_isolated_model_has_no_credentials_and_is_reached_all_the_same(
    host: Make, engine: ScriptedEngine, echo: Any
) -> None:
    with host(echo, model={"isolated": True}) as server:
        environment = next(spec for spec in engine.specs if spec.command == ("serve",)).environment
        assert not [name for name in environment if name.startswith("AWS_")]
        assert server.invoke(b"1,2", {"Content-Type": "text/csv"}).body == b"1,2"


@pytest.mark.parametrize(("platform", "agent"), [(None, "AHC/2.0"), (BATCH, "Go-http-client/1.1")])
def test_pings_are_the_platforms(host: Make, platform: Any, agent: str) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Answer:
        seen.append(request)
        return Answer(200)

    with host(handler, **({"platform": platform} if platform else {})):
        assert (seen[0].method, seen[0].path) == ("GET", "/ping")
        assert seen[0].header("User-Agent") == agent
        assert seen[0].header("Host").endswith(":8080")


def test_only_the_status_of_a_ping_counts(host: Make) -> None:
    """A 200 with the word Unhealthy counted as healthy: aws/deep-learning-containers issue 2917."""
    with host(lambda request: Answer(200, b"Unhealthy" * 1000)) as server:
        assert server.healthy


def test_pings_go_on_until_the_model_is_loaded(host: Make) -> None:
    statuses = [503, 404, 500, 201]
    with host(lambda request: Answer(statuses.pop(0) if statuses else 200)) as server:
        evidence = server.evidence()
    assert [ping.status for ping in evidence.start_pings if ping.status] == [503, 404, 500, 201, 200]
    assert evidence.seconds_to_healthy is not None and evidence.seconds_to_healthy < 0.6


def test_output_is_told_line_by_line(host: Make, echo: Any) -> None:
    lines: list[LogLine] = []
    with host(Script(output=["one\ntw", "o\n"], handler=echo), on_line=lines.append):
        pass
    assert [line.text for line in lines] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        (500, "Answer 200 as soon as the model is loaded."),
        (404, "Implement GET /ping: an empty answer with status 200 is enough."),
    ],
)
def test_a_bad_status_until_the_window_ends_fails(host: Make, status: int, fix: str) -> None:
    failure = failure_of(host(Script(output=["loading\n"], handler=lambda request: Answer(status))))
    assert failure.failure_reason == PING
    assert failure.cause.startswith(f"It was not healthy within 0.6 s: GET /ping was answered with status {status}")
    assert failure.fix == fix
    assert failure.log_lines == ("loading",)
    assert str(failure) == f"{PING} {failure.cause} {fix}"


def test_a_ping_that_is_answered_too_late_does_not_count(host: Make) -> None:
    def handler(request: Request) -> Answer:
        threading.Event().wait(0.5)
        return Answer(200)

    failure = failure_of(host(handler))
    assert failure.failure_reason == PING
    assert "GET /ping was not answered in time" in failure.cause


def listens(table: str | None) -> ScriptedImage:
    """A program that answers nothing, with this in its /proc/net/tcp."""

    def cat(run: Run, argv: tuple[str, ...], stdio: socket.socket) -> None:
        assert argv == ("cat", "/proc/net/tcp", "/proc/net/tcp6")
        stdio.sendall((table or "").encode())

    return ScriptedImage(Script(runs_until_signal=True), pipe=cat if table is not None else None)


@pytest.mark.parametrize(
    ("table", "cause"),
    [
        (
            TABLE.format("0100007F", 8080),
            "the server listens on 127.0.0.1:8080, which nothing outside of its container",
        ),
        (TABLE.format("00000000", 5000), "nothing listens on port 8080; the container listens on 0.0.0.0:5000."),
        (TABLE.format("00000000", 8080), "the server listens on 0.0.0.0:8080, and gave no answer"),
        (TABLE.partition("\n")[0] + "\n", "nothing in the container listens on port 8080."),
        (None, "the server may listen on 127.0.0.1 only or not at all."),
    ],
)
def test_where_it_listens_instead_is_said(host: Make, table: str | None, cause: str) -> None:
    patient = replace(HealthChecks.of_endpoints(LIMITS), timeout=5)  # a busy machine is no slow server
    failure = failure_of(host(listens(table), checks=patient))
    assert failure.failure_reason == PING
    assert cause in failure.cause


def test_a_server_on_loopback_is_told_long_before_the_window_ends(host: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smlocal.hosting.start.LOOK_EVERY", 0.2)
    checks = replace(HealthChecks.of_endpoints(LIMITS), start_window=60)
    failure = failure_of(host(listens(TABLE.format("0100007F", 8080)), checks=checks))
    assert failure.cause.startswith("It was not healthy within 0 s: the server listens on 127.0.0.1:8080")


@pytest.mark.parametrize("table", [TABLE.format("0100007F", 5000), TABLE.format("00000000", 8080), None])
def test_whoever_may_still_come_up_is_waited_for(
    table: str | None, host: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smlocal.hosting.start.LOOK_EVERY", 0.1)
    checks = replace(HealthChecks.of_endpoints(LIMITS), start_window=1)
    assert "not healthy within 1 s" in failure_of(host(listens(table), checks=checks)).cause


def test_a_refusal_is_a_last_word_where_there_is_one(host: Make) -> None:
    checks = replace(HealthChecks.of_endpoints(LIMITS), start_window=60, last_word_after=0.2)
    failure = failure_of(host(lambda request: Answer(503), checks=checks))
    assert failure.cause.startswith("It was not healthy within 0.")
    assert "answered with status 503" in failure.cause


def test_silence_is_no_last_word(host: Make) -> None:
    checks = replace(HealthChecks.of_endpoints(LIMITS), start_window=0.6, last_word_after=0.1)
    assert "not healthy within 0.6 s" in failure_of(host(listens(None), checks=checks)).cause


def test_a_container_that_exits_is_told_at_once_with_its_last_lines(host: Make) -> None:
    words = [LogChunk("stderr", b"Traceback\nModuleNotFoundError: No module named 'inference'\n")]
    server = host(Script(output=words, exit_code=3), checks=HealthChecks.of_endpoints(Limits()))
    failure = failure_of(server)
    assert failure.failure_reason == PING
    assert failure.cause.startswith("The container exited with code 3 after 0.")
    assert failure.fix == "Its last lines say why."
    assert failure.log_lines == ("Traceback", "ModuleNotFoundError: No module named 'inference'")
    evidence = server.evidence()
    assert (evidence.exit_code, evidence.exited_by_itself, evidence.stop_seconds) == (3, True, None)
    assert evidence.last_lines == failure.log_lines


@pytest.mark.parametrize(
    ("program", "fix"),
    [
        (Script(exit_code=0, output=["bye\n"]), "The program that 'serve' starts must stay in the foreground."),
        (Script(exit_code=1), "It wrote nothing: run it by hand with 'serve'."),
        (Script(out_of_memory=True), "Choose an instance type with more memory, or fewer workers."),
    ],
)
def test_what_to_do_about_an_exit_is_said(host: Make, program: Script, fix: str) -> None:
    assert failure_of(host(program)).fix == fix


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        ('exec: "serve": executable file not found in $PATH', "Put an executable called 'serve' on the image's PATH"),
        ("exec /serve: exec format error", "Build the image for this machine's architecture"),
    ],
)
def test_a_program_that_cannot_be_started_keeps_the_engines_words(host: Make, words: str, fix: str) -> None:
    server = host(ScriptedImage(Script(), start_error=words))
    failure = failure_of(server)
    assert failure.failure_reason == START
    assert words in failure.cause
    assert failure.fix.startswith(fix)
    assert server.evidence().start_error == words


@pytest.mark.parametrize(
    "program", [Script(exit_code=1), ScriptedImage(Script(), start_error="no"), lambda request: Answer(500)]
)
def test_a_transform_job_has_its_own_words(host: Make, program: Any) -> None:
    assert failure_of(host(program, platform=BATCH)).failure_reason == BATCH_PING


@pytest.mark.parametrize("error", [HostileArchive('"../x" leads out'), BrokenArchive("it is not gzip")])
def test_a_bad_archive_fails_in_sagemakers_words(host: Make, echo: Any, error: Exception) -> None:
    def contents() -> Any:
        yield text_file("a", "1")
        raise error

    failure = failure_of_launch(host(echo, model={"contents": contents, "data_url": "s3://b/model.tar.gz"}))
    assert failure.failure_reason == (
        'Failed to extract model data archive from URL "s3://b/model.tar.gz".'
        " Please ensure that the object located at the URL is a valid tar.gz archive."
    )
    assert str(error).lower() in failure.cause.lower()


def named(name: str, size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf()


@pytest.mark.parametrize(
    ("archive", "bounds", "words"),
    [
        (named("a", 4096) + bytes(4096), Bounds(ratio=2, ratio_from=1024), "times as many"),
        (named("a", 64) + bytes(512) + named("b", 64) + bytes(512), Bounds(total_bytes=1024), "longer than 1024 bytes"),
        (named("a", 8192), Bounds(total_bytes=4096), "claims 8192 bytes"),
        (named("a") + named("b"), Bounds(members=1), "one member more than the 1 allowed"),
    ],
    ids=["ratio", "total", "claim", "members"],
)
def test_an_archive_that_unpacks_to_too_much_fails_in_sagemakers_words(
    host: Make, echo: Any, archive: bytes, bounds: Bounds, words: str
) -> None:
    packed = gzip.compress(archive + bytes(1024))
    model = {"contents": lambda: unpack(io.BytesIO(packed), bounds), "data_url": "s3://b/model.tar.gz"}
    failure = failure_of_launch(host(echo, model=model))
    assert failure.failure_reason == (
        'Failed to extract model data archive from URL "s3://b/model.tar.gz". The model data archive is too large.'
        " Please reduce the size of the model data archive or move to an instance type with more memory."
    )
    assert words in failure.cause


def test_a_missing_image_fails_in_sagemakers_words(host: Make, engine: ScriptedEngine, echo: Any) -> None:
    server = host(echo)
    engine.remove_image("model")
    assert failure_of_launch(server).failure_reason.startswith(
        "Please make sure all images included in the model for the production variant AllTraffic exist"
    )


def failure_of_launch(server: ModelServer) -> EndpointFailed:
    with pytest.raises(EndpointFailed) as raised:
        server.start()
    return raised.value


def test_an_interrupted_start_leaves_nothing(host: Make, launcher: Launcher) -> None:
    class Interrupting(HealthChecks):
        def pause(self, elapsed: float) -> float:
            raise KeyboardInterrupt

    server = host(lambda request: Answer(500), checks=Interrupting(1, 1, 60, 3))
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert launcher.ours() == []
    assert server.state == "stopped"


@pytest.mark.parametrize("elapsed", [0.0, 0.1, 1.0, 10.0, 99.0, 500.0])
def test_the_first_healthy_moment_is_known_within_a_twentieth(elapsed: float) -> None:
    checks = HealthChecks.of_endpoints(Limits())
    assert 0.02 <= checks.pause(elapsed) <= max(0.02, elapsed / 20)
    assert checks.pause(elapsed) <= Limits().ping_interval


def test_the_start_window_is_the_production_variants() -> None:
    """API: ContainerStartupHealthCheckTimeoutInSeconds."""
    assert HealthChecks.of_endpoints(Limits()).start_window == 480
    assert HealthChecks.of_endpoints(Limits(), start_window=60).start_window == 60
    batch = HealthChecks.of_transforms(Limits())
    assert (batch.start_window, batch.interval, batch.timeout) == (1800, 1, 2)

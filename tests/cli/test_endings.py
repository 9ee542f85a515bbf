"""Commands that are interrupted or killed: nothing of theirs stays, and nothing of anybody else's goes."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from smlocal.engine.docker import DockerEngine
from tests.cli.conftest import of_process, read_until

pytestmark = pytest.mark.engine

Start = Callable[..., "subprocess.Popen[str]"]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_what_a_killed_command_left_is_reaped_and_a_live_one_never_notices(
    start: Start, engine: DockerEngine, broken_image: str
) -> None:
    live = start("serve", broken_image, "--env", "FAULT=serves_well", "--port", "0")
    url = read_until(live, "serving at http").split()[2]
    killed = start("train", broken_image, "--env", "FAULT=saves_on_sigterm", "--network-isolation")
    read_until(killed, "working")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    left = of_process(engine, killed.pid)
    assert {item.kind for item in left} == {"container", "volume", "network"}

    next_one = start("ps")
    assert next_one.communicate()[0]
    assert next_one.returncode == 0
    assert of_process(engine, killed.pid) == []
    assert of_process(engine, live.pid)
    with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:
        assert answer.status == 200

    live.send_signal(signal.SIGINT)
    assert live.wait(30) == 0
    assert of_process(engine, live.pid) == []


def test_the_first_interrupt_stops_the_job_and_keeps_its_model(
    start: Start, engine: DockerEngine, broken_image: str, tmp_path: Path
) -> None:
    job = start("train", broken_image, "--env", "FAULT=saves_on_sigterm", "--output", "out", "--job-name", "stopped")
    read_until(job, "working")
    job.send_signal(signal.SIGINT)
    output = job.communicate(timeout=30)[0]
    assert job.returncode == 130, output
    assert "\nStopped\n" in output
    assert (tmp_path / "out/stopped/output/model.tar.gz").is_file()
    assert of_process(engine, job.pid) == []


def test_the_second_interrupt_waits_no_longer_and_leaves_nothing(
    start: Start, engine: DockerEngine, broken_image: str
) -> None:
    job = start("train", broken_image, "--env", "FAULT=ignores_sigterm")
    read_until(job, "working")
    job.send_signal(signal.SIGINT)
    read_until(job, "SIGTERM: ignored.")
    job.send_signal(signal.SIGINT)
    output = job.communicate(timeout=30)[0]
    assert job.returncode == 130, output
    assert "Traceback" not in output
    assert of_process(engine, job.pid) == []


def test_serve_tells_a_container_that_ended_by_itself(start: Start, broken_image: str) -> None:
    served = start("serve", broken_image, "--env", "FAULT=exits_on_invocation", "--port", "0")
    url = read_until(served, "serving at http").split()[2]
    request = urllib.request.Request(f"{url}/invocations", b"x", {"Content-Type": "text/csv"})
    with pytest.raises(urllib.error.HTTPError, match="424"):
        urllib.request.urlopen(request, timeout=20)
    assert served.wait(30) == 1


def test_prune_removes_what_an_ended_command_kept(start: Start, engine: DockerEngine, broken_image: str) -> None:
    job = start("train", broken_image, "--env", "FAULT=trains_well", "--keep", "-q")
    job.communicate(timeout=60)
    wait_until(lambda: bool(of_process(engine, job.pid)))
    start("ps").communicate()
    assert of_process(engine, job.pid), "what was kept is not reaped"
    pruned = start("prune").communicate()[0]
    assert "removed 1 container, " in pruned
    assert of_process(engine, job.pid) == []


def test_a_stopped_transform_takes_back_what_it_wrote_and_nothing_else(
    start: Start, engine: DockerEngine, broken_image: str, tmp_path: Path
) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    (inputs / "a.csv").write_text("1\n")
    (inputs / "b.csv").write_text("1\n" * 300_000)
    (outputs / "mine.csv.out").write_text("mine")
    job = start(
        "transform", broken_image, "--env", "FAULT=records_echo", "--input", "in", "--output", "out",
        "--content-type", "text/csv", "--split-type", "Line", "--strategy", "SingleRecord",
    )  # fmt: skip
    read_until(job, "1 of 2 objects")
    assert (outputs / "a.csv.out").read_text() == "1"
    job.send_signal(signal.SIGINT)
    output = job.communicate(timeout=60)[0]
    assert job.returncode == 130, output
    assert output.endswith("Stopped\n")
    assert [path.name for path in outputs.iterdir()] == ["mine.csv.out"]
    assert (outputs / "mine.csv.out").read_text() == "mine"
    assert of_process(engine, job.pid) == []

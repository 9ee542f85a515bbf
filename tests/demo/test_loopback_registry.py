"""A registry for as long as its block, or its owner, lives."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smlocal.demo.loopback_registry import REGISTRY_PROGRAM, loopback_registry
from smlocal.errors import CannotRun
from smlocal.reachability import ask

HOLDS = """
import sys
from pathlib import Path
from smlocal.demo.loopback_registry import loopback_registry
with loopback_registry("docker-registry", Path(sys.argv[1])) as place:
    print(place, flush=True)
    sys.stdin.read()
"""


def listens(place: str) -> bool:
    host, _, port = place.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_answers_within_its_block_and_not_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_HTTP_ADDR", "127.0.0.1:1")  # the user's own registry is not ours
    with pytest.raises(ZeroDivisionError), loopback_registry(REGISTRY_PROGRAM, tmp_path) as place:
        assert ask(f"http://{place}/v2/", 10) is None
        raise ZeroDivisionError
    assert not listens(place)


@pytest.mark.parametrize("program", ["/no/such/program", "false"])
def test_a_program_that_does_not_start_is_named(tmp_path: Path, program: str) -> None:
    with pytest.raises(CannotRun, match=f"^{program} did not start: "), loopback_registry(program, tmp_path):
        pytest.fail("there is no registry")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_whoever_started_it(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        place = process.stdout.readline().decode().strip()
        assert listens(place)
        os.kill(process.pid, number)
    deadline = time.monotonic() + 10
    while listens(place):
        assert time.monotonic() < deadline
        time.sleep(0.05)

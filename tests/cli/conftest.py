"""The command line, called in this process and in processes of its own, and the containers that it runs.

The tests are a host of their own: no command of theirs sees, reaps or prunes what somebody else runs or keeps.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smlocal import owner
from smlocal.cli.app import run
from smlocal.engine.docker import DockerEngine
from smlocal.engine.interface import Owned
from tests.container.conftest import broken_image, build_image, docker_client, sklearn_image
from tests.storage.conftest import s3_endpoint

__all__ = ["broken_image", "build_image", "docker_client", "s3_endpoint", "sklearn_image"]

_COMMAND = """
import platform, sys
platform.node = lambda: {host!r}
from smlocal.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the host that this test is."""
    name = f"test-{uuid.uuid4().hex}"
    monkeypatch.setattr(platform, "node", lambda: name)
    return name


@pytest.fixture
def smlocal(
    host: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Run one command with a state folder of the test's own, in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SMLOCAL_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: object) -> Said:
        capfd.readouterr()
        code = run([str(word) for word in words])
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def command(host: str, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command of its own process in the test's folder; arguments beside its words are Popen's."""

    def begin(*words: str, **options: Any) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "SMLOCAL_STATE": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}
        line = [sys.executable, "-c", _COMMAND.format(host=host), *words]
        return subprocess.Popen(line, env=environment, cwd=tmp_path, **options)

    return begin


@pytest.fixture
def start(command: Callable[..., subprocess.Popen[str]]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command whose output is read while it runs; killed, if need be, at the end, and pruned."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        started.append(command(*words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    pruning = command("prune", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed = pruning.communicate()[0]
    assert pruning.returncode == 0, printed


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    found = DockerEngine()
    yield found
    found.close()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The first line of its output that holds `text`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return line
    raise AssertionError(f"never said {text!r}: {lines}")


def of_process(engine: DockerEngine, pid: int) -> list[Owned]:
    """What a process of this test's host has in the engine."""
    return engine.owned(
        {**owner.this_process().labels(), "smlocal.owner.process": str(pid), "smlocal.owner.started": ""}
    )

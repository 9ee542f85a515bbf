"""Which engine is meant: DOCKER_HOST, then DOCKER_CONTEXT, then the context of Docker's configuration."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from smlocal.engine.docker import DockerEngine
from smlocal.errors import EngineUnavailable


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker configuration with the contexts `near` (current) and `far`, at sockets where nobody listens."""
    for name in ("near", "far"):
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        endpoint = {"docker": {"Host": f"unix://{tmp_path}/{name}.sock", "SkipTLSVerify": False}}
        (folder / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "near"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return tmp_path


def reached_for(configured: Path, name: str) -> None:
    """Only the socket of that context exists as a file, which is no socket: connecting is refused there."""
    (configured / f"{name}.sock").touch()
    with pytest.raises(EngineUnavailable, match="Connection refused"):
        DockerEngine()


def test_the_current_context_is_used(configured: Path) -> None:
    reached_for(configured, "near")


def test_docker_context_wins_over_the_configuration(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    reached_for(configured, "far")


def test_docker_host_wins_over_docker_context(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{configured}/named.sock")
    reached_for(configured, "named")


def test_an_unknown_context_is_refused_and_no_other_engine_taken(
    configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nobody")
    with pytest.raises(EngineUnavailable, match=r"the Docker context 'nobody' not found: `docker context ls` lists"):
        DockerEngine()

"""Sessions of pytest with the plugin, each a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.conftest import build_image, docker_client, sklearn_image

__all__ = ["build_image", "docker_client", "sklearn_image"]

ROOT = Path(__file__).resolve().parents[2]
# before pytester gives the sessions under test a home of their own: a Docker context may name the engine
DOCKER_CONFIG = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))

Session = Callable[..., pytest.RunResult]


@pytest.fixture
def notes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What scripted parts of the session wrote down, from all of its processes."""
    path = pytester.path / "notes"
    monkeypatch.setenv("NOTES", str(path))
    return lambda: path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Run pytest in the test's folder, where warnings are errors as in a strict project; its temporary files go there,
    and none of ours is left among them."""
    scratch = pytester.path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("DOCKER_CONFIG", DOCKER_CONFIG)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "CI", "BUILD_NUMBER"):  # the last two lengthen its summary
        monkeypatch.delenv(name, raising=False)
    pytester.plugins = ["smlocal.pytest_plugin"]

    def run(*words: str) -> pytest.RunResult:
        found = pytester.runpytest_subprocess("-p", "no:cacheprovider", *words)
        assert [path.name for path in scratch.iterdir() if path.name.startswith("smlocal")] == []
        return found

    return run


@pytest.fixture
def scripted(pytester: pytest.Pytester, session: Session, notes: Callable[[], list[str]]) -> Session:
    """A session whose engine and examinations are scripted."""
    pytester.makeconftest("from tests.pytest_plugin.scripted import *")
    return session

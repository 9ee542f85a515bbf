"""`check --build` and `--dockerfile`: what is built first, and at which file findings are shown."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from smlocal.cli.dockerfile import shown_at
from smlocal.errors import SmlocalError, UsageError
from tests.cli.conftest import Said

Command = Callable[..., Said]
WITHOUT_TRAIN = "FROM smlocal/base:latest\nRUN printf '#!/bin/sh\\n' > /usr/local/bin/serve\n"


def project(root: Path) -> Path:
    """A repository with a model's folder, and a link to it."""
    (root / ".git").mkdir(parents=True)
    (root / "models" / "iris").mkdir(parents=True)
    (root / "models" / "iris" / "Dockerfile").touch()
    (root / "link").symlink_to("models/iris")
    return root


PLACES = [
    (".", "models/iris/Dockerfile", None, "models/iris/Dockerfile"),
    (".", "link/Dockerfile", None, "models/iris/Dockerfile"),
    ("models/iris", None, None, "models/iris/Dockerfile"),
    (".", None, None, "Dockerfile"),
    (".", None, "models/smlocal.toml", "models/smlocal.toml"),
    (".", "elsewhere/Dockerfile", None, "elsewhere/Dockerfile"),
]


@pytest.mark.parametrize(("folder", "dockerfile", "config", "expected"), PLACES)
def test_findings_are_shown_at_a_file_of_the_repository(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    dockerfile: str | None,
    config: str | None,
    expected: str,
) -> None:
    root = project(tmp_path / "repository")
    (root / "models" / "smlocal.toml").touch()
    monkeypatch.chdir(root / folder)
    assert shown_at(*(None if name is None else Path(name) for name in (dockerfile, config))) == expected


def test_outside_of_a_repository_paths_are_those_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "Dockerfile").touch()
    monkeypatch.chdir(here)
    found = [shown_at(path, None) for path in (None, here / "Dockerfile", there / "Dockerfile")]
    assert found == ["Dockerfile", "Dockerfile", os.path.relpath(there / "Dockerfile")]


def test_an_image_that_was_just_built_is_not_pulled(smlocal: Command) -> None:
    Path("Dockerfile").touch()
    said = smlocal("check", "x", "--build", "--pull", "always")
    assert (said.code, "an image that was just built cannot be pulled" in said.err) == (UsageError.exit_code, True)


@pytest.mark.engine
def test_an_image_is_built_then_checked_and_its_findings_shown_at_its_dockerfile(
    smlocal: Command, docker_client: docker.DockerClient
) -> None:
    subprocess.run(["git", "init", "--quiet", "."], check=True)
    Path("model").mkdir()
    Path("model/Dockerfile").write_text(WITHOUT_TRAIN)
    words = ("smlocal-test/built:1", "--build", "--dockerfile", "model/Dockerfile", "--select", "SM1")
    try:
        said = smlocal("check", *words, "--output", "sarif=r.sarif", "--output", "codequality=r.json")
        assert said.code == 1, said
        assert "building smlocal-test/built:1\n" in said.err
        results = json.loads(Path("r.sarif").read_text())["runs"][0]["results"]
        places = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
        issues = json.loads(Path("r.json").read_text())
        assert {*places, *(issue["location"]["path"] for issue in issues)} == {"model/Dockerfile"}
        assert "SM103" in {result["ruleId"] for result in results}
    finally:
        docker_client.images.remove("smlocal-test/built:1")


@pytest.mark.engine
def test_a_build_that_fails_says_the_step_and_nothing_is_checked(smlocal: Command) -> None:
    Path("Dockerfile").write_text("FROM smlocal/base:latest\nRUN echo no such luck && exit 7\n")
    said = smlocal("check", "smlocal-test/unbuilt:1", "--build")
    assert (said.code, said.out) == (SmlocalError.exit_code, "")
    assert "building smlocal-test/unbuilt:1 failed: " in said.err and "no such luck" in said.err

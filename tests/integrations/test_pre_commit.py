"""The hook for pre-commit, by a real `git push` between two repositories: installed from a clone of this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.integrations.conftest import BROKEN, LOOK, ROOT, environment

pytestmark = [pytest.mark.engine, pytest.mark.slow]

GOOD = "FROM smlocal/sklearn:latest\n"
IMAGE = "smlocal-test/integrations:pushed"
_NOT_COPIED = shutil.ignore_patterns(".*cache", ".git", ".tox", ".venv", "__pycache__", "*.egg-info", "dist", "build")


@dataclass(frozen=True)
class Consumer:
    """A repository with a hook, and the one that it pushes to."""

    folder: Path
    remote: Path
    variables: dict[str, str]

    def git(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words],
            cwd=self.folder,
            env={**self.variables, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
        )

    def commit(self, dockerfile: str) -> str:
        (self.folder / "Dockerfile").write_text(dockerfile)
        for words in (("add", "--all"), ("commit", "--quiet", "--message", "x")):
            done = self.git(*words)
            assert done.returncode == 0, done.stdout
        return self.git("rev-parse", "HEAD").stdout.strip()

    def pushed(self) -> str:
        """What the other repository has as main; "" when there is none."""
        done = subprocess.run(
            ["git", "rev-parse", "--quiet", "--verify", "main"],
            cwd=self.remote,
            env=self.variables,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Git and pre-commit as on a machine where nobody set anything."""
    home = tmp_path_factory.mktemp("home")
    author = {f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = environment(**author, HOME=str(home), PRE_COMMIT_HOME=str(home / "pre-commit"), GIT_CONFIG_NOSYSTEM="1")
    kept["DOCKER_CONFIG"] = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
    (home / ".gitconfig").write_text("[init]\n    defaultBranch = main\n")
    return kept


@pytest.fixture(scope="module")
def hooks(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """This working tree as a repository, and its only commit."""
    folder = tmp_path_factory.mktemp("hooks") / "smlocal"
    shutil.copytree(ROOT, folder, ignore=_NOT_COPIED)
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "x")):
        subprocess.run(["git", *words], cwd=folder, env=variables, check=True)
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, env=variables, check=True, capture_output=True, text=True
    )
    return folder, found.stdout.strip()


@pytest.fixture
def consumer(hooks: tuple[Path, str], variables: dict[str, str], tmp_path: Path) -> Consumer:
    """A repository that builds and checks its image before a push, as docs/ci.md has it."""
    folder, remote = tmp_path / "consumer", tmp_path / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], env=variables, check=True)
    subprocess.run(["git", "init", "--quiet", str(folder)], env=variables, check=True)
    made = Consumer(folder, remote, variables)
    hook = {"id": "smlocal-check", "args": [IMAGE, "--build"]}
    configuration = {"repos": [{"repo": str(hooks[0]), "rev": hooks[1], "hooks": [hook]}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration))
    (folder / "smlocal.toml").write_text(LOOK)
    made.git("remote", "add", "origin", str(remote))
    command = [sys.executable, "-m", "pre_commit", "install", "--hook-type", "pre-push"]
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
    return made


def test_a_good_image_lets_the_push_through_and_a_broken_one_stops_the_next(
    consumer: Consumer, sklearn_image: str, build_image: Callable[..., str]
) -> None:
    good = consumer.commit(GOOD)
    through = consumer.git("push", "origin", "main")
    assert (through.returncode, consumer.pushed()) == (0, good), through.stdout
    assert f"PASSED {IMAGE}: 0 errors" in through.stdout

    consumer.commit(BROKEN)
    stopped = consumer.git("push", "origin", "main")
    assert stopped.returncode != 0 and consumer.pushed() == good
    assert "ERROR SM112 " in stopped.stdout and "AWS_ACCESS_KEY_ID" in stopped.stdout
    assert f"FAILED {IMAGE}: 1 error" in stopped.stdout


def test_without_an_engine_the_push_is_stopped_with_a_sentence_that_says_so(consumer: Consumer, tmp_path: Path) -> None:
    consumer.commit(GOOD)
    stopped = consumer.git("push", "origin", "main", DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    assert stopped.returncode != 0 and consumer.pushed() == ""
    assert "smlocal: connecting to the container engine: the container engine does not answer" in stopped.stdout


def test_a_commit_is_not_held_up(consumer: Consumer) -> None:
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    assert hook["stages"] == ["pre-push", "manual"]
    assert [path.name for path in (consumer.folder / ".git" / "hooks").iterdir() if path.suffix != ".sample"] == [
        "pre-push"
    ]

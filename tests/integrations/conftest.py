"""What the integrations' tests share: an environment without this one's Python, images, a command that only listens."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.conftest import build_image, docker_client, sklearn_image

__all__ = ["build_image", "docker_client", "sklearn_image"]

ROOT = Path(__file__).resolve().parents[2]
# Its files alone are looked at, so that a check takes a second.
LOOK = "[check]\ntrain = false\nserve = false\n"
# Made up: nobody has it.
BROKEN = "FROM smlocal/base:latest\nENV AWS_ACCESS_KEY_ID=AKIASMLOCALNOTAREAL0\n"
_LISTENER = """#!{python}
import json, os, pathlib, sys
pathlib.Path({heard!r}).write_text(json.dumps(sys.argv[1:]))
print(os.environ.get("FAKE_SAYS", ""))
for word in sys.argv[1:]:
    if word.startswith("--output=") and os.environ.get("FAKE_CODE", "0") in "01":
        pathlib.Path(word.split("=", 2)[2]).write_text("report")
sys.exit(int(os.environ.get("FAKE_CODE", "0")))
"""

Heard = Callable[[], list[str]]


def environment(**more: str) -> dict[str, str]:
    """This one's, without what leads another Python to our modules; `python3` is the one that runs the tests."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "COVERAGE", "COV_", "SMLOCAL_", "GITHUB_", "CI_", "GIT_"))
    }
    kept.pop("VIRTUAL_ENV", None)
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return {**kept, **more}


def listener(folder: Path, name: str) -> Heard:
    """A command in `folder` that writes down its words and writes the reports that it is asked for; what it heard."""
    heard = folder / f"{name}.json"
    command = folder / name
    command.write_text(_LISTENER.format(python=sys.executable, heard=str(heard)))
    command.chmod(0o755)
    return lambda: list(json.loads(heard.read_text())) if heard.exists() else []


@pytest.fixture(scope="session")
def broken_look(build_image: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that breaks SM112 by its environment."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "Dockerfile").write_text(BROKEN)
    return build_image(folder, "smlocal-test/integrations:broken")

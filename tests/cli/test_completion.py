"""What a shell is told when the user presses TAB, by the protocol that the completion script speaks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

PROGRAM = Path(sys.executable).with_name("smlocal")


def completions(line: str) -> list[str]:
    words = line.split(" ")
    environment = {"_SMLOCAL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    ended = subprocess.run([PROGRAM], env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("smlocal tr", ["train", "transform"]),
        ("smlocal images b", ["build"]),
        ("smlocal train --che", ["--checkpoints"]),
        ("smlocal transform --max", ["--max-payload"]),
        ("smlocal --format ", ["text", "json", "junit", "sarif", "markdown", "html", "codequality"]),
        ("smlocal dance", []),
    ],
)
def test_the_shell_is_told_what_may_follow(line: str, expected: list[str]) -> None:
    assert completions(line) == expected


def test_bash_completes_by_the_script_that_is_shown() -> None:
    script = subprocess.run([PROGRAM, "--show-completion", "bash"], capture_output=True, text=True, check=True).stdout
    ask = 'COMP_WORDS=(smlocal im); COMP_CWORD=1; _smlocal_completion "$0"; echo "${COMPREPLY[*]}"'
    answer = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\n{ask}", str(PROGRAM)], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "images\n"


def test_completion_can_be_installed(smlocal: Callable[..., Said]) -> None:
    assert "--install-completion" in smlocal("--help").out

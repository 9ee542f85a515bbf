"""A composite GitHub action, run as the runner would run its scripts: a small subset, and whatever else is refused.

Known are: `${{ inputs.x }}` and `${{ steps.s.outputs.x }}` as the whole of a value; conditions of comparisons of these
with a text, joined by `&&`, or `always()`; `shell: bash`; files for outputs, paths and the summary. Actions that are
used are written down with what they get, and not run.

Sources: GitHub, "Metadata syntax" (runs for composite actions), "Workflow syntax" (`shell: bash` is
`bash --noprofile --norc -eo pipefail {0}`), "Workflow commands"; actions/runner, src/Runner.Common/ActionCommand.cs
(how a command is found in a line).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_VALUE = re.compile(r"\$\{\{ (inputs\.[a-z-]+|steps\.[a-z]+\.outputs\.[a-z]+) \}\}")
_CLAUSE = re.compile(r"(inputs\.[a-z-]+|steps\.[a-z]+\.outputs\.[a-z]+) (==|!=) '([^']*)'")
_KEYS = {"name", "id", "if", "uses", "with", "shell", "env", "run", "working-directory"}
_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_COMMAND = re.compile(r"\s*::([a-z0-9-]+)( [^:]*)?::(.*)")
_OLD_COMMAND = re.compile(r"##\[([a-z-]+)( [^\]]*)?\](.*)")


@dataclass
class Ran:
    """What became of a step. `code` is None for an action that is used."""

    name: str
    code: int | None = 0
    out: str = ""
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Job:
    """What became of a whole action."""

    failed: bool
    steps: dict[str, Ran]  # those that were not left out
    outputs: dict[str, str]
    summary: str

    @property
    def out(self) -> str:
        return "".join(step.out for step in self.steps.values())


class Composite:
    """An action in its folder, in a workspace and a temporary folder of its own."""

    def __init__(self, folder: Path, workspace: Path, temporary: Path, environment: Mapping[str, str]) -> None:
        self._document: dict[str, Any] = yaml.safe_load((folder / "action.yml").read_text(encoding="utf-8"))
        self._workspace = workspace
        self._temporary = temporary
        self._environment = {**environment, "RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(folder)}
        if self._document["runs"]["using"] != "composite":
            raise ValueError("this is no composite action")

    def run(self, inputs: Mapping[str, str], *, leave_out: tuple[str, ...] = ()) -> Job:
        """Run the steps. Those in `leave_out` count as done: what they would do is there already."""
        declared = self._document["inputs"]
        if unknown := set(inputs) - set(declared):
            raise ValueError(f"no such input: {unknown}")
        known = {f"inputs.{name}": inputs.get(name, str(item.get("default", ""))) for name, item in declared.items()}
        job = Job(failed=False, steps={}, outputs={}, summary="")
        for step in self._document["runs"]["steps"]:
            if unknown := set(step) - _KEYS:
                raise ValueError(f"not known here: {unknown}")
            if step["name"] not in leave_out and _wanted(step.get("if"), known, job.failed):
                job.steps[step["name"]] = self._step(step, known, job)
        for name, output in self._document["outputs"].items():
            job.outputs[name] = _value(output["value"], known)
        return job

    def _step(self, step: Mapping[str, Any], known: dict[str, str], job: Job) -> Ran:
        if "uses" in step:
            given = {name: _value(str(value), known) for name, value in step["with"].items()}
            return Ran(step["uses"], None, given=given)
        if "${{" in step["run"] or step["shell"] != "bash":
            raise ValueError("an expression in a script, or another shell")
        files = {
            name: self._temporary / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for path in files.values():
            path.write_text("")
        script = self._temporary / "script.sh"
        script.write_text(step["run"], encoding="utf-8")
        values = {name: _value(str(value), known) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            [*_BASH, str(script)],
            cwd=self._workspace / _value(step.get("working-directory", "."), known),
            env={**self._environment, **{name: str(path) for name, path in files.items()}, **values},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
        )
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, separator, value = line.partition("=")
            if not separator or f"steps.{step['id']}.outputs.{name}" in known:
                raise ValueError(f"no output, or one more of its name: {line}")
            known[f"steps.{step['id']}.outputs.{name}"] = value
        for line in files["GITHUB_PATH"].read_text().splitlines():
            self._environment["PATH"] = os.pathsep.join([line, self._environment["PATH"]])
        job.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        job.failed = job.failed or done.returncode != 0
        return Ran(step["name"], done.returncode, done.stdout)


def commands(out: str) -> list[tuple[str, str]]:
    """The commands to the runner in an output, by name and text, as the runner finds them."""
    found: list[tuple[str, str]] = []
    stopped = ""
    for line in out.splitlines():
        match = _COMMAND.match(line) or _OLD_COMMAND.search(line)
        name = match[1] if match else ""
        if stopped:
            stopped = "" if match and f"::{stopped}::" in line else stopped
        elif match and name == "stop-commands":
            stopped = match[3]
        elif match:
            found.append((name, match[3]))
    return found


def _wanted(condition: str | None, known: Mapping[str, str], failed: bool) -> bool:
    if condition == "always()":
        return True
    return not failed and all(_holds(clause, known) for clause in condition.split(" && ")) if condition else not failed


def _holds(clause: str, known: Mapping[str, str]) -> bool:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        raise ValueError(f"a condition that is not known here: {clause}")
    return (_looked_up(match[1], known) == match[3]) is (match[2] == "==")


def _value(text: str, known: Mapping[str, str]) -> str:
    if "${{" not in text:
        return text
    match = _VALUE.fullmatch(text)
    if match is None:
        raise ValueError(f"an expression that is not known here: {text}")
    return _looked_up(match[1], known)


def _looked_up(name: str, known: Mapping[str, str]) -> str:
    if name.startswith("inputs.") and name not in known:
        raise ValueError(f"there is no {name}")
    return known.get(name, "")

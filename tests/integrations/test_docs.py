"""What docs/ci.md shows: its commands are run, its YAML names what there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml
from markdown_it import MarkdownIt

from tests.integrations.conftest import LOOK, ROOT, environment
from tests.integrations.test_action import ACTION
from tests.integrations.test_gitlab import TEMPLATE, VALIDATOR, merged

# Writes down what it is asked, and lists the comments that the test has.
GH = """#!/bin/sh
printf '%s\\n' "$*" >> heard
case "$*" in *--paginate*) cat listed ;; esac
"""
BLOCKS: list[tuple[str, str, str]] = []  # the heading above, the language, the text


def _read() -> None:
    heading = ""
    tokens = MarkdownIt("commonmark").parse((ROOT / "docs" / "ci.md").read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            heading = following.content
        if token.type == "fence":
            BLOCKS.append((heading, token.info, token.content))


_read()


def block(heading: str) -> str:
    """The only block under a heading."""
    (found,) = [text for above, _, text in BLOCKS if above == heading]
    return found


def test_the_hook_that_is_shown_is_there() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repository,) = yaml.safe_load(block("Before a push"))["repos"]
    assert [item["id"] for item in repository["hooks"]] == [hook["id"]]


def test_the_inputs_and_outputs_of_the_action_that_are_shown_are_there() -> None:
    steps = yaml.safe_load(block("GitHub Actions"))["steps"]
    assert set(steps[-1]["with"]) <= set(ACTION["inputs"]) and "image" in steps[-1]["with"]
    text = (ROOT / "docs" / "ci.md").read_text().partition("\n## GitHub Actions")[2].partition("\n## ")[0]
    named = set(re.findall("`([a-z-]+)`", text))
    assert set(ACTION["inputs"]) - {"image", "allow", "upload-sarif"} <= named and set(ACTION["outputs"]) <= named
    assert set(re.findall(r"steps\.contract\.outputs\.([a-z]+)", text)) <= set(ACTION["outputs"])


def test_the_step_that_comments_edits_the_images_own_comment_or_makes_one(tmp_path: Path) -> None:
    (step,) = yaml.safe_load(block("A comment on the pull request"))
    assert "${{" not in step["run"] and set(step["env"]) == {"GH_TOKEN", "NUMBER", "BODY"}
    marker = "<!-- smlocal check shop/model -->"
    (tmp_path / "a b.md").write_text(f"{marker}\n### passed\n")
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    for comments in ([], ["5 <!-- smlocal check shop/other -->"], ["5 words", f"6 {marker}", f"7 {marker}", "8 more"]):
        (tmp_path / "listed").write_text("".join(f"{line}\n" for line in comments))
        (tmp_path / "heard").write_text("")
        given = environment(NUMBER="7", BODY="a b.md", GITHUB_REPOSITORY="us/shop")
        given["PATH"] = f"{tmp_path}:{given['PATH']}"
        command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
        subprocess.run(command, cwd=tmp_path, env=given, check=True, capture_output=True)
        asked, said = (tmp_path / "heard").read_text().splitlines()
        assert asked.startswith("api --paginate repos/us/shop/issues/7/comments --jq ")
        edited = "api --silent --method PATCH repos/us/shop/issues/comments/7 --field body=@a b.md"
        assert said == (edited if len(comments) > 1 else "pr comment 7 --body-file a b.md")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_step_that_comments_looks_at_the_first_lines_of_its_own_comments() -> None:
    (step,) = yaml.safe_load(block("A comment on the pull request"))
    (words,) = re.findall(r"--jq '([^']*)'", step["run"])
    bot, other = {"login": "github-actions[bot]"}, {"login": "me"}
    comments = [
        {"id": 1, "user": other, "body": "<!-- x -->"},
        {"id": 2, "user": bot, "body": "<!-- x -->\n<!-- y -->"},
    ]
    done = subprocess.run(["jq", "-r", words], input=json.dumps(comments), capture_output=True, text=True, check=True)
    assert done.stdout == "2 <!-- x -->\n"


def test_the_gitlab_job_that_is_shown_extends_what_there_is() -> None:
    shown: dict[str, Any] = yaml.safe_load(block("GitLab"))
    VALIDATOR.validate({**TEMPLATE, **shown})
    job = shown["contract"]
    assert job["extends"] in TEMPLATE and set(job["variables"]) <= set(merged(".smlocal")["variables"])
    text = (ROOT / "docs" / "ci.md").read_text()
    assert set(re.findall("CHECK_[A-Z]+", text)) == set(merged(".smlocal")["variables"])
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**TEMPLATE, "contract": {**job, "extend": ".smlocal"}, "x": {"script": 1}})


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where pip finds this working tree as smlocal."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, env=environment(), check=True, timeout=280)
    return folder


def run(script: str, folder: Path, wheels: Path) -> str:
    links = " ".join(filter(None, [str(wheels), os.environ.get("PIP_FIND_LINKS", "")]))
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment(PIP_FIND_LINKS=links),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.engine
@pytest.mark.slow
def test_the_commands_for_any_ci_and_for_a_badge_run_as_they_stand(
    tmp_path: Path, wheels: Path, sklearn_image: str
) -> None:
    (tmp_path / "smlocal.toml").write_text(LOOK)
    script = block("Any other").replace("shop/model:ci", sklearn_image)
    assert "PASSED" in run(script, tmp_path, wheels)
    assert ElementTree.parse(tmp_path / "smlocal.xml").getroot().attrib["failures"] == "0"
    said = run(f"PATH=.ci/bin:$PATH\n{block('A badge')}", tmp_path, wheels)
    assert json.loads(said)["message"].startswith("passed: ")
    assert ElementTree.parse(tmp_path / "smlocal.svg").getroot().attrib["role"] == "img"


@pytest.mark.engine
@pytest.mark.slow
def test_the_command_of_the_jenkins_stage_runs_and_leaves_what_the_stage_collects(
    tmp_path: Path, wheels: Path, sklearn_image: str
) -> None:
    stage = block("Jenkins")
    (tmp_path / "smlocal.toml").write_text(LOOK)
    (command,) = re.findall("sh '([^']*)'", stage)
    run(command.replace("shop/model:ci", sklearn_image), tmp_path, wheels)
    collected = re.findall("(?:junit|archiveArtifacts) '([^']*)'", stage)
    assert len(collected) == 2 and all((tmp_path / name).stat().st_size for name in collected)
    assert stage.count("{") == stage.count("}")

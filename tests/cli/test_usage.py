"""Bad input of any kind is one clear sentence and exit code 2, before anything runs and without a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from smlocal import __version__
from smlocal.cli.app import hoisted
from tests.cli.conftest import Said

Command = Callable[..., Said]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train"], "which image?"),
        (["train", "x", "--channel", "train"], "write NAME=SRC"),
        (["train", "x", "--channel", "train=./nothing"], "there is no file or folder './nothing'"),
        (["train", "x", "--channel", "train=s3:///key"], "names no bucket"),
        (["train", "x", "--channel", "a=.,type=b"], "only ',content-type=TYPE' may follow"),
        (["train", "x", "-p", "depth"], "write KEY=VALUE"),
        (["train", "x", "-p", "a=1", "-p", "a=2"], "'a' is given twice"),
        (["train", "x", "--env", "=1"], "write KEY=VALUE"),
        (["train", "x", "--hyperparameters", "none.json"], "cannot be read"),
        (["train", "x", "--cli-input-json", "r.json"], "holds the whole request"),
        (["train", "--cli-input-json", "none.json"], "cannot be read"),
        (["train", "x", "--max-runtime", "soon"], "Invalid value for '--max-runtime'"),
        (["train", "x", "--pull", "sometimes"], "never, missing, always"),
        (["train", "UPPER/Case"], "is not an image reference"),
        (["invoke", "nowhere", "--body", "x", "--content-type", "text/csv"], "is not an address"),
        (["invoke", "http://127.0.0.1:1", "--body", "none", "--content-type", "text/csv"], "cannot be read"),
        (["invoke", "http://127.0.0.1:1", "--body", "x"], "--content-type"),
        (["transform", "x", "--input", "none"], "there is no file or folder"),
        (["serve", "x", "--model", "none.tar.gz"], "there is no file or folder"),
        (["serve", "x", "--port", "70000"], "Invalid value for '--port'"),
        (["logs", "never-run"], "there is no record of a job 'never-run'"),
        (["images", "build", "nothing"], "nothing"),
        (["--region"], "--region"),
        (["--format", "yaml", "ps"], "yaml"),
        (["dance"], "dance"),
        (["ps", "--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence_and_exit_2(smlocal: Command, words: list[str], sentence: str) -> None:
    said = smlocal(*words)
    assert said.code == 2, said
    assert sentence in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[1]", "JSON object"),
        ("\xff", ""),
        ('{"TrainingJobName": "a_b"}', ""),
    ],
)
def test_a_request_file_that_is_none_is_refused(smlocal: Command, text: str, sentence: str) -> None:
    Path("r.json").write_text(text, encoding="latin-1")
    said = smlocal("train", "--cli-input-json", "r.json")
    assert said.code == 2, said
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_an_unknown_setting_is_refused_by_name(smlocal: Command) -> None:
    Path("smlocal.toml").write_text('regoin = "eu-west-1"\n')
    said = smlocal("ps")
    assert said.code == 2
    assert "unknown setting 'regoin' in" in said.err


def test_no_engine_is_exit_3_and_says_so(smlocal: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    said = smlocal("train", "iris")
    assert said.code == 3
    assert "does not answer" in said.err
    assert "Traceback" not in said.err


def test_nobody_answering_is_exit_3(smlocal: Command) -> None:
    Path("body").write_text("1,2")
    said = smlocal("invoke", "http://127.0.0.1:9", "--body", "body", "--content-type", "text/csv")
    assert said.code == 3
    assert "127.0.0.1:9" in said.err


def test_the_version_is_told(smlocal: Command) -> None:
    assert smlocal("--version").out == f"smlocal {__version__}\n"


@pytest.mark.parametrize("command", ["train", "serve", "invoke", "transform", "ps", "logs", "prune", "doctor", "demo"])
def test_every_command_explains_itself(smlocal: Command, command: str) -> None:
    said = smlocal(command, "--help")
    assert said.code == 0
    assert "Usage: smlocal" in said.out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["doctor", "--format", "json"], ["--format", "json", "doctor"]),
        (["train", "x", "-q", "-p", "a=1"], ["-q", "train", "x", "-p", "a=1"]),
        (["ps", "--state=/tmp/x"], ["--state=/tmp/x", "ps"]),
        (["logs", "--", "-q"], ["logs", "--", "-q"]),
        (["ps", "--region"], ["--region", "ps"]),
    ],
)
def test_common_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert hoisted(given) == expected


def test_shell_completion_is_offered(smlocal: Command) -> None:
    assert "--install-completion" in smlocal("--help").out


def test_hyperparameters_of_a_file_become_strings(smlocal: Command) -> None:
    from smlocal.cli.sources import hyperparameters

    Path("h.json").write_text(json.dumps({"a": 1, "b": "x", "c": [1, 2], "d": True}))
    assert hyperparameters(Path("h.json"), ["a=2"]) == {"a": "2", "b": "x", "c": "[1, 2]", "d": "true"}

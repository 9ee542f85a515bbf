"""Bad input of any kind is one clear sentence and exit code 2, before anything runs and without a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from smlocal import __version__
from smlocal.cli.app import app, hoisted
from smlocal.errors import UsageError
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
        (["train", "x", "--channel", "a=.,content-type="], "no type stands after ',content-type='"),
        (
            ["train", "x", "--channel", "a=https://b.s3.amazonaws.com/x"],
            "write a folder, a file or s3://bucket/prefix/",
        ),
        (["train", "x", "--channel", "a=s3://My_Bucket/x"], '--channel a: "My_Bucket" cannot be the name of a bucket'),
        (["train", "x", "--output", "s3://My_Bucket/x"], '--output: "My_Bucket" cannot be the name of a bucket'),
        (["train", "x", "--output", "https://b.s3.amazonaws.com/x"], "--output: 'https://b.s3.amazonaws.com/x' is no"),
        (["train", "x", "--checkpoints", "s3://a..b"], '--checkpoints: "a..b" cannot be the name of a bucket'),
        (["transform", "x", "--input", ".", "--output", "s3://My_Bucket/x"], '"My_Bucket" cannot be the name'),
        (["serve", "x", "--model", "s3://My_Bucket/m.tar.gz"], '--model: "My_Bucket" cannot be the name'),
        (["serve", "x", "--model", "https://b.s3.amazonaws.com/m.tar.gz"], "--model: 'https://b.s3.amazonaws.com/m"),
        (["train", "x", "-p", "depth"], "write KEY=VALUE"),
        (["train", "x", "-p", "a=1", "-p", "a=2"], "'a' is given twice"),
        (["train", "x", "--env", "=1"], "write KEY=VALUE"),
        (["train", "x", "--env", "="], "write KEY=VALUE"),
        (["train", "x", "-p", "="], "write KEY=VALUE"),
        (["train", "x", "--hyperparameters", "none.json"], "cannot be read"),
        (["train", "x", "--cli-input-json", "r.json"], "holds the whole request"),
        (["train", "--cli-input-json", "none.json"], "cannot be read"),
        (["train", "x", "--output", "/dev/null/x"], "--output: making the folder /dev/null/x: Not a directory"),
        (["train", "x", "--output", "/proc/nothing"], "--output: making the folder /proc/nothing"),
        (["train", "x", "--checkpoints", "/dev/null/x"], "--checkpoints: making the folder"),
        (["transform", "x", "--input", ".", "--output", "/dev/null/x"], "--output: making the folder"),
        (["train", "x", "--state", "/dev/null/x"], "making the state folder /dev/null/x: Not a directory; choose"),
        (["serve", "x", "--state", "/proc/nothing"], "making the state folder /proc/nothing"),
        (["serve", "x", "--instance-type", "ml.none"], "'ml.none' is not an instance type"),
        (["train", "x", "--instance-type", "ml.m5.lrge"], "enum value set: [ml.m5.large, "),
        (["transform", "x", "--input", ".", "--strategy", "Both"], "[MultiRecord, SingleRecord]"),
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
        (["logs", "x" * 300], "there is no record of a job 'xxx"),
        (["logs", "../../etc"], "there is no record of a job '../../etc'"),
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
    ("words", "named"),
    [
        (["x"], "IMAGE"),
        (["--channel", "a=."], "--channel"),
        (["-p", "a=1"], "-p"),
        (["--hyperparameters", "h.json"], "--hyperparameters"),
        (["--instance-type", "ml.m5.large"], "--instance-type"),
        (["--env", "a=1"], "--env"),
        (["--max-runtime", "0"], "--max-runtime"),
        (["--network-isolation"], "--network-isolation"),
        (["--checkpoints", "c"], "--checkpoints"),
        (["--output", "o"], "--output"),
        (["--job-name", "j"], "--job-name"),
        (["--job-name", "j", "--env", "a=1"], "--env, --job-name"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_would_be_lost_beside_a_whole_request_is_refused_by_name(
    smlocal: Command, words: list[str], named: str
) -> None:
    said = smlocal("train", "--cli-input-json", "none.json", *words)
    assert said.code == 2
    assert f"holds the whole request: leave out {named}\n" in said.err
    assert not Path("o").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["train", "x", "--job-name", "a_b"],
        ["train", "x", "--max-runtime", "-1"],
        ["transform", "x", "--input", ".", "--max-payload", "200"],
        ["transform", "x", "--input", ".", "--job-name", "a_b"],
        ["serve", "x", "--env", "9=1"],
    ],
    ids=" ".join,
)
def test_a_request_that_is_refused_makes_no_bucket_and_asks_no_engine(
    smlocal: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: list[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    said = smlocal(*words)
    assert said.code == 2, said
    assert "1 validation error detected" in said.err
    assert not (tmp_path / "state").exists()


_NEEDED = {"transform": ["x", "--input", "."], "invoke": ["http://127.0.0.1:9", "--body", "x", "--content-type", "x"]}


def _options() -> list[tuple[str, str]]:
    """Every option of every command that takes a value."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    images = {f"images {name}": command for name, command in commands["images"].commands.items()}
    found = [
        (name, option)
        for name, command in {**commands, **images}.items()
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.is_flag
        for option in parameter.opts
    ]
    return [*found, *(("ps", option) for option in ("--format", "--state", "--region", "--s3-endpoint-url"))]


@pytest.mark.parametrize(("command", "option"), _options(), ids=lambda value: value)
def test_an_empty_value_is_never_dropped(smlocal: Command, command: str, option: str) -> None:
    for given in ([option, ""], [f"{option}="])[: 2 if option.startswith("--") else 1]:
        said = smlocal(*command.split(), *_NEEDED.get(command, []), *given)
        assert said.code == 2, said
        assert f"an empty value stands after {given[0]}: " in said.err
        assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words", [["train", ""], ["logs", ""], ["logs", "--", ""], ["images", "build", ""], [""]], ids=" ".join
)
def test_an_empty_argument_is_refused(smlocal: Command, words: list[str]) -> None:
    said = smlocal(*words)
    assert said.code == 2, said
    assert "an empty value stands " in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["train", "x", "-p", "a=\udcff"],
        ["train", "x", "--env", "A=\udcff"],
        ["train", "x", "--job-name", "\udcff"],
        ["train", "x", "--output", "\udcff"],
        ["train", "x", "--channel", "a=\udcff"],
        ["train", "\udcff"],
        ["train", "--cli-input-json", "\udcff"],
        ["serve", "x", "--model", "\udcff"],
        ["transform", "x", "--input", "\udcff"],
        ["ps", "--state", "\udcff"],
        ["logs", "\udcff"],
    ],
    ids=ascii,
)
def test_bytes_that_are_no_text_are_refused(smlocal: Command, words: list[str]) -> None:
    said = smlocal(*words)
    assert said.code == 2, said
    assert "\\udcff' of the command line is not UTF-8 text" in said.err


def test_half_a_character_in_a_file_is_refused_by_name(smlocal: Command) -> None:
    Path("h.json").write_text('{"depth": "\\ud800"}')
    said = smlocal("train", "x", "--hyperparameters", "h.json")
    assert said.code == 2, said
    assert "parameter HyperParameters.depth, value: \\ud800" in said.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "a": 2}', "h.json cannot be used: an object of it has the key 'a' more than once"),
        ('{"a": {"b": 1, "b": 2}}', "h.json cannot be used: an object of it has the key 'b' more than once"),
        ('{"a": NaN}', "h.json cannot be used: NaN is not a number of JSON"),
        ('{"a": 1e999}', "h.json cannot be used: 1e999 is larger than any number here"),
        ("[1]", "h.json holds a list, and a set of hyperparameters is a JSON object"),
        ("{", "--hyperparameters: h.json is not JSON: "),
    ],
)
def test_hyperparameters_that_json_has_not_are_refused(smlocal: Command, text: str, sentence: str) -> None:
    Path("h.json").write_text(text)
    said = smlocal("train", "x", "--hyperparameters", "h.json")
    assert said.code == 2, said
    assert sentence in said.err


@pytest.mark.parametrize("place", ["OutputDataConfig", "CheckpointConfig"])
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("https://my-bucket.s3.amazonaws.com/out", "write the address as s3://bucket/key"),
        ("s3://My_Bucket/out", "names no bucket"),
    ],
)
def test_an_address_that_cannot_be_written_to_is_refused_before_the_engine_is_asked(
    smlocal: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, address: str, sentence: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    member = {"OutputDataConfig": "S3OutputPath", "CheckpointConfig": "S3Uri"}[place]
    request = {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"TrainingImage": "x", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::000000000000:role/r",
        "OutputDataConfig": {"S3OutputPath": "s3://my-bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        place: {member: address},
    }
    said = smlocal("train", "--cli-input-json", json.dumps(request))
    assert said.code == 2, said
    assert f'{place}.{member} "{address}"' in said.err
    assert sentence in said.err


def _commands() -> list[str]:
    """Every command but `check`, with what it needs to be called at all."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    needed = {
        "init": "x",
        "serve": "x",
        "logs": "x",
        "explain": "SM101",
        "transform": "x --input .",
        "compare": "x x",
        "badge": "x",
        "exec": "true",
    }
    needed |= {"push": "x registry.example/x:1", "verify": "registry.example/x:1"}
    needed["invoke"] = "http://127.0.0.1:9 --body x --content-type x"
    alone = [f"{name} {needed.get(name, '')}".strip() for name in commands if name not in ("check", "images")]
    return [*alone, "images build", "images list"]


@pytest.mark.parametrize("format_", ["junit", "sarif", "html", "codequality"])
@pytest.mark.parametrize("command", _commands())
def test_a_report_that_only_check_has_is_refused_by_name(smlocal: Command, command: str, format_: str) -> None:
    said = smlocal(*command.split(), "--format", format_)
    name = " ".join(command.split()[: 2 if command.startswith("images") else 1])
    forms = "text or json or markdown" if name == "compare" else "text or json"
    sentence = f"--format {format_}: `smlocal {name}` answers as {forms}; `smlocal check` has the others"
    assert (said.code, said.out, said.err) == (2, "", f"smlocal: {sentence}\n")


def test_a_long_list_of_values_is_cut_to_those_like_the_given(smlocal: Command) -> None:
    said = smlocal("train", "x", "--instance-type", "ml.m5.lrge")
    assert len(said.err) < 400
    assert re.search(r"ml\.m5\.large, .*, … and [0-9]+ more\]$", said.err)


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


@pytest.mark.parametrize(
    "command", ["train", "serve", "invoke", "transform", "check", "compare", "ps", "logs", "prune", "doctor", "demo"]
)
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
        (["ps", "-qv"], ["-qv", "ps"]),
        (["train", "x", "--strict"], ["--strict", "train", "x"]),
        (["ps", "-vq", "-vv"], ["-vq", "-vv", "ps"]),
        (["train", "x", "-p", "v=-vp"], ["train", "x", "-p", "v=-vp"]),
        (["logs", "--", "-q"], ["logs", "--", "-q"]),
        (["ps", "--region"], ["--region", "ps"]),
    ],
)
def test_common_options_may_stand_anywhere(given: list[str], expected: list[str]) -> None:
    assert hoisted(given) == expected


@pytest.mark.parametrize("account", ["000000000000", "123456789012"])
def test_requests_name_the_account_of_the_settings(account: str, tmp_path: Path) -> None:
    from smlocal.cli.model_words import create_model
    from smlocal.cli.places import Places
    from smlocal.cli.training_words import TrainingWords
    from smlocal.settings import Settings

    settings = Settings(account=account, region="eu-west-1")
    words = TrainingWords("x", None, None, None, None, None, None, False, None, None, None)
    request = words.request("x", Places(), settings)
    assert request["RoleArn"] == f"arn:aws:iam::{account}:role/smlocal"
    assert request["OutputDataConfig"] == {"S3OutputPath": f"s3://sagemaker-eu-west-1-{account}"}
    assert create_model(Places(), "x", None, (), settings, isolated=False)["ExecutionRoleArn"] == request["RoleArn"]


def test_a_folder_that_cannot_be_written_to_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from smlocal.cli.places import Places

    # a superuser may write anywhere, so the system's answer is given here
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UsageError, match=r"--output: the folder '.*' cannot be written to"):
        Places().target(str(tmp_path), "--output")


def test_hyperparameters_of_a_file_become_strings(smlocal: Command) -> None:
    from smlocal.cli.sources import hyperparameters

    Path("h.json").write_text(json.dumps({"a": 1, "b": "x", "c": [1, 2], "d": True}))
    assert hyperparameters(Path("h.json"), ["a=2"]) == {"a": "2", "b": "x", "c": "[1, 2]", "d": "true"}

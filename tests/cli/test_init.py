"""`smlocal init` writes what the image and its user say, asks only on a terminal, and spoils nothing."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tomllib

from smlocal.shipped import iris_csv
from tests.cli.conftest import Said

Command = Callable[..., Said]
ANSWERS = ["train=iris.csv", "iris.csv", "", "n_estimators=20 criterion=entropy", "row.csv"]  # the first is a mistake


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder where `smlocal` runs, with data."""
    folder = tmp_path / "work"
    folder.mkdir(exist_ok=True)
    (folder / "iris.csv").write_bytes(iris_csv().read_bytes())
    (folder / "row.csv").write_text("5.1,3.5,1.4,0.2\n")
    return folder


@pytest.mark.engine
def test_options_and_the_image_make_a_configuration_that_check_takes(
    smlocal: Command, sklearn_image: str, data: Path
) -> None:
    said = smlocal("init", sklearn_image, "--channel", "train=iris.csv", "-p", "n_estimators=20", "--sample", "row.csv")
    assert (said.code, said.err) == (0, f"looking at {sklearn_image}\n")
    assert f"smlocal check {sklearn_image}" in said.out
    check = tomllib.loads((data / "smlocal.toml").read_text())["check"]
    assert check["training"] == {
        "channels": {"train": {"source": "iris.csv", "content_type": "text/csv"}},
        "hyperparameters": {"n_estimators": 20},
    }
    assert check["serving"]["samples"] == [{"file": "row.csv", "content_type": "text/csv"}]
    judged = smlocal("check", sklearn_image, "--select", "SM1")
    assert judged.code == 0, judged.err


@pytest.mark.engine
def test_an_image_that_only_serves_is_written_down_as_such(
    smlocal: Command, build_image: Callable[..., str], data: Path
) -> None:
    containers = Path(__file__).resolve().parents[2] / "fixtures" / "containers"
    image = build_image(containers / "SM307-sample-request-fails", "smlocal-test/containers:sm307")
    assert smlocal("init", image, "--config", "other.toml").code == 0
    check = tomllib.loads((data / "other.toml").read_text())["check"]
    assert check == {"train": False, "serving": {}}


@pytest.mark.engine
def test_what_nobody_said_is_asked_for_on_a_terminal(
    command: Callable[..., subprocess.Popen[bytes]], sklearn_image: str, data: Path
) -> None:
    ours, theirs = pty.openpty()
    process = command("init", sklearn_image, "--config", str(data / "smlocal.toml"), stdin=theirs, stderr=theirs)
    for name in ("iris.csv", "row.csv"):
        (data.parent / name).write_bytes((data / name).read_bytes())
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in ANSWERS).encode())
    assert process.wait(60) == 0
    os.close(ours)
    check = tomllib.loads((data / "smlocal.toml").read_text())["check"]
    assert check["training"]["hyperparameters"] == {"n_estimators": 20, "criterion": "entropy"}
    assert check["training"]["channels"]["train"]["source"].endswith("iris.csv")
    assert check["serving"]["samples"][0]["file"].endswith("row.csv")


REFUSED = [
    (["--channel", "train"], 2, "--channel 'train': write KEY=VALUE"),
    (["--sample", "row.bin"], 2, "its name does not tell its content type; say it with --content-type"),
    (["--config", "none/smlocal.toml"], 2, "there is no folder none"),
    (["--pull", "sometimes"], 2, "it is one of never, missing, always"),
]


@pytest.mark.parametrize(("words", "code", "text"), REFUSED)
def test_words_that_mean_nothing_are_refused_before_the_engine_is_asked(
    words: list[str], code: int, text: str, smlocal: Command, data: Path
) -> None:
    said = smlocal("init", "any", *words)
    assert said.code == code and text in said.err, said
    assert not (data / "smlocal.toml").exists()


def test_a_table_that_is_there_is_left_alone(smlocal: Command, data: Path) -> None:
    (data / "smlocal.toml").write_text("[check]\ntrain = false\n")
    said = smlocal("init", "any")
    assert said.code == 2 and "has a [check] table already" in said.err, said
    assert (data / "smlocal.toml").read_text() == "[check]\ntrain = false\n"


@pytest.mark.engine
def test_data_that_is_not_there_is_told_and_nothing_is_written(
    smlocal: Command, sklearn_image: str, data: Path
) -> None:
    said = smlocal("init", sklearn_image, "--channel", "train=none.csv")
    assert said.code == 2 and "none.csv" in said.err, said
    assert not (data / "smlocal.toml").exists()

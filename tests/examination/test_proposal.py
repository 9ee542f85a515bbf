"""A first configuration says what is known, can be read back, and leaves everything else as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomllib
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import SettingsError
from smlocal.examination import Sample, Source, read_plan
from smlocal.examination.proposal import Proposal, added_to, source_of
from tests.contract.samples import GOOD, image, without_program

PROJECT = '[project]\nname = "x"  # mine\n'
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.one_of(texts, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("data/train.csv", "data/broken.csv", "row.csv", "answer.jsonl", "model.tar.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1,2\n")
    return tmp_path


def whole(folder: Path) -> Proposal:
    return Proposal(
        architecture="arm64",
        channels={"train": source_of(folder / "data" / "train.csv")},
        broken={"train": source_of(folder / "data" / "broken.csv")},
        hyperparameters={"epochs": 1, "name": 'a "b"', "list": [1, "x"]},
        model=folder / "model.tar.gz",
        sample=source_of(folder / "row.csv"),
    )


def test_what_is_known_is_read_back(folder: Path) -> None:
    file = folder / "smlocal.toml"
    text = added_to("", whole(folder), file)
    plan = read_plan(tomllib.loads(text)["check"], folder, "it")
    assert plan.architecture == "arm64"
    assert plan.channels == {"train": Source(folder / "data" / "train.csv", "text/csv")}
    assert plan.broken == {"train": Source(folder / "data" / "broken.csv", "text/csv")}
    assert plan.hyperparameters == {"epochs": 1, "name": 'a "b"', "list": [1, "x"]}
    assert (plan.model, plan.samples) == (folder / "model.tar.gz", (Sample(b"1,2\n", "text/csv"),))
    assert str(folder) not in text


@given(st.dictionaries(texts, values, max_size=5))
def test_hyperparameters_of_any_kind_are_read_back(found: dict[str, object]) -> None:
    text = added_to("", Proposal(hyperparameters=found), Path("smlocal.toml"))
    assert tomllib.loads(text)["check"]["training"].get("hyperparameters", {}) == found


def test_what_nobody_said_stands_there_as_a_comment_that_is_right_when_it_is_uncommented() -> None:
    text = added_to("", Proposal(), Path("smlocal.toml"))
    assert tomllib.loads(text) == {"check": {"training": {}, "serving": {}}}
    live = tomllib.loads(re.sub("^# ", "", text, flags=re.MULTILINE))["check"]
    assert set(live["training"]) == {"channels", "broken", "hyperparameters"}
    assert [set(sample) for sample in live["serving"]["samples"]] == [{"body", "content_type"}]


def test_the_image_says_what_it_has() -> None:
    found = Proposal().on(without_program(GOOD, "train").image)
    assert (found.train, found.serve, found.architecture) == (False, True, "amd64")
    table = tomllib.loads(added_to("", found, Path("smlocal.toml")))["check"]
    assert (table["train"], "training" in table) == (False, False)


@pytest.mark.parametrize(
    ("name", "text", "path"),
    [
        ("smlocal.toml", '# mine\nregion = "eu-west-1"\n', ["check"]),
        (
            "pyproject.toml",
            '[project]\nname = "x"  # mine\n[tool.smlocal]\nregion = "eu-west-1"\n',
            ["tool", "smlocal"],
        ),
        ("pyproject.toml", '[project]\nname = "x"  # mine\n[tool.ruff]\nline-length = 120\n', ["tool", "smlocal"]),
    ],
)
def test_everything_else_stays_as_it_is(name: str, text: str, path: list[str], folder: Path) -> None:
    written = added_to(text, whole(folder), folder / name)
    before, after = tomllib.loads(text), tomllib.loads(written)
    found = after
    for key in path:
        found = found[key]
    assert "training" in (found if path == ["check"] else found["check"])
    assert "# mine" in written
    assert all(line in written for line in text.splitlines())
    (after if path == ["check"] else after["tool"]["smlocal"]).pop("check")
    assert after.get("tool", {}).get("smlocal") in (before.get("tool", {}).get("smlocal"), {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[check]\ntrain = false\n", "has a [check] table already: edit it, or name another file with --config"),
        ("check = 1\n", "has a [check] table already"),
        ("[check\n", "cannot be read as TOML"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_refused(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        added_to(text, Proposal(), Path("smlocal.toml"))
    assert words in str(refused.value) and "smlocal.toml" in str(refused.value)


def test_a_tool_that_is_no_table_is_refused() -> None:
    with pytest.raises(SettingsError):
        added_to("tool = 1\n", Proposal(), Path("pyproject.toml"))


def test_data_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        added_to("", Proposal(channels={"train": source_of(folder / "none.csv")}), folder / "smlocal.toml")
    assert "none.csv" in str(refused.value)


def test_a_content_type_comes_from_the_name_of_a_file_or_of_what_a_folder_holds(folder: Path) -> None:
    assert source_of(folder / "ROW.CSV").content_type == "text/csv"
    assert source_of(folder / "data").content_type == "text/csv"
    assert source_of(folder / "answer.jsonl").content_type == "application/jsonlines"
    assert source_of(folder / "model.tar.gz").content_type is None
    assert source_of(folder / "row.csv", "text/plain").content_type == "text/plain"


def test_data_elsewhere_keeps_its_whole_path(folder: Path) -> None:
    (folder / "project").mkdir()
    proposal = Proposal(channels={"train": source_of(folder / "row.csv")})
    text = added_to("", proposal, folder / "project" / "smlocal.toml")
    channels = tomllib.loads(text)["check"]["training"]["channels"]
    assert channels == {"train": {"source": str(folder / "row.csv"), "content_type": "text/csv"}}


@pytest.mark.parametrize("labels", [{}, {"com.amazonaws.sagemaker.capabilities.multi-models": "true"}])
def test_what_an_image_of_many_models_can_be_tried_with_stands_there_as_a_comment(
    labels: dict[str, str], folder: Path
) -> None:
    file = folder / "smlocal.toml"
    text = added_to("", Proposal().on(image(GOOD, labels=labels).image), file)
    assert ("multi_model" in text) is bool(labels)
    (folder / "big.tar.gz").write_bytes(b"")
    uncommented = text.replace('# too_big = "big.tar.gz"', 'too_big = "big.tar.gz"')
    plan = read_plan(tomllib.loads(uncommented)["check"], folder, "it")
    assert plan.too_big == (folder / "big.tar.gz" if labels else None)

"""What a verdict depends on: every value of the plan, every byte that it names, the limits, the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.engine.scripted import ScriptedEngine
from smlocal.errors import StorageError
from smlocal.examination import Plan, Sample, read_plan
from smlocal.gate.circumstances import circumstances, code_digest, configuration_digest, is_moving
from smlocal.settings import Limits, Settings

TABLE = {
    "training": {"channels": {"train": "data", "extra": "one.csv"}, "broken": {"train": "data"}},
    "serving": {"model": "model.tar.gz", "samples": [{"file": "rows.csv", "content_type": "text/csv"}]},
    "multi_model": {"too_big": "big.tar.gz"},
}


def make(folder: Path) -> Path:
    (folder / "data" / "deep").mkdir(parents=True)
    for name in ("data/a.csv", "data/deep/b.csv", "one.csv", "model.tar.gz", "rows.csv", "big.tar.gz"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "here")


def digest(folder: Path) -> str:
    return configuration_digest(read_plan(TABLE, folder, "smlocal.toml"))


def test_the_same_configuration_elsewhere_is_the_same(folder: Path, tmp_path: Path) -> None:
    assert digest(folder) == digest(make(tmp_path / "there"))
    assert digest(folder).startswith("sha256:") and len(digest(folder)) == 71


CHANGES: list[tuple[str, Callable[[Path], object]]] = [
    ("a byte of a channel", lambda here: (here / "data/a.csv").write_text("data/A.csv")),
    ("a byte deep in a channel", lambda here: (here / "data/deep/b.csv").write_text("x")),
    ("a new file", lambda here: (here / "data/c.csv").write_text("")),
    ("a file with another name", lambda here: (here / "data/a.csv").rename(here / "data/b.csv")),
    ("bytes that moved to the next file", lambda here: move(here)),
    ("a channel of one file", lambda here: (here / "one.csv").write_text("x")),
    ("the model", lambda here: (here / "model.tar.gz").write_text("x")),
    ("the model that is too big", lambda here: (here / "big.tar.gz").write_text("x")),
    ("a sample", lambda here: (here / "rows.csv").write_text("x")),
]


def move(here: Path) -> None:
    (here / "data/a.csv").write_text("data/a.cs")
    (here / "data/deep/b.csv").write_text("vdata/deep/b.csv")


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=[name for name, _ in CHANGES])
def test_every_byte_counts(folder: Path, name: str, change: Callable[[Path], object]) -> None:
    before = digest(folder)
    change(folder)
    assert digest(folder) != before


PLANS = [
    Plan(),
    Plan(architecture="arm64"),
    Plan(instance_type="ml.m5.xlarge"),
    Plan(serverless=True),
    Plan(hyperparameters={"a": 1}),
    Plan(hyperparameters={"a": "1"}),
    Plan(training_environment={"a": "1"}),
    Plan(serving_environment={"a": "1"}),
    Plan(max_runtime=5),
    Plan(soak=5),
    Plan(samples=(Sample(b"a", "text/csv"),)),
    Plan(samples=(Sample(b"a", "text/csv", expect=b"b"),)),
]


def test_every_value_counts() -> None:
    assert len({configuration_digest(plan) for plan in PLANS}) == len(PLANS)


def test_which_rules_are_wanted_and_what_may_be_broken_count_nothing() -> None:
    plan = Plan(select=("SM3",), ignore=("SM305",), allow={"SM110": "x"})
    assert configuration_digest(plan) == configuration_digest(Plan())


def test_data_that_cannot_be_read_is_an_error(folder: Path) -> None:
    plan = read_plan(TABLE, folder, "smlocal.toml")
    (folder / "one.csv").unlink()
    with pytest.raises(StorageError, match=r"one\.csv cannot be read: No such file"):
        configuration_digest(plan)


SETTINGS = [
    Settings(),
    Settings(limits=Limits(ping_timeout=1.0)),
    Settings(region="eu-west-1"),
    Settings(account="123456789012"),
    Settings(strict=True),
]


def test_settings_the_engine_and_the_machine_count() -> None:
    facts = ScriptedEngine().facts()
    engines = [
        facts,
        replace(facts, version="99"),
        replace(facts, architecture="arm64"),
        replace(facts, cpus=facts.cpus + 1),
        replace(facts, has_gpu=not facts.has_gpu),
    ]
    found = [circumstances(settings, facts) for settings in SETTINGS]
    found += [circumstances(Settings(), engine) for engine in engines[1:]]
    assert all(one != other for number, one in enumerate(found) for other in found[:number])


def test_where_the_state_lies_counts_nothing(tmp_path: Path) -> None:
    facts = ScriptedEngine().facts()
    assert circumstances(Settings(state=tmp_path), facts) == circumstances(Settings(), facts)


def test_the_code_has_a_digest() -> None:
    assert code_digest() == code_digest() and len(code_digest()) == 71


def test_what_a_registry_has_under_a_tag_may_be_another_thing_next_time() -> None:
    image = "registry.example/team/model"
    tables = [{}, {"published": f"{image}@sha256:{64 * 'a'}"}, {"published": f"{image}:1.0"}, {"published": image}]
    plans = [read_plan(table, Path(), "smlocal.toml") for table in tables]
    assert [is_moving(plan) for plan in plans] == [False, False, True, True]

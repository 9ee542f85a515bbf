"""`smlocal logs` and `prune --records`: what is told of records, and which of them go."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.journal import Journal, Record
from smlocal.owner import this_process
from tests.cli.conftest import Said

Command = Callable[..., Said]


@pytest.fixture
def journal(smlocal: Command, tmp_path: Path) -> Journal:
    """The journal that the commands look into."""
    return Journal(tmp_path / "state", 10**6, this_process())


def begun(journal: Journal, kind: str, name: str, line: str, *, ended: bool = True) -> Record:
    record = journal.begin(kind, name, {})
    record.log(line.encode())
    record.close()
    if ended:
        record.write("description.json", {})
    return record


def test_a_log_is_found_by_its_name_whatever_its_kind(smlocal: Command, journal: Journal) -> None:
    begun(journal, "transform job", "one", "hello")
    said = smlocal("logs", "one")
    assert (said.code, said.out, said.err) == (0, "hello\n", "")


def test_the_newest_of_a_name_is_shown_and_the_others_are_named(smlocal: Command, journal: Journal) -> None:
    begun(journal, "training job", "x", "trained")
    os.utime(begun(journal, "transform job", "x", "transformed").folder, (1, 1))
    said = smlocal("logs", "x")
    assert said.out == "trained\n"
    assert said.err == "this is training-job/x, the newest of that name; there is also transform-job/x\n"
    said = smlocal("logs", "transform-job/x")
    assert (said.out, said.err) == ("transformed\n", "")


def test_a_name_that_there_is_not_tells_the_latest(smlocal: Command, journal: Journal) -> None:
    begun(journal, "endpoint", "one", "")
    assert smlocal("logs", "none").err.endswith("the latest are: endpoint/one\n")


def test_lines_in_json_end_at_newlines_only(smlocal: Command, journal: Journal) -> None:
    begun(journal, "training job", "x", "a\u0085b\u2028c\nd")
    said = smlocal("logs", "x", "--format", "json").json
    assert (said["name"], said["record"], said["lines"]) == ("x", "training-job/x", ["a\u0085b\u2028c", "d"])


@pytest.mark.engine
def test_records_are_pruned_when_asked_for_and_never_a_live_ones_nor_an_object(
    smlocal: Command, journal: Journal, tmp_path: Path
) -> None:
    begun(journal, "training job", "ended", "x")
    begun(journal, "transform job", "running", "x", ended=False)
    killed = Journal(tmp_path / "state", 10**6, replace(this_process(), started="0"))
    begun(killed, "endpoint", "killed", "x", ended=False)
    mine = tmp_path / "state/s3/bucket/model.tar.gz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    assert smlocal("prune").code == 0
    assert len(journal.records()) == 3
    said = smlocal("prune", "--records", "-v")
    assert said.out == "removed 0 containers, 0 volumes, 0 networks, 2 records\n"
    assert set(said.err.splitlines()) == {"removed record training-job/ended", "removed record endpoint/killed"}
    assert [record.name for record in journal.records()] == ["running"]
    assert mine.read_bytes() == b"mine"
    assert smlocal("prune", "--records", "--format", "json").json["removed"] == []


def test_records_go_also_when_no_engine_answers(
    smlocal: Command, journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    begun(journal, "training job", "ended", "x")
    said = smlocal("prune", "--records", "-v")
    assert said.code == 3
    assert "removed record training-job/ended" in said.err
    assert journal.records() == []

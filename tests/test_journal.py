"""What happened to a job is kept, line by line, and outlives its container and our process."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from smlocal.errors import InvalidRequest
from smlocal.journal import Journal
from smlocal.owner import this_process


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state", 10_000, this_process())


def test_events_come_back_in_order(journal: Journal) -> None:
    record = journal.begin("training job", "job", {"A": 1})
    record.event("status", status="Starting")
    record.event("status", status="Training")
    found = journal.find("job")
    assert found is not None
    assert [event["status"] for event in found.events()] == ["Starting", "Training"]


def test_a_line_cut_off_by_a_crash_is_left_out(journal: Journal) -> None:
    record = journal.begin("training job", "job", {})
    record.event("one")
    with (record.folder / "events.jsonl").open("a") as target:
        target.write('{"time": 1, "ev')
    assert [event["event"] for event in record.events()] == ["one"]


def test_a_line_is_in_the_file_as_soon_as_it_was_told(journal: Journal) -> None:
    record = journal.begin("training job", "job", {})
    record.log(b"first")
    assert record.log_path.read_bytes() == b"first\n"
    record.close()


def test_a_name_cannot_be_used_twice(journal: Journal) -> None:
    journal.begin("training job", "job", {})
    with pytest.raises(InvalidRequest, match=r"^Training job names must be unique within an AWS account and region"):
        journal.begin("training job", "job", {})


@pytest.mark.parametrize("name", ["none", "..", "", "a/b", "training-job", "training-job/", "x" * 300, "\0", "\udcff"])
def test_what_was_never_begun_is_not_found(journal: Journal, name: str) -> None:
    journal.begin("training job", "job", {})
    assert journal.find(name) is None


def test_the_oldest_ended_records_go_when_all_are_too_large(journal: Journal) -> None:
    for name in ("old", "running", "new"):
        record = journal.begin("training job", name, {})
        record.log(b"x" * 6000)
        record.close()
        if name != "running":
            record.write("description.json", {})
    journal.begin("training job", "last", {})
    assert {record.name for record in journal.records()} == {"running", "last"}


def test_a_record_whose_writer_was_killed_counts_as_over(tmp_path: Path) -> None:
    killed = Journal(tmp_path, 1000, replace(this_process(), started="0"))
    record = killed.begin("training job", "dead", {})
    record.log(b"x" * 6000)
    record.close()
    Journal(tmp_path, 1000, this_process()).begin("endpoint", "next", {})
    assert [record.name for record in killed.records()] == ["next"]


def test_an_endpoints_name_clash_is_worded_for_endpoints(journal: Journal) -> None:
    journal.begin("endpoint", "e", {})
    with pytest.raises(InvalidRequest, match=r"^Endpoint names .* an endpoint with this name already exists"):
        journal.begin("endpoint", "e", {})


def test_each_kind_has_names_of_its_own(journal: Journal) -> None:
    kinds = ["training job", "transform job", "endpoint"]
    for kind in kinds:
        assert journal.begin(kind, "x", {}).kind == kind
    assert {(record.kind, record.name) for record in journal.records()} == {(kind, "x") for kind in kinds}


def test_a_name_of_two_kinds_means_the_newest_unless_the_kind_is_said(journal: Journal) -> None:
    newest, older = journal.begin("training job", "x", {}), journal.begin("transform job", "x", {})
    os.utime(older.folder, (1, 1))
    found = journal.find("x")
    assert found is not None
    assert found.folder == newest.folder
    assert [record.address for record in journal.named("x")] == ["transform-job/x", "training-job/x"]
    for address in ("transform-job/x", "transform/x"):
        assert [record.kind for record in journal.named(address)] == ["transform job"]


def test_ended_records_are_forgotten_and_live_ones_are_not(tmp_path: Path) -> None:
    mine, killed = (Journal(tmp_path, 10_000, replace(this_process(), **who)) for who in ({}, {"started": "0"}))
    mine.begin("training job", "running", {})
    mine.begin("training job", "ended", {}).write("description.json", {})
    killed.begin("endpoint", "killed", {})
    Journal(tmp_path, 10_000, replace(this_process(), host="elsewhere")).begin("endpoint", "far", {})
    assert {record.address for record in mine.forget_ended()} == {"training-job/ended", "endpoint/killed"}
    assert {record.name for record in mine.records()} == {"running", "far"}
    mine.begin("training job", "ended", {})


def test_a_record_that_cannot_be_begun_takes_no_name(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.begin("training job", "job", {("no", "key"): 1})  # type: ignore[dict-item]
    journal.begin("training job", "job", {})


def test_a_line_ends_at_a_newline_and_nowhere_else(journal: Journal) -> None:
    record = journal.begin("training job", "job", {})
    assert record.lines() == []
    for line in ("a\u0085b\u2028c", "", "d"):
        record.log(line.encode())
    record.close()
    assert record.lines() == ["a\u0085b\u2028c", "", "d"]

"""Kept verdicts: found where nothing has changed, ignored where anything is wrong, within their limit."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from smlocal.gate.verdicts import VERSION, Kept, Key, VerdictStore
from smlocal.report import schema
from tests.contract.samples import GOOD

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
KEPT = Kept(GOOD, NOW, 12.5, "0.1.0")
KEY = Key(GOOD.image.id, "sha256:2", {"smlocal": "0.1.0", "architecture": "amd64"})
LIMIT = 20 * 1024 * 1024


class Stored:
    """A store, its folder, and what it said."""

    def __init__(self, state: Path, limit: int = LIMIT) -> None:
        self.said: list[str] = []
        self.folder = state / "verdicts"
        self.store = VerdictStore(state, limit, self.said.append)

    @property
    def path(self) -> Path:
        return self.folder / f"{KEY.name}.json"

    def change(self, spoil: Callable[[dict[str, Any]], object]) -> None:
        document = json.loads(self.path.read_text())
        spoil(document)
        self.path.write_text(json.dumps(document))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    found = Stored(tmp_path)
    found.store.keep(KEY, KEPT)
    return found


def test_what_was_kept_is_found_as_it_was(stored: Stored) -> None:
    assert stored.store.find(KEY) == KEPT
    assert stored.said == [] and [path.name for path in stored.folder.iterdir()] == [f"{KEY.name}.json"]


OTHERS = [
    replace(KEY, image="sha256:9"),
    replace(KEY, configuration="sha256:9"),
    replace(KEY, circumstances={**KEY.circumstances, "architecture": "arm64"}),
    replace(KEY, circumstances={**KEY.circumstances, "smlocal": "0.2.0"}),
    replace(KEY, circumstances={"smlocal": "0.1.0"}),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda key: str(key.members))
def test_nothing_is_found_where_anything_is_different(stored: Stored, other: Key) -> None:
    assert (stored.store.find(other), stored.said) == (None, [])


def test_the_report_in_it_keeps_to_the_published_schema(stored: Stored) -> None:
    report = json.loads(stored.path.read_text())["report"]
    jsonschema.Draft202012Validator(schema()).validate({"version": 1, "kind": "check", **report})


def broken(document: dict[str, Any]) -> None:
    document["report"]["findings"][0]["outcome"] = "broken"


def evidence(document: dict[str, Any]) -> None:
    document["examination"]["image"]["user"] = "app"


SPOILED: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("newer", lambda found: found.update(version=VERSION + 1), f"it has version {VERSION + 1}, and this smlocal reads"),
    ("of another kind", lambda found: found.update(kind="check"), "it is no verdict of smlocal's"),
    ("without version", lambda found: found.pop("version"), "it is no verdict of smlocal's"),
    ("a time without zone", lambda found: found.update(examined_at="2026-01-02T03:04:05"), "it is damaged"),
    ("no time", lambda found: found.update(examined_at=5), "it is damaged"),
    ("evidence is missing", lambda found: found["examination"].pop("training"), "it is damaged"),
    ("no report", lambda found: found.update(report=[]), "it is damaged"),
    ("another finding", broken, "its report does not follow from what was seen"),
    ("other evidence", evidence, "its report does not follow from what was seen"),
    ("another's key", lambda found: found["key"].update(image="sha256:9"), "it is another's"),
]


@pytest.mark.parametrize(("name", "spoil", "sentence"), SPOILED, ids=[row[0] for row in SPOILED])
def test_a_file_that_is_wrong_is_ignored_with_a_sentence(
    stored: Stored, name: str, spoil: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    stored.change(spoil)
    assert stored.store.find(KEY) is None
    (said,) = stored.said
    assert said.startswith(f"note: the kept verdict {stored.path} is ignored: ") and sentence in said
    stored.store.keep(KEY, KEPT)
    assert stored.store.find(KEY) == KEPT


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"\xff", b"[" * 100_000], ids=repr)
def test_what_is_no_document_is_ignored(stored: Stored, content: bytes) -> None:
    stored.path.write_bytes(content)
    assert stored.store.find(KEY) is None
    assert len(stored.said) == 1 and "is ignored: it is no" in stored.said[0]


def test_a_folder_that_cannot_be_written_costs_a_sentence_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "verdicts").write_text("a file")
    found = Stored(tmp_path)
    found.store.keep(KEY, KEPT)
    assert found.store.find(KEY) is None
    assert [text.partition(" in ")[0] for text in found.said][:1] == ["note: the verdict cannot be kept"]


def test_the_oldest_are_forgotten_when_all_are_too_much(stored: Stored, tmp_path: Path) -> None:
    size = stored.path.stat().st_size
    small = Stored(tmp_path, 20 * (2 * size + size // 2))
    keys = [replace(KEY, configuration=f"sha256:{number}") for number in (5, 6, 7)]
    os.utime(stored.path, (0, 0))
    for age, key in enumerate(keys, 1):
        small.store.keep(key, KEPT)
        os.utime(small.folder / f"{key.name}.json", (age, age))
    assert [small.store.find(key) is not None for key in (KEY, *keys)] == [False, False, True, True]


def test_a_verdict_that_is_too_big_by_itself_is_not_kept(tmp_path: Path) -> None:
    found = Stored(tmp_path, 20)
    found.store.keep(KEY, KEPT)
    assert found.store.find(KEY) is None and "the verdict is not kept: it has " in found.said[0]


def test_a_draft_that_somebody_left_is_removed_and_a_new_one_let_be(stored: Stored) -> None:
    left, new = stored.folder / "a.draft", stored.folder / "b.draft"
    left.write_text("")
    os.utime(left, (0, 0))
    new.write_text("")
    stored.store.keep(KEY, KEPT)
    assert (left.exists(), new.exists()) == (False, True)


def _keep_and_find(state: Path, number: int) -> list[str]:
    found = Stored(state, 20 * 3 * 400_000)
    for turn in range(15):
        key = replace(KEY, configuration=f"sha256:{(number + turn) % 4}")
        found.store.keep(key, KEPT)
        found.store.find(KEY)
        found.store.find(key)
    return found.said


def test_several_processes_at_once_see_whole_verdicts_only(tmp_path: Path) -> None:
    with multiprocessing.get_context("forkserver").Pool(4) as pool:
        said = pool.starmap(_keep_and_find, [(tmp_path, number) for number in range(4)])
    assert said == [[], [], [], []]
    assert not list((tmp_path / "verdicts").glob("*.draft"))


def test_what_was_seen_of_another_image_is_nobodys_verdict(stored: Stored) -> None:
    seen = replace(GOOD, image=replace(GOOD.image, id="sha256:another"))
    stored.store.keep(KEY, replace(KEPT, examination=seen))
    assert stored.store.find(KEY) is None
    assert stored.said == [f"note: the kept verdict {stored.path} is ignored: it is another's"]


def test_what_an_image_said_is_for_its_owner_alone(stored: Stored) -> None:
    assert stored.folder.stat().st_mode & 0o777 == 0o700

"""`badge`: a saved report as a picture, on standard output or in a file, without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Said
from tests.report.reports import ONE_OF_EACH, report
from tests.report.saved import document

Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def no_engine(smlocal: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    Path("report.json").write_text(json.dumps(document(report(*ONE_OF_EACH))))


def test_a_badge_goes_to_standard_output_or_to_a_file(smlocal: Command) -> None:
    said = smlocal("badge", "report.json")
    assert (said.code, said.err) == (0, "")
    assert ElementTree.fromstring(said.out).attrib["aria-label"] == "smlocal: failed: 1 kept, 2 broken, 2 not judged"
    written = smlocal("badge", "report.json", "--output", "badge.svg")
    assert (written.code, written.out, Path("badge.svg").read_text()) == (0, "", said.out)


def test_a_badge_in_json_is_what_shields_io_reads(smlocal: Command) -> None:
    said = smlocal("badge", "report.json", "--format", "json")
    assert (said.code, set(said.json)) == (0, {"schemaVersion", "label", "message", "color"})
    assert smlocal("badge", "report.json", "--format", "json", "--output", "badge.json").out == ""
    assert json.loads(Path("badge.json").read_text()) == said.json


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("none.json",), 2, "none.json"),
        (("page.html",), 2, "page.html is not JSON: "),
        (("other.json",), 2, "other.json is an answer of kind 'rules'"),
        (("report.json", "--output", "none/badge.svg"), 3, "the badge none/badge.svg cannot be written: "),
        (("report.json", "--format", "markdown"), 2, "`smlocal badge` answers as text or json"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    smlocal: Command, words: tuple[str, ...], code: int, sentence: str
) -> None:
    Path("page.html").write_text("<!DOCTYPE html>")
    Path("other.json").write_text(json.dumps({**document(report()), "kind": "rules"}))
    said = smlocal("badge", *words)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("smlocal: ") and sentence in said.err and said.err.count("\n") == 1

"""`compare`: saved reports and images side by side, and what is refused before anything is run."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from smlocal import owner
from smlocal.contract import Outcome
from smlocal.engine.docker import DockerEngine
from smlocal.report import Report, comparison_schema
from tests.cli.conftest import Said
from tests.cli.test_progress import on_a_terminal
from tests.container.conftest import BROKEN
from tests.report.reports import finding, report
from tests.report.saved import document

Command = Callable[..., Said]
GOOD = report(finding("SM110"), finding("SM305"))
WARNS = report(finding("SM110", Outcome.BROKEN), finding("SM305"))
BAD = report(finding("SM110"), finding("SM305", Outcome.BROKEN))
UNJUDGED = report(finding("SM110"), finding("SM305", Outcome.NOT_JUDGED))


def save(name: str, of: Report, **changes: Any) -> str:
    Path(name).write_text(json.dumps({**document(of), **changes}))
    return name


CODES = [
    (GOOD, GOOD, (), 0, "NO CHANGE new.json: 0 worse, 0 better"),
    (GOOD, BAD, (), 1, "WORSE new.json: 1 worse, 0 better"),
    (BAD, GOOD, (), 0, "BETTER new.json: 0 worse, 1 better"),
    (GOOD, WARNS, (), 0, "WORSE new.json: 1 worse, 0 better; new warnings fail nothing without --strict"),
    (GOOD, WARNS, ("--strict",), 1, "WORSE new.json: 1 worse, 0 better"),
    (BAD, UNJUDGED, (), 0, "UNCLEAR new.json: 0 worse, 0 better, 1 judged in one only"),
    (GOOD, BAD, ("--select", "SM1"), 0, "NO CHANGE new.json: 0 worse, 0 better"),
    (GOOD, BAD, ("--ignore", "SM305"), 0, "NO CHANGE new.json: 0 worse, 0 better"),
]


@pytest.mark.parametrize(("old", "new", "words", "code", "verdict"), CODES, ids=[row[4] for row in CODES])
def test_the_exit_code_says_whether_the_new_one_is_worse(
    smlocal: Command, old: Report, new: Report, words: tuple[str, ...], code: int, verdict: str
) -> None:
    said = smlocal("compare", save("old.json", old), save("new.json", new), *words)
    assert (said.code, said.err) == (code, ""), said
    assert said.out.splitlines()[-1] == verdict
    in_json = smlocal("compare", "old.json", "new.json", *words, "--format", "json")
    assert (in_json.code, in_json.json["passed"]) == (code, code == 0)
    jsonschema.Draft202012Validator(comparison_schema()).validate(in_json.json)
    in_markdown = smlocal("compare", "old.json", "new.json", *words, "--format", "markdown")
    assert (in_markdown.code, in_markdown.out.split("\n")[1][:5]) == (code, "### ❌" if code else "### ✅")


@pytest.mark.parametrize("words", [("unjudged.json",), ("old.json", "--select", "SM2")], ids=" ".join)
def test_a_comparison_of_nothing_is_no_success(smlocal: Command, words: tuple[str, ...]) -> None:
    save("old.json", GOOD)
    save("unjudged.json", report(finding("SM305", Outcome.NOT_JUDGED)))
    said = smlocal("compare", "old.json", *words)
    assert (said.code, said.err) == (
        2, "smlocal: nothing could be compared: there is no rule that both were judged by\n",
    )  # fmt: skip
    assert "\nUNCLEAR " in said.out


def test_a_report_may_be_compared_with_itself_whatever_its_name_is(smlocal: Command) -> None:
    save("report", BAD)
    said = smlocal("compare", "report", "./report")
    assert (said.code, said.out.splitlines()[-1]) == (0, "NO CHANGE ./report: 0 worse, 0 better"), said


def test_a_report_holds_what_no_encoding_has_and_is_told_all_the_same(smlocal: Command) -> None:
    bad = report(finding("SM305", Outcome.BROKEN, seen=("\udc80",)))
    save("old.json", GOOD)
    save("new.json", bad)
    assert "\\udc80" in smlocal("compare", "old.json", "new.json").out
    found = smlocal("compare", "old.json", "new.json", "--format", "json").json["findings"]
    assert next(pair for pair in found if pair["rule"] == "SM305")["new"]["seen"] == ["\udc80"]


def test_everything_is_told_with_v(smlocal: Command) -> None:
    bad = report(finding("SM305", Outcome.BROKEN, seen=("a", "b", "c", "the fourth line")))
    words = ("compare", save("old.json", GOOD), save("new.json", bad))
    assert ["the fourth line" in smlocal(*words, *more).out for more in ((), ("-v",))] == [False, True]


USAGE = [
    (("old.json", "none.json"), "there is no report 'none.json': save one with `smlocal check IMAGE --output json="),
    (("./none", "old.json"), "there is no report './none': save one"),
    (("old.json", "."), "there is no report '.': save one"),
    (("old.json", "page.html"), "page.html is not JSON: "),
    (("old.json", "list.json"), "list.json holds a list, and a report of `smlocal check --format json` is a JSON obj"),
    (("old.json", "twice.json"), "twice.json cannot be used: an object of it has the key 'a' more than once"),
    (("other.json", "old.json"), "other.json is an answer of kind 'rules', and only reports of `smlocal check` can be"),
    (("old.json", "newer.json"), "newer.json is a report of version 2, and this smlocal reads up to version 1: "),
    (("old.json", "half.json"), "half.json: it is no JSON report of `smlocal check`: 'findings' is not a list"),
    (("old.json", "old.json", "--config", "x.toml"), "OLD and NEW are saved reports, and no image is examined: leave"),
    (("old.json", "old.json", "--pull", "never"), "no image is examined: leave out --pull"),
    (("old.json", "x", "--pull", "sometimes"), "--pull 'sometimes': it is one of never, missing, always"),
    (("old.json", "x", "--config", "none.toml"), "there is no configuration file none.toml"),
    (("old.json", "old.json", "--select", "SM9"), "no rule's id begins with 'SM9'"),
    (("x", "none.json"), "there is no report 'none.json'"),
    (("x", "newer.json"), "newer.json is a report of version 2"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE, ids=[" ".join(words) for words, _ in USAGE])
def test_bad_input_is_one_sentence_and_exit_2_before_anything_is_run(
    smlocal: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    save("old.json", GOOD)
    save("other.json", GOOD, kind="rules")
    save("newer.json", GOOD, version=2)
    save("half.json", GOOD, findings=None)
    Path("page.html").write_text("<!DOCTYPE html>")
    Path("list.json").write_text("[]")
    Path("twice.json").write_text('{"a": 1, "a": 2}')
    said = smlocal("compare", *words)
    assert (said.code, said.out) == (2, ""), said
    assert said.err.startswith("smlocal: ") and sentence in said.err and said.err.count("\n") == 1


@pytest.mark.engine
def test_a_saved_report_and_an_image_are_compared_and_nothing_is_left(
    smlocal: Command, build_image: Callable[..., str], engine: DockerEngine, tmp_path: Path
) -> None:
    without, with_train = (
        build_image(BROKEN, f"smlocal-test/broken:{name}", target=name) for name in ("without-train", "broken")
    )
    assert smlocal("check", without, "--select", "SM1", "--output", "json=old.json", "-q").code == 1
    said = smlocal("compare", "old.json", with_train, "--select", "SM1", "--format", "json")
    changes = {pair["rule"]: pair["change"] for pair in said.json["findings"]}
    assert (said.code, changes["SM103"], changes["SM104"]) == (0, "better", "better"), said
    assert {said.json[side]["image"]["reference"] for side in ("old", "new")} == {without, with_train}
    assert f"examining {with_train}\n" in said.err and f"examining {without}\n" not in said.err
    back = smlocal("compare", with_train, without, "--select", "SM1", "-q")
    assert back.code == 1 and back.out.splitlines()[-1].startswith(f"WORSE {without}: 2 worse, 0 better")
    kept = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert [path.parent.name for path in kept] == ["verdicts"]  # of the check alone
    assert engine.owned(owner.this_process().labels()) == []


@pytest.mark.engine
def test_an_image_that_there_is_not_is_told_before_the_other_is_examined(
    smlocal: Command, build_image: Callable[..., str]
) -> None:
    image = build_image(BROKEN, "smlocal-test/broken:without-train", target="without-train")
    said = smlocal("compare", image, "smlocal-test/none:latest", "--pull", "never")
    assert (said.code, said.out) == (3, "")
    assert "does not hold smlocal-test/none:latest" in said.err and "examining" not in said.err


_COMPARED = """
import sys
from smlocal.cli.app import run
sys.exit(min(run(["compare", "old.json", "new.json"]), 0))
"""


def test_marks_are_coloured_on_a_terminal(smlocal: Command) -> None:
    save("old.json", WARNS)
    save("new.json", BAD)
    shown = on_a_terminal(_COMPARED, PYTHONPATH=os.pathsep.join(sys.path))
    marks = re.findall(r"\x1b\[1;3[12]m(WORSE|BETTER)\x1b\[0m ", shown)
    assert marks == ["WORSE", "BETTER", "WORSE"]

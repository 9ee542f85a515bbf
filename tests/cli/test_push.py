"""`push` and `verify`: what is refused before anything is run or sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

Command = Callable[..., Said]

USAGE = [
    (["x", "y"], "'y' names no registry; write one before it, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/y"),
    (["x", f"{HOST}/m"], f"'{HOST}/m' names no tag; write one ({HOST}/m:1.0), or :latest if that is what you mean"),
    (["x", f"{HOST}/m@sha256:{64 * 'a'}"], "names a digest, which only what is pushed decides; name a tag alone"),
    (["x", f"{HOST}/M:1"], "is not an ECR URI; a good one looks like"),
    (["x", "registry.example/m:1", "--create"], "--create: registry.example/m:1 is not in ECR"),
    (["x", f"{HOST}/m:1", "--allow", "SM110"], "--allow SM110 needs a reason"),
    (["x", f"{HOST}/m:1", "--statement", "none/s.json"], "--statement 'none/s.json': there is no folder none"),
    (["x", f"{HOST}/m:1", "--output", "json"], "--output 'json': write FORMAT=FILE"),
    (["x", f"{HOST}/m:1", "--ecr-endpoint-url", "x"], "'ecr_endpoint_url' must begin with http:// or https://"),
]


@pytest.mark.parametrize(("words", "sentence"), USAGE, ids=[row[1][:40] for row in USAGE])
def test_bad_input_is_one_sentence_and_exit_2(smlocal: Command, words: list[str], sentence: str) -> None:
    said = smlocal("push", *words)
    assert (said.code, said.out) == (2, "") and sentence in said.err, said


VERIFY_USAGE = [
    ([f"{HOST}/m"], "names neither tag nor digest"),
    (["m:1"], "names no registry"),
    ([f"{HOST}/m:1", "--max-age", "soon"], "--max-age 'soon': write a number of days"),
    ([f"{HOST}/m:1", "--require", "SM9"], "no rule's id begins with 'SM9'"),
    ([f"{HOST}/m:1", "--statement", "none.json"], "--statement 'none.json' cannot be read: No such file"),
]


@pytest.mark.parametrize(("words", "sentence"), VERIFY_USAGE, ids=[row[1] for row in VERIFY_USAGE])
def test_bad_input_of_verify_is_one_sentence_and_exit_2(smlocal: Command, words: list[str], sentence: str) -> None:
    said = smlocal("verify", *words)
    assert (said.code, said.out) == (2, "") and sentence in said.err, said


def test_a_profile_that_is_not_there_is_told_before_anything_is_sent(
    smlocal: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    said = smlocal("verify", f"{HOST}/m:1")
    assert said.code == 3 and "`aws configure list-profiles` lists" in said.err


def test_a_file_that_is_longer_than_any_statement_is_no_broken_json(smlocal: Command) -> None:
    Path("long.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    said = smlocal("verify", f"{HOST}/m@sha256:{64 * 'a'}", "--statement", "long.json")
    assert said.code == 2 and "is longer than any statement of smlocal's (4,194,304 bytes)" in said.err

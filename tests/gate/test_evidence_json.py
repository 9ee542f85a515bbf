"""What an examination saw, written and read back."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from smlocal.contract import RULES, judge
from smlocal.evidence import Examination, PushedManifest, SecondStart, Transition
from smlocal.gate.evidence_json import as_plain, examination_of
from tests.contract.rows import ROWS, Row
from tests.contract.samples import GOOD

HARD = "hard"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)


def back(examination: Examination) -> Examination:
    return examination_of(json.loads(json.dumps(as_plain(examination)).encode("ascii")))


def everything() -> Examination:
    """An examination whose every optional part is there, with text and bytes that are no UTF-8."""
    trained, served = GOOD.training[HARD], GOOD.serving[HARD]
    run = replace(
        trained.run,
        failure_file=b"\xff\x00",
        last_lines=("\udcff\u2028",),
        transitions=(Transition("Training", NOW, None, ("a", "b")),),
    )
    return replace(
        GOOD,
        image=replace(GOOD.image, manifest=PushedManifest("t", "w")),
        training={**GOOD.training, HARD: replace(trained, run=run, program_began=0.5, written_elsewhere=None)},
        serving={
            **GOOD.serving,
            HARD: replace(served, second_start=SecondStart(None, "c", ()), memory=((1, 2), (3, 4))),
        },
    )


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.rule} {row.claim}" for row in ROWS])
def test_evidence_is_the_same_read_back(row: Row) -> None:
    assert back(row.seen) == row.seen


def test_every_optional_part_is_read_back() -> None:
    assert back(everything()) == everything()
    assert judge(back(everything()), RULES) == judge(everything(), RULES)


SPOILED: list[tuple[str, Any]] = [
    ("a list", []),
    ("nothing", None),
    ("no image", lambda found: found.pop("image")),
    ("a member of its own", lambda found: found.update(colour="red")),
    ("a number in the place of text", lambda found: found["image"].update(id=1)),
    ("true in the place of a number", lambda found: found["image"].update(size_bytes=True)),
    ("text in the place of a list", lambda found: found["image"].update(command="abc")),
    ("null where there must be something", lambda found: found["asked"].update(channels=None)),
    ("bytes that are no base64", lambda found: found["training"][HARD]["run"].update(failure_file="é")),
    ("a time that is none", lambda found: found["training"][HARD]["run"]["transitions"][0].update(started="soon")),
    ("three of two", lambda found: found["serving"][HARD].update(memory=[[1, 2, 3]])),
]


@pytest.mark.parametrize(("name", "spoil"), SPOILED, ids=[name for name, _ in SPOILED])
def test_anything_else_is_refused(name: str, spoil: Any) -> None:
    document = copy.deepcopy(as_plain(everything()))
    if callable(spoil):
        spoil(document)
    else:
        document = spoil
    with pytest.raises(ValueError):
        examination_of(document)

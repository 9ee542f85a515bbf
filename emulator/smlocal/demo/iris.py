"""Fisher's Iris data as the labs use it: what is held out, and what counts as right."""

from __future__ import annotations

from collections.abc import Sequence

ROWS = 150
_HELD_OUT = 30


def split(rows: Sequence[str]) -> tuple[list[str], list[str]]:
    """120 rows to train and 30 to test: the first of every five rows of each class is held out."""
    train: list[str] = []
    test: list[str] = []
    seen: dict[str, int] = {}
    for row in rows:
        label = row.partition(",")[0]
        seen[label] = seen.get(label, 0) + 1
        (test if seen[label] % (len(rows) // _HELD_OUT) == 1 else train).append(row)
    return train, test


def features(row: str) -> str:
    """A row without its label."""
    return row.partition(",")[2]


def answered(output: bytes) -> int:
    """How many rows have an answer: lines with nothing in them are none."""
    return sum(bool(line.strip()) for line in output.splitlines())


def agreement(answer: bytes, rows: Sequence[str]) -> float:
    """The share of rows whose predicted class is their label; predictions stand in lines or between commas."""
    found = [float(part) for part in answer.decode().replace(",", "\n").split()]
    labels = [float(row.partition(",")[0]) for row in rows]
    hits = sum(one == other for one, other in zip(found, labels, strict=False))
    return hits / max(len(labels), len(found))

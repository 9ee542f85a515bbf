"""The rows of a training channel: CSV files without a header, the label in the first column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from iris.optml import JobError

Rows = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64] | npt.NDArray[np.str_]]


def files_of(channel: Path) -> list[Path]:
    """Every file of a channel, sub-folders included, in the order of their names."""
    return sorted(path for path in channel.rglob("*") if path.is_file())


def read_channel(channel: Path) -> Rows:
    """Features (rows x columns) and labels of all files of a channel.

    Labels that are all whole numbers are kept as numbers, others as text. Raises JobError naming the file and the
    line that cannot be used.
    """
    labels: list[str] = []
    features: list[list[float]] = []
    for path in files_of(channel):
        for line, fields in _records(path):
            place = f"{path.relative_to(channel.parent)}, line {line}"
            if len(fields) < 2:
                raise JobError(f"{place}: a label and at least one feature are needed, separated by commas.")
            if features and len(fields) - 1 != len(features[0]):
                raise JobError(
                    f"{place}: {len(fields) - 1} features, where the rows before it have {len(features[0])}."
                )
            labels.append(fields[0].strip())
            features.append(_numbers(fields[1:], place))
    if not features:
        raise JobError(f"Channel {channel.name!r} holds no rows.")
    return np.array(features, dtype=np.float64), _as_labels(labels)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for fields in reader:
                if any(field.strip() for field in fields):
                    yield reader.line_num, fields
    except (UnicodeDecodeError, csv.Error) as error:
        raise JobError(f"{path.parent.name}/{path.name} is not CSV in UTF-8: {error}") from error


def _numbers(fields: list[str], place: str) -> list[float]:
    numbers = []
    for column, field in enumerate(fields, start=2):
        try:
            number = float(field)
        except ValueError:
            hint = " The files must have no header." if place.endswith("line 1") else ""
            raise JobError(f"{place}, column {column}: {field!r} is not a number.{hint}") from None
        if not math.isfinite(number):
            raise JobError(f"{place}, column {column}: {field!r} is not a finite number.")
        numbers.append(number)
    return numbers


def _as_labels(labels: list[str]) -> npt.NDArray[np.int64] | npt.NDArray[np.str_]:
    try:
        return np.array([int(label) for label in labels], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return np.array(labels, dtype=np.str_)
    if all(number.is_integer() for number in numbers):
        return np.array([int(number) for number in numbers], dtype=np.int64)
    raise JobError("The labels in the first column are fractions; a classifier needs whole numbers or names.")

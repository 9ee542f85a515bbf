"""Records in and predictions out, in the media types that SageMaker's clients use.

Source: AWS developer guide, cdf-inference ("Common Data Formats for Inference").
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from iris.model import Predictions

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
MEDIA_TYPES = (CSV, JSON, JSON_LINES)

Records = npt.NDArray[np.float64]


class BadRecords(ValueError):
    """The body cannot be read as records; the text is one sentence for the caller."""


def read(body: bytes, media_type: str) -> Records:
    """Records (rows x columns, at least one of each) of a request's body; raises BadRecords."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRecords(f"The body is not UTF-8 text: byte {error.start} cannot be decoded.") from None
    if not text.strip():
        raise BadRecords("The body holds no records.")
    if media_type == CSV:
        return _finite(_read_csv(text))
    if media_type == JSON:
        return _finite(_as_table(_instances(_parse(text, "The body"))))
    return _finite(_as_table(_read_lines(text)))


def write(predictions: Predictions, media_type: str) -> bytes:
    """A response's body; CSV and JSON Lines have one line for each record, each with its newline."""
    if media_type == CSV:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([label] for label in predictions.labels)
        return stream.getvalue().encode()
    answers = list(_answers(predictions))
    if media_type == JSON:
        return json.dumps({"predictions": answers}, separators=(",", ":")).encode()
    return "".join(json.dumps(answer, separators=(",", ":")) + "\n" for answer in answers).encode()


def _answers(predictions: Predictions) -> Iterable[dict[str, Any]]:
    for row, label in enumerate(predictions.labels):
        answer: dict[str, Any] = {"predicted_label": label}
        if predictions.scores is not None:
            answer["score"] = predictions.scores[row]
        yield answer


def _read_csv(text: str) -> Records:
    # numpy's reader is some ten times faster than the csv module, but words its complaints for programmers.
    try:
        table = np.loadtxt(
            io.StringIO(text, newline=None),
            delimiter=",",
            comments=None,
            quotechar='"',
            ndmin=2,
            dtype=np.float64,
        )
    except ValueError:
        return _read_csv_slowly(text)
    return table


def _read_csv_slowly(text: str) -> Records:
    rows: list[list[float]] = []
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            rows.append([_number(field, f"line {reader.line_num}", at) for at, field in enumerate(fields, start=1)])
            if len(rows[-1]) != len(rows[0]):
                raise BadRecords(
                    f"Line {reader.line_num} has {len(rows[-1])} fields, the first record has {len(rows[0])}."
                )
    except csv.Error as error:
        raise BadRecords(f"Line {reader.line_num} is not CSV: {error}.") from None
    if not rows:
        raise BadRecords("The body holds no records.")
    return np.array(rows, dtype=np.float64)


def _read_lines(text: str) -> list[Any]:
    records = []
    # str.splitlines would also cut at characters that JSON allows inside a string.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.strip():
            records.append(_features(_parse(line, f"Line {number}"), f"Line {number}"))
    return records


def _instances(document: Any) -> list[Any]:
    if isinstance(document, dict) and "instances" in document:
        document = document["instances"]
        if not isinstance(document, list):
            raise BadRecords("'instances' must be a list of records.")
    elif isinstance(document, dict) or (isinstance(document, list) and document and not _nested(document)):
        document = [document]
    if not isinstance(document, list) or not document:
        raise BadRecords("The body holds no records; a list of lists of numbers is expected.")
    return [_features(record, f"Record {number}") for number, record in enumerate(document, start=1)]


def _nested(document: list[Any]) -> bool:
    return any(isinstance(item, list | dict) for item in document)


def _features(record: Any, place: str) -> list[Any]:
    features = record.get("features") if isinstance(record, dict) else record
    if not isinstance(features, list) or not features:
        raise BadRecords(f'{place} must be a list of numbers or an object with such a list named "features".')
    return features


def _as_table(records: list[list[Any]]) -> Records:
    width = len(records[0])
    for number, record in enumerate(records, start=1):
        if len(record) != width:
            raise BadRecords(f"Record {number} has {len(record)} fields, the first record has {width}.")
        for at, value in enumerate(record, start=1):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadRecords(f"Record {number}, field {at}: {value!r} is not a number.")
    try:
        return np.array(records, dtype=np.float64)
    except OverflowError:
        raise BadRecords("A number is too large.") from None


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecords(f"{place} is not JSON: {error}.") from None


def _number(field: str, place: str, column: int) -> float:
    try:
        return float(field)
    except ValueError:
        raise BadRecords(f"{place.capitalize()}, field {column}: {field!r} is not a number.") from None


def _finite(records: Records) -> Records:
    wrong = np.argwhere(~np.isfinite(records))
    if len(wrong):
        row, column = (int(at) for at in wrong[0])
        raise BadRecords(f"Record {row + 1}, field {column + 1}: {records[row, column]} is not a finite number.")
    return records

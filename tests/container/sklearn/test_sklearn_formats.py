"""Bodies in and out of the bring-your-own container."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from iris import formats
from iris.formats import CSV, JSON, JSON_LINES, BadRecords
from iris.model import Predictions

TWO = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]
numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=8)
)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param(b"5.1,3.5,1.4,0.2\n6,3,5,2\n", CSV, id="csv"),
        pytest.param(b"5.1,3.5,1.4,0.2\n6,3,5,2", CSV, id="csv without a final newline"),
        pytest.param(b"5.1,3.5,1.4,0.2\r\n6,3,5,2\r\n", CSV, id="csv with CRLF"),
        pytest.param(b"\n5.1,3.5,1.4,0.2\n\n6,3,5,2\n\n", CSV, id="csv with empty lines"),
        pytest.param(b'"5.1", 3.5,1.4,0.2\n6,"3",5,2\n', CSV, id="csv with quotes and blanks"),
        pytest.param(b"\xef\xbb\xbf5.1,3.5,1.4,0.2\n6,3,5,2\n", CSV, id="csv with a byte order mark"),
        pytest.param(json.dumps(TWO).encode(), JSON, id="json list of lists"),
        pytest.param(json.dumps({"instances": TWO}).encode(), JSON, id="json instances"),
        pytest.param(
            json.dumps({"instances": [{"features": row} for row in TWO]}).encode(), JSON, id="json instances, features"
        ),
        pytest.param(json.dumps([{"features": row} for row in TWO]).encode(), JSON, id="json list of features"),
        pytest.param(b"[5.1,3.5,1.4,0.2]\n[6,3,5,2]\n", JSON_LINES, id="json lines"),
        pytest.param(
            b'{"features":[5.1,3.5,1.4,0.2]}\r\n[6,3,5,2]', JSON_LINES, id="json lines, mixed, no final newline"
        ),
    ],
)
def test_the_same_records_are_read_from_every_format(body: bytes, media_type: str) -> None:
    assert formats.read(body, media_type).tolist() == TWO


@pytest.mark.parametrize("body", [b"[5.1, 3.5]", b'{"features": [5.1, 3.5]}'])
def test_a_single_json_record_needs_no_outer_list(body: bytes) -> None:
    assert formats.read(body, JSON).tolist() == [[5.1, 3.5]]


@pytest.mark.parametrize(
    ("body", "media_type", "complaint"),
    [
        (b"", CSV, "The body holds no records."),
        (b"\n \r\n", CSV, "The body holds no records."),
        (b"1,2\n1,x\n", CSV, "Line 2, field 2: 'x' is not a number."),
        (b"sepal,petal\n1,2\n", CSV, "Line 1, field 1: 'sepal' is not a number."),
        (b"1,,2\n", CSV, "Line 1, field 2: '' is not a number."),
        (b"1,2\n1,2,3\n", CSV, "Line 2 has 3 fields, the first record has 2."),
        (b"1,nan\n", CSV, "Record 1, field 2: nan is not a finite number."),
        (b"1,2\n1,1e999\n", CSV, "Record 2, field 2: inf is not a finite number."),
        (b"1,2\n\xff\xfe", CSV, "The body is not UTF-8 text: byte 4 cannot be decoded."),
        (b"{", JSON, "The body is not JSON"),
        (b"[]", JSON, "The body holds no records"),
        (b"7", JSON, "The body holds no records"),
        (b'{"instances": 7}', JSON, "'instances' must be a list of records."),
        (b'{"rows": []}', JSON, 'Record 1 must be a list of numbers or an object with such a list named "features".'),
        (b"[[1,2],[1]]", JSON, "Record 2 has 1 fields, the first record has 2."),
        (b'[[1,"2"]]', JSON, "Record 1, field 2: '2' is not a number."),
        (b"[[1,true]]", JSON, "Record 1, field 2: True is not a number."),
        (b"[[1,NaN]]", JSON, "Record 1, field 2: nan is not a finite number."),
        (b"[[1" + b"0" * 400 + b"]]", JSON, "A number is too large."),
        (b"[" * 100_000, JSON, "The body is not JSON"),
        (b"[1,2]\nboom\n", JSON_LINES, "Line 2 is not JSON"),
        (b"[1,2]\n7\n", JSON_LINES, "Line 2 must be a list of numbers"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_its_place(body: bytes, media_type: str, complaint: str) -> None:
    with pytest.raises(BadRecords) as caught:
        formats.read(body, media_type)
    assert str(caught.value).startswith(complaint)


@given(tables, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv_keeps_every_bit_of_every_number(table: list[list[float]], end: str, final: bool) -> None:
    body = end.join(",".join(map(repr, row)) for row in table) + (end if final else "")
    assert formats.read(body.encode(), CSV).tolist() == table


@given(tables)
def test_json_and_json_lines_keep_every_bit_of_every_number(table: list[list[float]]) -> None:
    assert formats.read(json.dumps(table).encode(), JSON).tolist() == table
    lines = "\n".join(json.dumps(row) for row in table)
    assert formats.read(lines.encode(), JSON_LINES).tolist() == table


@given(st.binary(max_size=200), st.sampled_from(formats.MEDIA_TYPES))
def test_any_bytes_are_read_or_refused_with_a_sentence(body: bytes, media_type: str) -> None:
    try:
        records = formats.read(body, media_type)
    except BadRecords as error:
        assert str(error)
    else:
        assert records.ndim == 2 and records.size and np.isfinite(records).all()


labels = st.one_of(st.integers(-(2**53), 2**53), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))


@given(st.lists(labels, min_size=1, max_size=8))
def test_each_record_gets_one_line_or_object_in_its_order(answers: list[int | str]) -> None:
    predictions = Predictions(answers, [[0.25, 0.75]] * len(answers))
    document = json.loads(formats.write(predictions, JSON))
    assert [answer["predicted_label"] for answer in document["predictions"]] == answers
    lines = formats.write(predictions, JSON_LINES).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == document["predictions"]
    rows = list(csv.reader(io.StringIO(formats.write(predictions, CSV).decode(), newline="")))
    assert rows == [[str(answer)] for answer in answers]


def test_scores_are_left_out_when_the_classifier_has_none() -> None:
    assert formats.write(Predictions([1], None), JSON) == b'{"predictions":[{"predicted_label":1}]}'

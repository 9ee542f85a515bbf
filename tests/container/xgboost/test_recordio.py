"""RecordIO-protobuf, byte for byte. Source: AWS developer guide, cdf-training (record.proto)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smlocal_xgboost.formats import protobuf_wire as wire
from smlocal_xgboost.formats import recordio
from xgboost_golden import record_labels

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_frames_come_back_as_they_went_in(payloads: list[bytes]) -> None:
    joined = b"".join(map(recordio.frame, payloads))
    assert list(recordio.frames(joined)) == payloads
    assert len(joined) % 4 == 0


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_varint_comes_back_as_it_went_in(value: int) -> None:
    encoded = wire.encode_varint(value)
    assert wire.decode_varint(encoded, 0) == (value, len(encoded))


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.lists(FLOATS, min_size=1, max_size=5), max_size=4))
def test_labels_come_back_as_they_went_in(labels: dict[str, list[float]]) -> None:
    (payload,) = recordio.frames(recordio.encode_labels(labels))
    assert record_labels(payload) == labels


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_are_read_or_refused_with_a_value_error(content: bytes) -> None:
    try:
        recordio.read_body(content)
    except (ValueError, KeyError) as refused:
        assert str(refused)


def _tensor(kind: int, values: bytes, keys: bytes = b"", shape: bytes = b"") -> bytes:
    parts = wire.encode_bytes(1, values)
    parts += wire.encode_bytes(2, keys) if keys else b""
    parts += wire.encode_bytes(3, shape) if shape else b""
    entry = wire.encode_bytes(1, b"values") + wire.encode_bytes(2, wire.encode_bytes(kind, parts))
    return recordio.frame(wire.encode_bytes(1, entry))


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (2, struct.pack("<2f", 1.5, -2), [1.5, -2.0]),
        (3, struct.pack("<2d", 1.5, -2), [1.5, -2.0]),
        (7, wire.encode_varint(3) + wire.encode_varint(2**64 - 2), [3.0, -2.0]),
    ],
    ids=["float32", "float64", "int32"],
)
def test_every_kind_of_number_is_read(kind: int, values: bytes, expected: list[float]) -> None:
    assert recordio.read_body(_tensor(kind, values)).get_data().toarray().tolist() == [expected]


def test_a_sparse_tensor_keeps_its_places() -> None:
    body = _tensor(2, struct.pack("<2f", 1.5, 2.5), keys=bytes([0, 3]), shape=bytes([5]))
    body += _tensor(2, struct.pack("<f", 4), keys=bytes([2]), shape=bytes([5]))
    matrix = recordio.read_body(body)
    assert matrix.num_col() == 5
    assert matrix.get_data().toarray().tolist() == [[1.5, 0, 0, 2.5, 0], [0, 0, 4, 0, 0]]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "there are no records"),
        (b"\x0a\x23", "a RecordIO header is cut off"),
        (b"\0" * 8, "magic number 0x0 instead of 0xced7230a"),
        (recordio.HEADER.pack(recordio.MAGIC, 9), "a RecordIO record is cut off"),
    ],
)
def test_what_is_no_recordio_says_why(body: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        recordio.read_body(body)

"""Objects into records."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.transform.split import CHUNK, RecordTooLarge, lines

LINES = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b'"', b"long" * 3, b"\x00\xff", b"\x85\x0b\x0c"])).map(
    b"".join
)


class Dribble(io.BytesIO):
    """A source that gives less than it is asked for, as a network does."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._step if size is None or size < 0 else min(size, self._step))


@given(data=LINES, step=st.integers(1, 7))
def test_joined_again_the_records_are_the_object(data: bytes, step: int) -> None:
    assert b"".join(lines(Dribble(data, step), 1000)) == data


@given(data=LINES, step=st.integers(1, 7))
def test_a_record_ends_at_a_newline_byte_and_nowhere_else(data: bytes, step: int) -> None:
    expected = [record + b"\n" for record in data.split(b"\n")[:-1]] + [data.split(b"\n")[-1]]
    assert list(lines(Dribble(data, step), 1000)) == [record for record in expected if record]


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a\n"]),
        (b"a\r\nb\r\n", [b"a\r\n", b"b\r\n"]),
        (b"\n\na\n\n", [b"\n", b"\n", b"a\n", b"\n"]),
        (b'"one\ntwo",3\n', [b'"one\n', b'two",3\n']),
        (b"a\rb", [b"a\rb"]),
    ],
)
def test_records_of_odd_objects(data: bytes, records: list[bytes]) -> None:
    assert list(lines(io.BytesIO(data), 100)) == records


@pytest.mark.parametrize("place", [0, 1, CHUNK - 3, CHUNK + 5])
def test_a_record_over_the_limit_is_named_by_its_number(place: int) -> None:
    data = b"\n" * place + b"x" * 11 + b"\nshort\n"
    with pytest.raises(RecordTooLarge, match=rf"record {place + 1} is longer than 10 bytes"):
        list(lines(io.BytesIO(data), 10))
    assert b"".join(lines(io.BytesIO(data), 11)) == data


def test_a_record_that_never_ends_is_given_up_early() -> None:
    source = io.BytesIO(b"x" * (4 * CHUNK))
    with pytest.raises(RecordTooLarge):
        list(lines(source, CHUNK))
    assert source.tell() <= 2 * CHUNK

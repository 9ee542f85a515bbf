"""Records into payloads."""

from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.transform.batch import Strategy, Tally, payloads
from smlocal.transform.split import RecordTooLarge

MULTI, SINGLE = Strategy.MULTI_RECORD, Strategy.SINGLE_RECORD
DATA = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"d" * 5])).map(b"".join)


def cut(data: bytes, strategy: Strategy = MULTI, limit: int = 100, split: bool = True) -> tuple[list[bytes], Tally]:
    tally = Tally()
    made = list(payloads(io.BytesIO(data), split=split, strategy=strategy, limit=limit, tally=tally))
    return made, tally


def slowly(data: bytes, limit: int) -> list[bytes] | None:
    """Greedy whole lines, one line at a time; None when a line does not fit."""
    made, held = [], b""
    for line in _lines(data):
        if len(line) > limit:
            return None
        if len(held) + len(line) > limit:
            made.append(held)
            held = b""
        held += line
    return [*made, held] if held else made


def _lines(data: bytes) -> list[bytes]:
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


@given(data=DATA, limit=st.integers(1, 30))
def test_payloads_of_many_records_are_what_a_slow_filling_gives(data: bytes, limit: int) -> None:
    expected = slowly(data, limit)
    if expected is None:
        with pytest.raises(RecordTooLarge):
            cut(data, limit=limit)
    else:
        made, tally = cut(data, limit=limit)
        assert made == expected
        assert b"".join(made) == data
        assert all(len(payload) <= limit for payload in made)
        assert tally.records == len(_lines(data))


@given(data=DATA, limit=st.integers(1, 30))
def test_payloads_of_single_records_are_the_lines_without_newline_and_without_blank_ones(
    data: bytes, limit: int
) -> None:
    expected = [line for line in data.split(b"\n") if line not in (b"", b"\r")]
    if any(len(line) > limit for line in data.split(b"\n")):
        with pytest.raises(RecordTooLarge):
            cut(data, SINGLE, limit)
    else:
        made, tally = cut(data, SINGLE, limit)
        assert made == expected
        assert tally.records + tally.blank == len(_lines(data))


def test_blank_lines_stay_in_payloads_of_many_records() -> None:
    assert cut(b"\n\na\n\n")[0] == [b"\n\na\n\n"]


def test_the_newline_counts_in_a_payload_of_many_records_and_not_in_one_of_a_single_record() -> None:
    assert cut(b"x" * 10 + b"\n", SINGLE, 10)[0] == [b"x" * 10]
    with pytest.raises(RecordTooLarge):
        cut(b"x" * 10 + b"\n", MULTI, 10)
    assert cut(b"x" * 10, MULTI, 10)[0] == [b"x" * 10]


def test_records_before_one_that_is_too_large_are_still_given() -> None:
    made = payloads(io.BytesIO(b"a\nb\nxxxxx\n"), split=True, strategy=MULTI, limit=4, tally=Tally())
    assert next(made) == b"a\nb\n"
    with pytest.raises(RecordTooLarge, match="record 3 "):
        next(made)


@pytest.mark.parametrize("strategy", Strategy)
def test_an_object_that_is_not_split_is_one_payload_whatever_the_strategy(strategy: Strategy) -> None:
    assert cut(b"a\n\nb", strategy, limit=4, split=False)[0] == [b"a\n\nb"]
    assert cut(b"", strategy, split=False)[0] == []
    with pytest.raises(RecordTooLarge, match="not split"):
        cut(b"a\n\nbc", strategy, limit=4, split=False)


@pytest.mark.parametrize("strategy", Strategy)
def test_carriage_returns_are_noticed(strategy: Strategy) -> None:
    assert cut(b"a\r\nb\r\n", strategy)[1].carriage_returns
    assert not cut(b"a\nb\n", strategy)[1].carriage_returns


class Endless(io.RawIOBase):
    """A big object that is made while it is read."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = (b"5.1,3.5,1.4,0.2\n" * 65536)[: 1024 * 1024]

    def read(self, size: int = -1) -> bytes:
        piece = self._block[: min(size, self._left, len(self._block))]
        self._left -= len(piece)
        return piece


@pytest.mark.parametrize(
    ("strategy", "size", "limit"),
    [
        (MULTI, 300 * 2**20, 6 * 2**20),
        pytest.param(MULTI, 2000 * 2**20, 6 * 2**20, marks=pytest.mark.slow),
        (SINGLE, 6 * 2**20, 2**20),
    ],
)
def test_memory_does_not_grow_with_the_object(strategy: Strategy, size: int, limit: int) -> None:
    tracemalloc.start()
    total = 0
    for payload in payloads(Endless(size), split=True, strategy=strategy, limit=limit, tally=Tally()):
        total += len(payload)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > size * 0.9
    assert peak < 4 * limit

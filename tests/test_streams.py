from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.streams import ahead, chunks_of, counted, reader_of


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_chunks_read_as_a_file_are_the_same_bytes(chunks: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(chunks)
    with reader_of(chunks) as source:
        for size in sizes:
            assert source.read(size) == whole[:size]
            whole = whole[size:]
        assert source.read() == whole


def test_closing_the_file_ends_its_iterator() -> None:
    ended = []

    def chunks() -> Iterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            ended.append(True)

    with reader_of(chunks()) as source:
        assert source.read(1) == b"a"
    assert ended == [True]


def test_an_error_of_the_iterator_reaches_the_reader() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"a"
        raise LookupError("lost")

    with reader_of(chunks()) as source, pytest.raises(LookupError, match="lost"):
        source.read()


def test_no_more_is_taken_than_is_read() -> None:
    taken = []

    def chunks() -> Iterator[bytes]:
        for number in range(10):
            taken.append(number)
            yield bytes(1024 * 1024)

    with reader_of(chunks()) as source:
        source.read(1024 * 1024)
        assert len(taken) <= 2


def test_a_files_bytes_come_in_chunks_and_the_file_is_closed() -> None:
    source = io.BytesIO(b"abcde")
    assert list(chunks_of(source, 2)) == [b"ab", b"cd", b"e"]
    assert source.closed


def test_a_counted_stream_that_is_broken_off_lets_go_of_its_source() -> None:
    let_go = []

    def source() -> Iterator[bytes]:
        try:
            yield b"1"
            yield b"2"
        finally:
            let_go.append(True)

    def refuse(size: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        next(counted(source(), refuse))
    assert let_go == [True]


def test_chunks_read_ahead_are_the_same_and_so_is_their_error() -> None:
    def chunks() -> Iterator[bytes]:
        yield from (b"%d" % number for number in range(20))
        raise ZeroDivisionError

    found = []
    with pytest.raises(ZeroDivisionError):
        for chunk in ahead(chunks(), lambda: None):
            found.append(chunk)
    assert found == [b"%d" % number for number in range(20)]


def test_reading_ahead_ends_with_its_reader_and_closes_the_source() -> None:
    given, closed = [], threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                given.append(1)
                yield b"x"
        finally:
            closed.set()

    stream = ahead(endless(), lambda: None)
    assert next(stream) == b"x"
    stream.close()  # type: ignore[attr-defined]
    assert closed.wait(10)
    assert len(given) < 20


def test_whoever_waits_for_a_silent_source_may_leave() -> None:
    silence = threading.Event()

    def silent() -> Iterator[bytes]:
        silence.wait(60)
        yield b"x"

    def leave() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        next(ahead(silent(), leave))
    silence.set()

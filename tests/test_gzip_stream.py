from __future__ import annotations

import gzip
import io
import random
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal import gzip_stream
from smlocal.errors import BrokenArchive
from smlocal.gzip_stream import compressed, decompressed

TEXT = b"5.1,3.5,1.4,0.2\n" * 100_000
NOISE = random.Random(1).randbytes(1_700_000)


def packed(data: bytes, size: int = 65536, **how: int) -> bytes:
    return b"".join(compressed((data[start : start + size] for start in range(0, len(data), size)), **how))


def unpacked(data: bytes) -> bytes:
    return b"".join(out for out, _ in decompressed(io.BytesIO(data)))


@pytest.mark.parametrize("data", [b"", b"a", TEXT, NOISE, TEXT[: 512 * 1024], TEXT[: 1024 * 1024]])
def test_python_and_we_read_what_we_packed(data: bytes) -> None:
    assert gzip.decompress(packed(data)) == data
    assert unpacked(packed(data)) == data


def test_the_bytes_depend_on_the_input_only() -> None:
    first = packed(TEXT + NOISE)
    assert (
        first == packed(TEXT + NOISE, size=1000) == packed(TEXT + NOISE, threads=1) == packed(TEXT + NOISE, threads=5)
    )
    assert first[4:8] == b"\0\0\0\0"  # no time in the header


def test_cutting_into_blocks_costs_less_than_two_percent() -> None:
    data = b"".join(b"%d,%.3f\n" % (number, number**0.5) for number in range(200_000))
    assert len(packed(data)) < 1.02 * len(gzip.compress(data, 6))


def test_a_block_refers_back_to_the_one_before_it() -> None:
    data = NOISE[:20_000] * 200
    assert len(packed(data)) < 1.3 * len(gzip.compress(data, 6))


def test_memory_is_bounded_whatever_the_input() -> None:
    given_chunks = 0

    def endless() -> Iterator[bytes]:
        nonlocal given_chunks
        while True:
            given_chunks += 1
            yield bytes(512 * 1024)

    stream = compressed(endless(), threads=2)
    for _ in range(20):
        next(stream)
    assert given_chunks < 40
    stream.close()


def test_an_error_of_the_input_comes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a" * 2_000_000
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        b"".join(compressed(broken()))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(0, 3))
def test_members_after_each_other_and_padding_are_read_as_one(parts: list[bytes], padding: int) -> None:
    data = b"".join(map(gzip.compress, parts)) + bytes(padding * 700)
    assert unpacked(data) == b"".join(parts)


def test_no_chunk_is_bigger_than_a_mebibyte_and_input_is_counted() -> None:
    bomb = gzip.compress(bytes(40_000_000))
    chunks = list(decompressed(io.BytesIO(bomb)))
    assert sum(len(out) for out, _ in chunks) == 40_000_000
    assert max(len(out) for out, _ in chunks) <= 1024 * 1024
    assert [taken for _, taken in chunks] == sorted(taken for _, taken in chunks)
    assert chunks[-1][1] <= len(bomb)


def test_output_that_zlib_still_holds_at_the_end_of_the_input_is_not_lost() -> None:
    for size in range(1024 * 1024 - 3, 1024 * 1024 + 4):
        assert len(unpacked(gzip.compress(bytes(size)))) == size


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04zip", "it is not gzip-compressed"),
        (b"BZh9", "it is not gzip-compressed"),
        (gzip.compress(b"abc", mtime=0)[:-1], "ends too early"),
        (gzip.compress(b"abc", mtime=0)[:5], "ends too early"),
        (b"\x1f", "ends too early"),
        (gzip.compress(b"abc", mtime=0) + b"garbage", "bytes that are not gzip follow it"),
        (gzip.compress(b"abc", mtime=0)[:-8] + bytes(8), "is damaged"),
        (zlib.compress(b"abc"), "it is not gzip-compressed"),
    ],
)
def test_what_is_not_gzip_to_its_last_byte_is_broken(data: bytes, said: str) -> None:
    with pytest.raises(BrokenArchive, match=said):
        unpacked(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_a_changed_byte_is_never_taken_for_another_file(position: int, change: int, cut: bool) -> None:
    data = bytearray(gzip.compress(TEXT[:3000] + NOISE[:3000], mtime=0))
    position %= len(data)
    if cut:
        del data[position:]
    else:
        data[position] ^= change
    try:
        result = unpacked(bytes(data))
    except BrokenArchive:
        return
    assert result == TEXT[:3000] + NOISE[:3000]  # a byte of the header that means nothing


def test_the_level_is_gzips_own_default() -> None:
    assert gzip_stream.LEVEL == 6

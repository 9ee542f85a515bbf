from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.errors import BrokenArchive
from smlocal.tarstream import members

LONG = "deep/" * 60 + "name"


def member(name: str, data: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar(*items: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format, errors="surrogateescape") as archive:
        for info, data in items:
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def read(data: bytes) -> list[tuple[str, str, bytes]]:
    return [(each.name, each.kind, b"".join(each.chunks())) for each in members(io.BytesIO(data))]


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_is_read(format: int) -> None:
    name = LONG if format != tarfile.USTAR_FORMAT else "deep/" * 30 + "name"
    data = tar(
        member("a", b"1" * 513, mode=0o4755, mtime=5, uid=7),
        member("d", type=tarfile.DIRTYPE),
        member(name, b"22"),
        member("link", type=tarfile.SYMTYPE, linkname="a"),
        member("hard", type=tarfile.LNKTYPE, linkname="a"),
        format=format,
    )
    assert read(data) == [
        ("a", "file", b"1" * 513),
        ("d", "directory", b""),
        (name, "file", b"22"),
        ("link", "symlink", b""),
        ("hard", "hardlink", b""),
    ]
    first, *_, hard = members(io.BytesIO(data))
    assert (first.mode, first.modified, first.uid, hard.link) == (0o4755, 5, 7, "a")


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_links_and_times_with_fractions_are_read(format: int) -> None:
    data = tar(member("l", type=tarfile.SYMTYPE, linkname=LONG), member("t", b"x", mtime=1.75), format=format)
    link, timed = members(io.BytesIO(data))
    assert (link.link, timed.modified) == (LONG, 1)


def test_names_that_are_not_utf_8_keep_their_bytes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert read(tar(member(name, b"x"), format=format)) == [(name, "file", b"x")]


def test_bytes_that_nobody_read_are_passed_over() -> None:
    assert [each.name for each in members(io.BytesIO(tar(member("a", b"x" * 3000), member("b", b"y"))))] == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.CHRTYPE, "a character device"),
        (tarfile.BLKTYPE, "a block device"),
        (tarfile.FIFOTYPE, "a named pipe"),
        (b"Z", "of the unknown type b'Z'"),
    ],
)
def test_what_is_neither_file_folder_nor_link_is_named(kind: bytes, what: str) -> None:
    odd, after = members(io.BytesIO(tar(member("odd", type=kind), member("a"))))
    assert (odd.kind, odd.what, after.name) == ("other", what, "a")


def test_a_sparse_file_is_named() -> None:
    info, data = member("x", b"abc")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "real"}
    sparse, after = members(io.BytesIO(tar((info, data), member("a"))))
    assert (sparse.name, sparse.kind, sparse.what, after.name) == ("real", "other", "a sparse file", "a")


def test_a_pipe_that_claims_bytes_has_none() -> None:
    odd = bytearray(tarfile.TarInfo("pipe").tobuf())
    odd[124:135] = b"00000001000"
    odd[156:157] = tarfile.FIFOTYPE
    odd[148:156] = b"%06o\0 " % (sum(odd[:148]) + 8 * 32 + sum(odd[156:512]))
    assert [name for name, _, _ in read(bytes(odd) + tar(member("a", b"x")))] == ["pipe", "a"]


def _with_size(size: bytes) -> bytes:
    header = bytearray(tarfile.TarInfo("x").tobuf())
    header[124:136] = size
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:512]))
    return bytes(header) + bytes(1024)


def _pax(records: bytes) -> bytes:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    return header.tobuf() + records + bytes(-len(records) % 512) + tar(member("x", b"x"))


WHOLE = tar(member("a", b"x" * 700))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a tar archive"),
        (b"hello", "not a tar archive"),
        (b"x" * 512, "not a tar archive"),
        (WHOLE[:600], 'ends within "a"'),
        (WHOLE[:1300], 'ends within "a"'),
        (WHOLE[:1536] + b"x" * 512, "damaged between two members"),
        (WHOLE[:1536] + b"x" * 100, "damaged between two members"),
        (_with_size(b"\xff" * 12), "claims a size of -1 bytes"),
        (_pax(b"999 path=x\n"), "attributes are damaged"),
        (_pax(b"x path=x\n"), "attributes are damaged"),
        (_pax(b"9 path=xxx"), "attributes are damaged"),
        (_pax(b"8 pathx\n"), "attributes are damaged"),
        (_pax(b"13 size=many\n"), 'attributes of "x" are damaged'),
        (_pax(b"11 size=-5\n"), "claims a size of -5 bytes"),
        (_pax(b"19 path=" + b"y" * 5), "attributes are damaged"),
        (_pax(b"9" * 2_000_000), "attributes have 2000000 bytes"),
    ],
)
def test_what_is_not_tar_to_its_last_byte_is_broken(data: bytes, said: str) -> None:
    with pytest.raises(BrokenArchive, match=said):
        read(data)


def test_an_archive_without_its_end_mark_is_whole_between_members() -> None:
    assert read(WHOLE[:1536]) == [("a", "file", b"x" * 700)]


def test_an_archive_without_members_is_one() -> None:
    assert read(bytes(10240)) == []


def test_everything_after_the_end_mark_is_read_too() -> None:
    source = io.BytesIO(WHOLE + bytes(5_000_000))
    list(members(source))
    assert source.tell() == len(WHOLE) + 5_000_000


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=12), st.sampled_from(["write", "insert", "cut"]))
def test_any_damage_raises_our_error_or_none(position: int, bytes_: bytes, how: str) -> None:
    whole = tar(member(LONG, b"x" * 900), member("b", b"y"), member("c", type=tarfile.SYMTYPE, linkname=LONG))
    data = bytearray(whole)
    position %= len(data)
    changes: dict[str, Callable[[], None]] = {
        "write": lambda: data.__setitem__(slice(position, position + len(bytes_)), bytes_),
        "insert": lambda: data.__setitem__(slice(position, position), bytes_),
        "cut": lambda: data.__delitem__(slice(position, None)),
    }
    changes[how]()
    try:
        read(bytes(data))
    except BrokenArchive as error:
        assert str(error)


def test_attributes_that_nobody_asks_for_take_no_memory() -> None:
    """An archive may have any number of them, for all of its members."""

    def endless() -> bytes:
        parts = []
        for number in range(300):
            info = tarfile.TarInfo("x")
            info.pax_headers = {f"USER.{number}.{part}": 1000 * "a" for part in range(100)}
            header = tarfile.TarInfo.create_pax_global_header({**info.pax_headers, f"GNU.sparse.{number}": "1"})
            parts.append(header)
        return b"".join(parts) + tar(member("a", b"1"))

    data = endless()
    tracemalloc.start()
    try:
        found = [each.kind for each in members(io.BytesIO(data))]
        peak = tracemalloc.get_traced_memory()[1] - len(data)
    finally:
        tracemalloc.stop()
    assert found == ["other"] and peak < 4 * 1024 * 1024

"""What a model archive must not do to the machine that unpacks it."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.artifacts import Bounds, unpack
from smlocal.errors import BrokenArchive, HostileArchive
from smlocal.tree import Entry, TreeDirectory, TreeFile, TreeLink, tar_stream, text_file

FILE, FOLDER, SYMLINK, HARDLINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
Item = tuple[str, bytes, str]  # name, type, where a link leads


def archive(*items: Item, mode: int = 0o644, format: int = tarfile.PAX_FORMAT, data: bytes = b"x") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format, errors="surrogateescape") as made:
        for name, kind, link in items:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, link, mode
            info.size = len(data) if kind == FILE else 0
            made.addfile(info, io.BytesIO(data))
    return gzip.compress(target.getvalue(), mtime=0)


def read(data: bytes, bounds: Bounds | None = None) -> list[Entry]:
    """All entries, with all bytes of files read as the engine reads them."""
    entries: list[Entry] = []

    def kept() -> object:
        for entry in unpack(io.BytesIO(data), bounds):
            entries.append(entry)
            yield entry

    for _ in tar_stream(kept()):
        pass
    return entries


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([("/etc/passwd", FILE, "")], '"/etc/passwd" has an absolute path'),
        ([("//x", FILE, "")], '"//x" has an absolute path'),
        ([("/etc/", FOLDER, "")], '"/etc" has an absolute path'),
        ([("../x", FILE, "")], '"../x" has a path with ".." in it'),
        ([("a/../../x", FILE, "")], '"a/../../x" has a path with ".." in it'),
        ([("a/..", FOLDER, "")], 'has a path with ".." in it'),
        ([("link", SYMLINK, "/etc/passwd")], '"link" is a symbolic link to "/etc/passwd"'),
        ([("link", SYMLINK, "../../x")], '"link" is a symbolic link to "../../x"'),
        ([("link", SYMLINK, "a")], '"link" is a symbolic link to "a"'),
        ([("d", SYMLINK, "/tmp"), ("d/x", FILE, "")], '"d" is a symbolic link to "/tmp"'),
        ([("hard", HARDLINK, "/etc/passwd")], '"hard" has an absolute path: "/etc/passwd"'),
        ([("hard", HARDLINK, "../x")], '"hard" has a path with ".." in it: "../x"'),
        ([("hard", HARDLINK, "later"), ("later", FILE, "")], '"hard" is a hard link to "later", no file before it'),
        ([("d", FOLDER, ""), ("hard", HARDLINK, "d")], '"hard" is a hard link to "d", no file before it'),
        ([("hard", HARDLINK, "hard")], '"hard" is a hard link to "hard", no file before it'),
        ([("null", tarfile.CHRTYPE, "")], '"null" is a character device'),
        ([("sda", tarfile.BLKTYPE, "")], '"sda" is a block device'),
        ([("pipe", tarfile.FIFOTYPE, "")], '"pipe" is a named pipe'),
        ([("odd", b"Z", "")], "\"odd\" is of the unknown type b'Z'"),
        ([("a", FILE, ""), ("a/b", FILE, "")], '"a/b" is below "a", which is a file'),
        ([("a", FILE, ""), ("a/b/c", FOLDER, "")], '"a/b/c" is below "a", which is a file'),
        ([("a/b", FILE, ""), ("a", FILE, "")], '"a" is in the archive both as a file and as a folder'),
        ([("a", FOLDER, ""), ("./a", FILE, "")], '"./a" is in the archive both as a file and as a folder'),
        ([("a", FILE, ""), ("a/", FOLDER, "")], '"a" is in the archive both as a file and as a folder'),
        ([(".", FILE, "")], '"." would take the place of the folder'),
        ([("x", FILE, ""), ("./", HARDLINK, "x")], "would take the place of the folder"),
        ([("n" * 256, FILE, "")], "has a longer path than a file can have"),
        ([("d/" * 2000 + "x", FILE, "")], "has a longer path than a file can have"),
    ],
)
def test_a_hostile_member_is_refused_by_its_name(items: list[Item], said: str) -> None:
    with pytest.raises(HostileArchive) as raised:
        read(archive(*items))
    assert said in str(raised.value)


def test_a_name_with_a_nul_byte_is_refused() -> None:
    info = tarfile.TarInfo("x")
    info.pax_headers = {"path": "a\0b"}
    with pytest.raises(HostileArchive, match="NUL byte"):
        read(gzip.compress(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)))


def test_what_a_refusal_shows_can_be_printed() -> None:
    name = "../\x1b[31m" + b"\xff".decode("utf-8", "surrogateescape") + "x" * 500
    with pytest.raises(HostileArchive) as raised:
        read(archive((name, FILE, "")))
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


def test_an_ordinary_archive_is_unpacked() -> None:
    found = read(archive(("./", FOLDER, ""), ("./a//b", FILE, ""), ("c/", FOLDER, ""), ("again", HARDLINK, "./a/b")))
    assert [(type(entry), entry.path) for entry in found] == [
        (TreeFile, "a/b"),
        (TreeDirectory, "c"),
        (TreeLink, "again"),
    ]


def test_a_file_may_come_twice_and_the_last_one_counts() -> None:
    assert [
        entry.path for entry in read(archive(("a", FILE, ""), ("d/", FOLDER, ""), ("d", FOLDER, ""), ("./a", FILE, "")))
    ] == [
        "a",
        "d",
        "d",
        "a",
    ]


def test_permissions_stay_without_the_bits_that_lend_them() -> None:
    assert [entry.mode for entry in read(archive(("a", FILE, ""), ("d", FOLDER, ""), mode=0o7755))] == [0o755, 0o755]


def test_a_name_that_is_not_utf_8_keeps_its_bytes() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    (entry,) = read(archive((name, FILE, "")))
    assert b"caf\xe9" in b"".join(tar_stream([TreeFile(entry.path, 0, io.BytesIO)]))


def bomb(size: int) -> bytes:
    return archive(("weights.bin", FILE, ""), ("bomb", FILE, ""), data=bytes(size))


def test_a_bomb_is_refused_by_its_ratio_with_the_members_name() -> None:
    bounds = Bounds(ratio=100, ratio_from=4_000_000)
    with pytest.raises(HostileArchive, match=r'"bomb" makes \d+ bytes out of \d+: more than 100 times'):
        read(bomb(3_000_000), bounds)
    assert len(read(bomb(1_500_000), bounds)) == 2


def test_weights_that_do_not_shrink_are_no_bomb() -> None:
    data = archive(("weights.bin", FILE, ""), data=random.Random(1).randbytes(3_000_000))
    assert len(read(data, Bounds(ratio=2, ratio_from=1000))) == 1


@pytest.mark.parametrize("total", [3_000_000, 6_000_000])
def test_an_archive_that_is_too_long_is_refused_with_the_members_name(total: int) -> None:
    with pytest.raises(HostileArchive, match=f'"(weights.bin|bomb)" makes the archive longer than {total} bytes'):
        read(bomb(3_000_000), Bounds(total_bytes=total))


def test_a_member_that_claims_too_much_is_refused_before_its_bytes() -> None:
    info = tarfile.TarInfo("huge")
    info.size = 1 << 50
    with pytest.raises(HostileArchive, match=f'"huge" claims {1 << 50} bytes'):
        read(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))


def test_zeros_behind_the_end_of_the_archive_count_too() -> None:
    data = archive(("a", FILE, "")) + gzip.compress(bytes(5_000_000))
    with pytest.raises(HostileArchive, match="more than 100 times"):
        read(data, Bounds(ratio=100, ratio_from=1_000_000))


def test_too_many_members_are_refused_with_the_first_too_many() -> None:
    items = [(f"f{number}", FILE, "") for number in range(11)]
    assert len(read(archive(*items[:10]), Bounds(members=10))) == 10
    with pytest.raises(HostileArchive, match='"f10" is one member more than the 10 allowed'):
        read(archive(*items), Bounds(members=10))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"PK\x03\x04", "not gzip"),
        (b"".join(tar_stream([text_file("a", "x")])), "not gzip"),
        (gzip.compress(b"no tar", mtime=0), "not a tar archive"),
        (gzip.compress(b"", mtime=0), "not a tar archive"),
        (archive(("a", FILE, ""), data=bytes(99))[:-3], "ends too early"),
        (archive(("a", FILE, "")) + b"trailing", "not gzip follow it"),
    ],
)
def test_what_is_no_archive_is_told_apart_from_a_hostile_one(data: bytes, said: str) -> None:
    with pytest.raises(BrokenArchive, match=said):
        read(data)


def test_the_stream_is_closed_whatever_happens() -> None:
    for data in (archive(("a", FILE, "")), archive(("../a", FILE, "")), b"broken"):
        source = io.BytesIO(data)
        with contextlib.suppress(HostileArchive, BrokenArchive):
            list(unpack(source))
        assert source.closed


PARTS = st.sampled_from(["a", "b", "..", ".", "", "c\0d", "é", "\udcff", "n" * 300, " ", "~", "a\n"])
NAMES = st.tuples(st.sampled_from(["", "/", "./", "../"]), st.lists(PARTS, max_size=4).map("/".join)).map("".join)
KINDS = st.sampled_from([FILE, FILE, FOLDER, SYMLINK, HARDLINK, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"Z"])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=5), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_nothing_ever_leaves_its_folder(items: list[Item], format: int) -> None:
    try:
        found = read(archive(*items, format=format))
    except (HostileArchive, BrokenArchive):
        return
    files = set()
    for entry in found:
        for path in (entry.path, entry.target if isinstance(entry, TreeLink) else entry.path):
            assert path
            assert not path.startswith("/")
            assert not {"", ".", ".."} & set(path.split("/"))
            assert "\0" not in path
        if isinstance(entry, TreeLink):
            assert entry.target in files
        if not isinstance(entry, TreeDirectory):
            files.add(entry.path)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=6), st.booleans())
def test_any_damage_raises_our_errors_only(position: int, change: bytes, inside: bool) -> None:
    whole = archive(("a" * 120, FILE, ""), ("b", FOLDER, ""), ("c", HARDLINK, "a" * 120))
    data = bytearray(gzip.decompress(whole) if inside else whole)
    position %= len(data)
    data[position : position + len(change)] = change
    try:
        read(gzip.compress(bytes(data)) if inside else bytes(data))
    except (HostileArchive, BrokenArchive) as error:
        assert str(error)

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.tree import Entry, TreeDirectory, TreeFile, TreeLink, below, tar_stream, text_file


def read(*entries: Entry, modified: float = 0.0) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(tar_stream(entries, modified)))) as archive:
        return archive.getmembers()


def test_parents_are_made_before_what_is_in_them_and_once() -> None:
    names = [info.name for info in read(text_file("a/b/c", ""), text_file("a/b/d", ""), text_file("a/e", ""))]
    assert names == ["a", "a/b", "a/b/c", "a/b/d", "a/e"]


def test_all_belongs_to_root_and_modes_are_those_asked_for() -> None:
    file, folder = read(text_file("run", "x", 0o755), TreeDirectory("config", 0o644))
    assert (file.uid, file.gid, file.mode, folder.uid, folder.gid, folder.mode) == (0, 0, 0o755, 0, 0, 0o644)
    assert (file.isfile(), folder.isdir()) == (True, True)


def test_a_folder_named_by_itself_is_not_made_again_as_a_parent() -> None:
    assert [(info.name, info.mode) for info in read(TreeDirectory("d", 0o700), text_file("d/x", ""))] == [
        ("d", 0o700),
        ("d/x", 0o644),
    ]


def test_an_entrys_own_time_goes_before_the_trees() -> None:
    own = TreeFile("own", 0, lambda: io.BytesIO(b""), modified=7.9)
    assert [info.mtime for info in read(text_file("a", ""), own, modified=3.0)] == [3, 7]


def test_a_link_is_a_second_name_of_a_file() -> None:
    _, link = read(text_file("a", "x"), TreeLink("b", "a"))
    assert (link.islnk(), link.linkname) == (True, "a")


def test_a_tree_moves_into_a_bigger_one_with_its_links() -> None:
    assert below("opt/ml", TreeLink("b", "a")) == TreeLink("opt/ml/b", "opt/ml/a")
    assert below("opt/ml", TreeDirectory("d", 0o700, 5.0)) == TreeDirectory("opt/ml/d", 0o700, 5.0)


@pytest.mark.parametrize("size", [4, 5])
def test_a_file_shorter_than_promised_is_an_error_and_a_longer_one_is_cut(size: int) -> None:
    stream = tar_stream([TreeFile("a", size, lambda: io.BytesIO(b"1234"))])
    if size > 4:
        with pytest.raises(OSError, match="a ended 1 bytes before its size of 5"):
            b"".join(stream)
    else:
        assert b"".join(stream).count(b"1234") == 1


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=120).filter(
    lambda name: name not in (".", "..")
)


@given(st.dictionaries(NAMES, st.binary(max_size=2000), max_size=5))
def test_any_file_comes_out_as_it_went_in(files: dict[str, bytes]) -> None:
    def file(name: str) -> TreeFile:
        return TreeFile(name, len(files[name]), lambda: io.BytesIO(files[name]))

    data = b"".join(tar_stream(map(file, files)))
    with tarfile.open(fileobj=io.BytesIO(data), errors="strict") as archive:
        for info in archive:
            source = archive.extractfile(info)
            assert source is not None
            assert source.read() == files.pop(info.name)
    assert files == {}
    assert len(data) % 512 == 0

"""Archives on their way to and from Docker's API."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.engine.docker_archive import Upload, context_archive, named_after
from smlocal.errors import EngineError

_NAME = st.text("abc é.-_", min_size=1, max_size=120).filter(lambda name: name.strip(". ") == name)
_PATH = st.lists(_NAME, min_size=1, max_size=3).map("/".join)


def archive_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime, info.uid = len(data), 0o640, 7, 1000
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@given(
    files=st.dictionaries(_PATH, st.binary(max_size=2000), max_size=5),
    size=st.integers(1, 5000),
)
def test_members_of_a_volumes_root_are_put_below_its_name(files: dict[str, bytes], size: int) -> None:
    """Whatever the chunks, the bytes, modes, owners and times stay; only the names change."""
    given_archive = archive_of({f"/{name}": data for name, data in files.items()})
    renamed = b"".join(named_after(in_pieces(given_archive, size), "model"))

    with tarfile.open(fileobj=io.BytesIO(renamed)) as archive:
        found = {member.name: (archive.extractfile(member), member) for member in archive}
        assert {name: content.read() for name, (content, _) in found.items() if content is not None} == {
            f"model/{name}": data for name, data in files.items()
        }
        assert all((item.mode, item.mtime, item.uid) == (0o640, 7, 1000) for _, item in found.values())


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("", "model"),
        ("/", "model"),
        ("/a", "model/a"),
        ("model", "model"),
        ("model/a", "model/a"),
        ("weights", "weights"),
    ],
)
def test_names_that_are_right_already_stay(given_name: str, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(given_name)
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    renamed = b"".join(named_after(iter([buffer.getvalue()]), "model"))
    with tarfile.open(fileobj=io.BytesIO(renamed)) as archive:
        assert archive.getnames() == [name]


def test_links_keep_their_targets_but_hard_links_follow_their_files() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in (("/soft", tarfile.SYMTYPE, "/etc/hosts"), ("/hard", tarfile.LNKTYPE, "/a")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    with tarfile.open(fileobj=io.BytesIO(b"".join(named_after(iter([buffer.getvalue()]), "m")))) as archive:
        assert [(item.name, item.linkname) for item in archive] == [("m/soft", "/etc/hosts"), ("m/hard", "m/a")]


def test_what_is_no_archive_is_said_so() -> None:
    with pytest.raises(EngineError, match="archive of model cannot be read"):
        list(named_after(iter([b"x" * 2000]), "model"))


def test_a_build_context_depends_on_contents_and_modes_alone(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("# comment\n*.log\n\n!kept.log\n")
    for name in ("a.log", "kept.log", "program"):
        (tmp_path / name).write_text(name)
    (tmp_path / "program").chmod(0o755)

    with context_archive(tmp_path, {"extra/file": b"x"}) as source, tarfile.open(fileobj=source) as archive:
        members = {item.name: item for item in archive}

    assert {"Dockerfile", "kept.log", "program", "extra/file"} <= set(members)
    assert "a.log" not in members
    assert members["program"].mode & 0o111
    assert {(item.mtime, item.uid, item.gid, item.uname, item.gname) for item in members.values()} == {
        (0, 0, 0, "", "")
    }


def test_an_upload_keeps_the_error_that_ended_it() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x"
        raise OSError("unreadable")

    upload = Upload(chunks())
    with pytest.raises(OSError, match="unreadable"):
        list(upload)
    assert isinstance(upload.error, OSError)

"""Answers into outputs."""

from __future__ import annotations

import errno
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import DiskFull
from smlocal.transform.assemble import Assembler, output_key
from smlocal.transform.spool import Spool


def spool(data: bytes, in_memory: int = 100) -> Spool:
    made = Spool(in_memory)
    made.write(data)
    return made


@given(
    answers=st.lists(st.sampled_from([b"", b"a", b"a\n", b"\n", b"long" * 40, b"a\r\n", b"\xff"])),
    line=st.booleans(),
    seed=st.integers(0, 1000),
    in_memory=st.sampled_from([0, 3, 1000]),
)
def test_answers_in_any_order_become_an_output_in_the_order_of_their_requests(
    answers: list[bytes], line: bool, seed: int, in_memory: int
) -> None:
    order = list(enumerate(answers))
    random.Random(seed).shuffle(order)
    assembler = Assembler(line=line, in_memory=in_memory)
    written = sum(assembler.add(index, spool(body, in_memory)) for index, body in order)
    expected = b"".join(body if body.endswith(b"\n") or not line else body + b"\n" for body in answers)
    assert assembler.output.open().read() == expected
    assert written == assembler.written == len(answers)
    assembler.drop()


def test_an_answer_waits_for_the_ones_before_it() -> None:
    assembler = Assembler(line=False, in_memory=10)
    assert assembler.add(2, spool(b"c")) == 0
    assert assembler.add(0, spool(b"a")) == 1
    assert assembler.output.open().read() == b"a"
    assert assembler.drop() == 1


@pytest.mark.parametrize(
    ("source", "target", "key", "output"),
    [
        ("in/", "out", "in/a.csv", "out/a.csv.out"),
        ("in/", "out/", "in/a.csv", "out/a.csv.out"),
        ("in", "out", "in/a.csv", "out/in/a.csv.out"),
        ("in/a", "out", "in/a.csv", "out/a.csv.out"),
        ("in/a.csv", "out", "in/a.csv", "out/a.csv.out"),
        ("in/", "out", "in/deep/er/a.csv", "out/deep/er/a.csv.out"),
        ("in/de", "out", "in/deep/a.csv", "out/deep/a.csv.out"),
        ("in/deep/er", "out/put", "in/deep/er/a.csv", "out/put/er/a.csv.out"),
        ("", "", "a.csv", "a.csv.out"),
        ("", "out", "deep/a", "out/deep/a.out"),
        ("in/", "", "in/a b.csv.gz", "a b.csv.gz.out"),
    ],
)
def test_an_output_is_named_by_its_inputs_path_below_the_last_slash(
    source: str, target: str, key: str, output: str
) -> None:
    assert output_key(source, target, key) == output


def test_a_spool_keeps_few_bytes_in_memory_and_many_in_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = spool(b"x" * 60)
    made.write(b"y" * 60)
    made.write(b"")
    assert (made.size, made.last, list(tmp_path.iterdir())) == (120, b"y", [])
    both = spool(b"z")
    both.append(made)
    assert both.open().read() == b"z" + b"x" * 60 + b"y" * 60
    made.close()
    made.close()
    both.close()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: str) -> tuple[int, str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(DiskFull, match="No space left"):
        spool(b"x" * 200)

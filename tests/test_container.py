"""Output becomes lines: nothing lost, nothing mixed between the two streams, no line without bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smlocal.container import LONGEST_LINE, Lines
from smlocal.engine.interface import StreamName

STREAMS: list[StreamName] = ["stdout", "stderr"]
CHUNKS = st.lists(st.tuples(st.sampled_from(STREAMS), st.binary(max_size=40)))


@given(CHUNKS)
def test_lines_joined_again_are_each_stream_as_it_was(chunks: list[tuple[StreamName, bytes]]) -> None:
    lines = Lines()
    out: dict[StreamName, bytes] = {"stdout": b"", "stderr": b""}
    for stream, data in chunks:
        for line in lines.feed(stream, data):
            assert b"\n" not in line
            out[stream] += line + b"\n"
    for stream, rest in lines.rest():
        out[stream] += rest
    assert out == {name: b"".join(data for stream, data in chunks if stream == name) for name in out}


def test_a_line_that_never_ends_is_told_in_parts() -> None:
    lines = Lines()
    parts = list(lines.feed("stdout", b"x" * (3 * LONGEST_LINE)))
    parts += [rest for _, rest in lines.rest()]
    assert b"".join(parts) == b"x" * (3 * LONGEST_LINE)
    assert max(map(len, parts)) == LONGEST_LINE


def test_an_unfinished_line_of_one_stream_does_not_mix_with_the_other() -> None:
    lines = Lines()
    assert list(lines.feed("stdout", b"half")) == []
    assert list(lines.feed("stderr", b"whole\n")) == [b"whole"]
    assert list(lines.feed("stdout", b" line\n")) == [b"half line"]

"""Output becomes lines: nothing lost, nothing mixed between the two streams, no line without bound."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.container_output import LONGEST_LINE, ContainerOutput, Lines, LogLine
from smlocal.engine.interface import LogChunk, LogStream, StreamName
from smlocal.errors import EngineError

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


# an engine's stream of output, and what becomes of it


class Stream:
    """Gives what it was fed: bytes, an error to be raised, or None for the end."""

    def __init__(self, *items: bytes | Exception | None) -> None:
        self._items: queue.Queue[bytes | Exception | None] = queue.Queue()
        for item in items:
            self._items.put(item)

    def __iter__(self) -> Iterator[LogChunk]:
        while (item := self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield LogChunk("stdout", item)

    def close(self) -> None:
        self._items.put(None)


class Streams:
    """An engine to which one can attach so many times."""

    def __init__(self, *streams: Stream) -> None:
        self._streams = list(streams)

    def attach(self, container: str) -> LogStream:
        return self._streams.pop(0)


@pytest.fixture
def reading() -> Iterator[Callable[..., tuple[ContainerOutput, list[bytes]]]]:
    """Begin to read streams in turn; gives the reader and the lines that it told."""
    made: list[ContainerOutput] = []

    def begin(*streams: Stream, slowly: float = 0.0) -> tuple[ContainerOutput, list[bytes]]:
        told: list[bytes] = []

        def on_line(line: LogLine) -> None:
            threading.Event().wait(slowly)
            told.append(line.text)

        output = ContainerOutput(Streams(*streams), "container", on_line, patience=0.1, still_runs=0.05)
        output.begin()
        made.append(output)
        return output, told

    yield begin
    for output in made:
        output.close()


Reading = Callable[..., tuple[ContainerOutput, list[bytes]]]


def test_nothing_is_lost_when_lines_are_taken_more_slowly_than_patience_lasts(reading: Reading) -> None:
    output, told = reading(Stream(b"1\n2\n3\n", b"4\n", None), slowly=0.3)
    output.finish()
    assert (told, output.failure) == ([b"1", b"2", b"3", b"4"], None)


def test_an_engine_that_never_ends_the_output_is_given_up_with_a_sentence(reading: Reading) -> None:
    output, _ = reading(Stream(b"1\n"))
    with pytest.raises(EngineError, match=r"has ended, and its output has not within 0\.1 s"):
        output.finish()


def test_a_connection_that_breaks_is_no_end_of_the_output(reading: Reading) -> None:
    output, told = reading(Stream(b"1\n", EngineError("the connection broke")))
    output.finish()
    assert told == [b"1"]
    assert str(output.failure) == "the connection broke"


def test_output_that_goes_on_in_another_connection_was_lost_in_part(reading: Reading) -> None:
    output, _ = reading(Stream(b"1\n", None), Stream(b"9\n"))
    while output.failure is None:
        threading.Event().wait(0.01)
    assert str(output.failure) == "the engine broke off the container's output, and some of it is lost"


def test_a_program_that_closes_its_output_and_runs_on_is_no_failure(reading: Reading) -> None:
    output, told = reading(Stream(b"1\n", None), Stream(None))
    threading.Event().wait(0.2)
    output.finish()
    assert (told, output.failure) == ([b"1"], None)


def test_attaching_a_second_time_to_what_has_just_ended_does_not_hang(reading: Reading) -> None:
    output, told = reading(Stream(b"1\n", None), Stream())
    threading.Event().wait(0.2)
    output.finish()
    assert (told, output.failure) == ([b"1"], None)


def test_what_takes_the_lines_may_fail_and_the_rest_is_drained() -> None:
    def on_line(line: LogLine) -> None:
        raise ValueError(line.text.decode())

    output = ContainerOutput(Streams(Stream(b"1\n2\n", None)), "container", on_line)
    output.begin()
    output.finish()
    assert (str(output.failure), output.last(5)) == ("1", ["1", "2"])

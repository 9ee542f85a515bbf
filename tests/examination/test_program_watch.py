"""How much of what a program wrote lies where nothing should be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smlocal.errors import EngineError, NotFoundInEngine
from smlocal.examination.program_watch import ProgramWatch
from smlocal.settings import MEBIBYTE

PIECE = b"\0" * MEBIBYTE


class Ended:
    """A container that has ended, with so many MiB in /tmp."""

    def __init__(self, written: int | None, temporary: int, error: Exception | None = None) -> None:
        self._written, self._temporary, self._error = written, temporary, error

    def written_bytes(self) -> int | None:
        return None if self._written is None else self._written * MEBIBYTE

    def read(self, path: str) -> Iterator[bytes]:
        assert path == "/tmp"
        for _ in range(self._temporary):
            yield PIECE
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    ("claim", "container", "expected"),
    [
        ("the engine does not say", Ended(None, 0), None),
        ("a little is not looked at", Ended(60, 60), 60),
        ("what is in /tmp does not count", Ended(100, 70), 30),
        ("there is no /tmp", Ended(100, 0, NotFoundInEngine("no /tmp")), 100),
        ("/tmp cannot be read to its end", Ended(3000, 70, EngineError("broken off")), None),
        ("/tmp is too large to be read", Ended(100_000, 99_000), None),
    ],
)
def test_what_is_not_known_is_not_called_written(claim: str, container: Ended, expected: int | None) -> None:
    watch = ProgramWatch(lambda: 0.0)
    watch.on_exit(container)  # type: ignore[arg-type]
    assert watch.written_elsewhere == (None if expected is None else expected * MEBIBYTE)

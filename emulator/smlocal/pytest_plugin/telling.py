"""What runs tell on their way: kept, and shown with a test that failed."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import pytest

from smlocal.cli.terminal import Format, Terminal
from smlocal.errors import SmlocalError

if TYPE_CHECKING:
    from smlocal.errors import EngineUnavailable
    from smlocal.settings import Settings

Words = ParamSpec("Words")
Result = TypeVar("Result")

_LINES = 200
_LOG = 10_000


class Heard(Terminal):
    """Keeps the latest of what is told, for a run tells it from threads: what a test prints is nobody else's."""

    def __init__(self, among: Heard | None = None) -> None:
        super().__init__(Format.text, 0)
        self.lines: deque[str] = deque(maxlen=_LINES)
        self.log: deque[str] = deque(maxlen=_LOG)  # of these, the lines of a container, as they are
        self._among = among  # who hears all of it, too

    def say(self, text: str) -> None:
        self.lines.append(text)
        if self._among is not None:
            self._among.say(text)

    def log_line(self, text: str) -> None:
        self.lines.append(f"| {text}")
        self.log.append(text)
        if self._among is not None:
            self._among.log_line(text)

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[Callable[[str], None]]:
        self.say(text)
        yield self.say


def plainly(function: Callable[Words, Result]) -> Callable[Words, Result]:
    """An error of ours is one sentence for the user: it is raised where the test calls, without the way there."""

    @functools.wraps(function)
    def call(*given: Words.args, **named: Words.kwargs) -> Result:
        __tracebackhide__ = True
        try:
            return function(*given, **named)
        except SmlocalError as error:
            raise error.with_traceback(None) from None

    return call


HEARD = pytest.StashKey[Heard]()  # of the node whose fixtures run something


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its jobs and endpoints told."""
    report = yield
    if report.failed:
        for node in item.listchain():
            heard = node.stash.get(HEARD, None)
            if heard is not None and heard.lines:
                report.sections.append((f"smlocal {call.when}", "\n".join(heard.lines)))
    return report


def doctor_says(settings: Settings, error: EngineUnavailable) -> str:
    """What `smlocal doctor` says of an engine that does not answer."""
    from smlocal.wiring import Program

    with Program(settings) as program:
        row = program.doctor.no_engine(error)
    return f"{row.text}\nfix: {row.fix}" if row.fix else row.text

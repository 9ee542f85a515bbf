"""What is seen of a training program while it runs, and of its container when it has ended."""

from __future__ import annotations

from collections.abc import Callable

from smlocal.container import LaunchedContainer
from smlocal.errors import EngineError, NotFoundInEngine
from smlocal.settings import MEBIBYTE

_MOST_TIMES = 10_000  # of lines
_TEMPORARY = "/tmp"
_LITTLE = 64 * MEBIBYTE  # so little is not looked at closely
_MOST_READ = 10 * 1024 * MEBIBYTE  # as much as a job's volume holds; a sparse file may look larger


class ProgramWatch:
    """Notes when things happen, in seconds since its making, and how much was written where nothing should be."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._origin = clock()
        self.line_times: list[float] = []
        self.began: float | None = None
        self.ended: float | None = None
        self.written_elsewhere: int | None = None  # bytes outside of volumes and /tmp; None: not known

    def seconds(self) -> float:
        return self._clock() - self._origin

    def on_status(self, status: str) -> None:
        """A job's program starts with this status."""
        if status == "Training" and self.began is None:
            self.began = self.seconds()

    def on_line(self) -> None:
        if len(self.line_times) < _MOST_TIMES:
            self.line_times.append(self.seconds())

    def on_exit(self, container: LaunchedContainer) -> None:
        self.ended = self.seconds()
        written = container.written_bytes()
        if written is not None and written > _LITTLE:
            temporary = _size(container, _TEMPORARY)
            written = None if temporary is None else max(0, written - temporary)
        self.written_elsewhere = written


def _size(container: LaunchedContainer, path: str) -> int | None:
    """Bytes of all below a path of a container that has ended; 0 when it is not there, None when they are too many to
    be read, or cannot be read to their end."""
    total = 0
    try:
        for chunk in container.read(path):
            total += len(chunk)
            if total > _MOST_READ:
                return None
    except NotFoundInEngine:
        return 0
    except EngineError:
        return None
    return total

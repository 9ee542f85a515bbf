"""The images that a build leaves behind without a name: found while it runs, removed when it ends.

The classic builder keeps the last image of every stage. The one that downloads holds this machine's package-index
settings and certificates, which are nobody else's business.
"""

from __future__ import annotations

import contextlib
import re
from types import TracebackType

from smlocal.engine.interface import Engine
from smlocal.errors import EngineError

_IMAGE = re.compile(r"\s*-+> (?:Using cache )?([0-9a-f]{11,64})\s*")
_STAGE = re.compile(r"(?:\[\d+/\d+\] )?step \d+(?:/\d+)? ?: from ", re.IGNORECASE)


class StageWatch:
    """Reads a build's lines, and on leaving removes the unnamed images with which its stages ended."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._latest: str | None = None
        self._ends: list[str] = []

    def see(self, line: str) -> None:
        for part in line.splitlines():
            image = _IMAGE.fullmatch(part)
            if image:
                self._latest = image[1]
            elif _STAGE.match(part):
                self._end_stage()

    def _end_stage(self) -> None:
        if self._latest is not None:
            self._ends.append(self._latest)
            self._latest = None

    def __enter__(self) -> StageWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_stage()
        for image in reversed(self._ends):
            # A stage that the finished image stands on cannot be removed, and shall not be.
            with contextlib.suppress(EngineError):
                if not self._engine.image(image).tags:
                    self._engine.remove_image(image)

"""How far a push is: a spinner with the latest news on a terminal, a plain line for each step and layer elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.gate.publish import Progress
    from smlocal.registry.interface import Descriptor

_STEPS = {
    "export": "reading the image from the engine",
    "upload": "sending layers",
    "manifest": "sending the manifest, without a name",
    "read back": "reading it back",
    "compare": "comparing",
    "tag": "giving it its tag",
    "confirm": "looking whether the tag names it",
}
_QUIET_STEPS = ("manifest", "compare", "tag", "confirm")  # too short for a line of their own
_OFTEN = 0.1  # seconds between two pieces of news


class PushProgress(contextlib.ExitStack):
    """Shows one step after the other. Layers are sent, and told of, by several threads."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._is_terminal = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._sent: dict[str, int] = {}
        self._told_at = 0.0
        self._tell: Callable[[str], None] = lambda news: None

    def progress(self) -> Progress:
        from smlocal.gate.publish import Progress

        return Progress(self._step, self._read, self._layer)

    def _step(self, step: str) -> None:
        self.close()
        words = _STEPS[step]
        if step not in _QUIET_STEPS or self._is_terminal:
            self._tell = self.enter_context(self._terminal.working(words))
        else:
            self._terminal.detail(words)

    def _read(self, total: int) -> None:
        self._news(f"{size_in_words(total)} read")

    def _layer(self, blob: Descriptor, sent: int) -> None:
        with self._lock:
            before = self._sent.get(blob.digest)
            self._sent[blob.digest] = sent
            whole = sum(self._sent.values())
        name, of = blob.digest[:19], size_in_words(blob.size)
        if before is not None and before < sent == blob.size and not self._is_terminal:  # else it was there
            self._terminal.say(f"  {name} {of} sent")
        self._news(f"{size_in_words(whole)} in {len(self._sent)} blobs; {name} {size_in_words(sent)} of {of}")

    def _news(self, text: str) -> None:
        """Not more often than anybody can read."""
        now = time.monotonic()
        if self._is_terminal and now - self._told_at >= _OFTEN:
            self._told_at = now
            self._tell(text)


def size_in_words(size: int) -> str:
    """Bytes for people, as registries and `docker images` count them: 1 MB is a million."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"

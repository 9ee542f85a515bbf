"""The progress of bytes on their way into a container and out of it, shown once they are many."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal

_MEBIBYTE = 1024 * 1024
_SHOWN_FROM = 64 * _MEBIBYTE
_STEP = 16 * _MEBIBYTE
_WORDS = {"input": "copying the input", "output": "reading the output"}


class Transfers(contextlib.ExitStack):
    """Shows one transfer after the other; a line that is said ends it."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal
        self._shown = ""
        self._next = 0
        self._tell: Callable[[str], None] = lambda news: None

    def news(self, transfer: str, count: int) -> None:
        """So many bytes of a transfer ("input", "output") have passed."""
        if count < max(_SHOWN_FROM, self._next if transfer == self._shown else 0):
            return
        if transfer != self._shown:
            self.close()
            self._shown = transfer
            self._tell = self.enter_context(self._terminal.working(_WORDS[transfer]))
        self._next = count + _STEP
        self._tell(f"{count // _MEBIBYTE} MiB")

    def then_say(self, text: str) -> None:
        """Say something else; a transfer that is shown is over."""
        self.close()
        self._shown = ""
        self._terminal.say(text)

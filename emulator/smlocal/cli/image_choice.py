"""The image that the user named, found or pulled before a run begins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast, get_args

from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.images.availability import PullPolicy
    from smlocal.wiring import Program


def pull_policy(text: str) -> PullPolicy:
    """What `--pull` says. Raises UsageError."""
    from smlocal.images.availability import PullPolicy

    if text not in get_args(PullPolicy):
        raise UsageError(f"--pull '{text}': it is one of never, missing, always")
    return cast("PullPolicy", text)


def chosen(program: Program, terminal: Terminal, image: str, policy: PullPolicy, missing: str) -> str:
    """The local image for what the user named, in the engine. `missing` is what the platform says of an image that
    there is not. Raises UsageError, NotSupported, ImageNotFound."""
    from smlocal.images.availability import architecture_problem, ensure_image

    found = program.resolve(image)
    if found.note:
        terminal.say(f"note: {found.note}")
    with _Pull(terminal, found.reference) as pull:
        facts = ensure_image(program.engine, found.reference, policy, pull.news, missing)
    problem = architecture_problem(facts, program.engine.facts())
    if problem:
        terminal.say(f"warning: {problem}")
    return found.reference


class _Pull(contextlib.ExitStack):
    """Shows a pull from its first news on: an image that the engine holds needs none."""

    def __init__(self, terminal: Terminal, reference: str) -> None:
        super().__init__()
        self._terminal = terminal
        self._reference = reference
        self._tell: Callable[[str], None] | None = None

    def news(self, text: str) -> None:
        if self._tell is None:
            self._tell = self.enter_context(self._terminal.working(f"pulling {self._reference}"))
        self._tell(text)

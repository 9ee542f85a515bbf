"""A repository where any single call fails, before or after it had its effect, and which remembers what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from smlocal.registry.scripted import ScriptedRepository

METHODS = ("manifest", "has_blob", "blob", "push_blob", "put_manifest", "remove_manifest", "tags_of", "remove_tag")


class Faulty:
    """The calls of a scripted repository are counted; `fault(number, method)` may raise instead of, or after, one."""

    def __init__(
        self,
        inner: ScriptedRepository,
        before: Callable[[int, str], None] = lambda number, method: None,
        after: Callable[[int, str], None] = lambda number, method: None,
    ) -> None:
        self.inner = inner
        self.name = inner.name
        self.calls: list[str] = []
        self._before, self._after = before, after
        self._lock = threading.Lock()

    def __getattr__(self, method: str) -> Any:
        if method not in METHODS:
            raise AttributeError(method)

        def call(*arguments: Any) -> Any:
            with self._lock:
                number = len(self.calls)
                self.calls.append(method)
            self._before(number, method)
            answer = getattr(self.inner, method)(*arguments)
            self._after(number, method)
            return answer

        return call

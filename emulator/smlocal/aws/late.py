"""Services that are made when the first call for one of them comes: what nobody calls needs no container engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from smlocal.aws.wire import Call, Reply, Service


class Late:
    """Several services that are made together, in a thread, once. What `make` raises is raised to that call, and the
    next call tries again."""

    def __init__(self, make: Callable[[], Mapping[str, Service]]) -> None:
        self._make = make
        self._lock = asyncio.Lock()
        self._services: Mapping[str, Service] | None = None

    def service(self, name: str) -> Service:
        """The service of that name."""

        async def answer(call: Call) -> Reply:
            return await (await self._made())[name](call)

        return answer

    async def _made(self) -> Mapping[str, Service]:
        if self._services is None:
            async with self._lock:
                if self._services is None:
                    self._services = await asyncio.to_thread(self._make)
        return self._services

"""Blocking calls beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from smlocal.off_loop import in_thread


def test_a_cancelled_call_is_waited_for() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        go_on.wait(5)
        ended.set()

    async def main() -> None:
        task = asyncio.ensure_future(in_thread(call))
        await asyncio.to_thread(begun.wait, 5)
        task.cancel()
        asyncio.get_running_loop().call_later(0.1, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(main())


def test_a_calls_result_and_error_come_back() -> None:
    assert asyncio.run(in_thread(lambda: 3)) == 3
    with pytest.raises(ValueError, match="no"):
        asyncio.run(in_thread(lambda: int("no")))

from __future__ import annotations

import asyncio

import pytest

from smlocal.aws.late import Late
from smlocal.aws.wire import Call, Reply, Service
from smlocal.errors import EngineUnavailable
from tests.aws.wire_fixtures import call


def _answering(text: bytes) -> Service:
    async def answer(one: Call) -> Reply:
        return Reply(200, {}, text)

    return answer


def test_services_are_made_together_at_the_first_call_and_once() -> None:
    made = []

    def make() -> dict[str, Service]:
        made.append(1)
        return {"a": _answering(b"a"), "b": _answering(b"b")}

    async def calls() -> list[Reply]:
        late = Late(make)
        assert made == []
        services = [late.service(name) for name in "abab"]
        return list(await asyncio.gather(*(service(call()) for service in services)))

    assert [reply.body for reply in asyncio.run(calls())] == [b"a", b"b", b"a", b"b"]
    assert made == [1]


def test_what_could_not_be_made_is_told_and_tried_again() -> None:
    failures = [EngineUnavailable("no engine")]

    def make() -> dict[str, Service]:
        if failures:
            raise failures.pop()
        return {"a": _answering(b"a")}

    async def calls() -> Reply:
        service = Late(make).service("a")
        with pytest.raises(EngineUnavailable):
            await service(call())
        return await service(call())

    assert asyncio.run(calls()).body == b"a"

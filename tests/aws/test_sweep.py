"""Every constraint of every member of the operations that run, broken one at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError

from smlocal.aws.interface import OPERATIONS
from smlocal.aws.sagemaker import SageMaker
from smlocal.requests.shapes import request_shapes
from tests.aws.model_values import Fault, faults
from tests.aws.wire_fixtures import Elsewhere, ScriptedAccount, call, document, listening, told

FEWEST = 10_000
SAMPLED = 400


def _every() -> list[Fault]:
    return [fault for operation in OPERATIONS for fault in faults(request_shapes(operation))]


def _wrong(fault: Fault, status: int, code: str, message: str) -> str | None:
    """What is wrong with an answer to a broken request."""
    at, found = 0, status == 400 and code == fault.code
    for piece in fault.says:
        at = message.find(piece, at)
        found = found and at >= 0
    return None if found else f"{fault.operation} {fault.request}: {status} {code} {message!r}, not {fault.says}"


def test_each_of_ten_thousand_broken_requests_is_a_400_that_names_what_is_broken() -> None:
    account = ScriptedAccount()
    service = told(SageMaker(account, Elsewhere()))

    async def answers() -> Iterator[str | None]:
        found = []
        for fault in every:
            reply = await service(call(fault.operation, json.dumps(fault.request).encode()))
            answer = document(reply)
            message = answer.get("message", answer.get("Message", ""))
            found.append(_wrong(fault, reply.status, answer["__type"], message))
        return iter(found)

    every = _every()
    assert len(every) >= FEWEST
    wrong = [text for text in asyncio.run(answers()) if text]
    assert wrong[:10] == []
    assert account.seen == []


def _sendable(fault: Fault) -> bool:
    """Whether botocore's serialiser, which trusts its input, can be made to send it."""
    return fault.code == "ValidationException" and not _has_null(fault.request)


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_null(item) for item in value.values())
    return value is None or (isinstance(value, list) and any(_has_null(item) for item in value))


@pytest.fixture(scope="module")
def unchecking_client() -> Iterator[Any]:
    """boto3 that sends whatever it is given."""
    with listening(SageMaker(ScriptedAccount(), Elsewhere())) as url:
        config = botocore.config.Config(parameter_validation=False, retries={"total_max_attempts": 1})
        client = boto3.client(
            "sagemaker", "us-east-1", endpoint_url=url, config=config, aws_access_key_id="a", aws_secret_access_key="b"
        )
        yield client
        client.close()


def test_a_sample_of_them_is_refused_the_same_way_through_boto3(unchecking_client: Any) -> None:
    sendable = [fault for fault in _every() if _sendable(fault)]
    sample = list(itertools.islice(sendable, 0, None, max(1, len(sendable) // SAMPLED)))
    assert len(sample) >= SAMPLED
    wrong = []
    for fault in sample:
        method = getattr(unchecking_client, OPERATIONS[fault.operation])
        with pytest.raises(ClientError) as caught:
            method(**fault.request)
        answer = caught.value.response
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        wrong.append(_wrong(fault, status, answer["Error"]["Code"], answer["Error"]["Message"]))
    assert [text for text in wrong if text][:10] == []


@pytest.mark.parametrize("value", ["x", 1e30, -1e30, True, [], {}, float("1e15")])
def test_a_moment_that_no_calendar_has_is_no_request(value: Any) -> None:
    service = SageMaker(ScriptedAccount(), Elsewhere())
    reply = asyncio.run(_answer(service, json.dumps({"CreationTimeAfter": value}).encode()))
    assert (reply.status, document(reply)["__type"]) == (400, "SerializationException")


def test_a_moment_reaches_the_account_as_a_datetime() -> None:
    account = ScriptedAccount()
    asyncio.run(_answer(SageMaker(account, Elsewhere()), b'{"CreationTimeAfter":1764417600.25}'))
    ((_, request),) = account.seen
    assert request == {"CreationTimeAfter": datetime.fromisoformat("2025-11-29T12:00:00.250+00:00")}


async def _answer(service: SageMaker, body: bytes) -> Any:
    return await service(call("ListModels", body))

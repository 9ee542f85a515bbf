"""What the container proposes by `GET /execution-parameters`, and what comes of it.

The request of the job goes before the container's reply, and the reply before the defaults.
Source: AWS developer guide, your-algorithms-batch-code. What a malformed reply does is not published: it counts as
none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from smlocal.errors import ConnectionFailed
from smlocal.http_client import HttpClient
from smlocal.transform.batch import Strategy
from smlocal.transform.plan import LARGEST_PRODUCT, Parameters, Plan

DEFAULTS = Parameters(concurrency=1, payload_mb=6, strategy=Strategy.MULTI_RECORD)
_LONGEST_REPLY = 64 * 1024
_MOST_AT_ONCE = 1000  # that a container may propose


@dataclass(frozen=True)
class Reply:
    """The container's answer: its status (None: no answer), what could be used of it, and what could not."""

    status: int | None
    concurrency: int | None = None
    payload_mb: int | None = None
    strategy: Strategy | None = None
    problems: tuple[str, ...] = ()


def ask(http: HttpClient, base_url: str, headers: dict[str, str], timeout: float) -> Reply:
    """Ask the container once."""
    try:
        answer = http.request(
            "GET", f"{base_url}/execution-parameters", headers=headers, timeout=timeout, max_response=_LONGEST_REPLY
        )
    except ConnectionFailed as error:
        return Reply(None, problems=(f"/execution-parameters gave no answer and counts as absent: {error}",))
    if answer.status == 404:
        return Reply(404)
    if answer.status != 200:
        return Reply(answer.status, problems=(f"/execution-parameters answered {answer.status} and counts as absent",))
    return read(answer.body)


def read(body: bytes) -> Reply:
    """Read a reply of status 200."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Reply(200, problems=("/execution-parameters answered something that is not JSON and counts as absent",))
    if not isinstance(told, dict):
        return Reply(200, problems=("/execution-parameters answered no JSON object and counts as absent",))
    problems: list[str] = []
    return Reply(
        200,
        concurrency=_number(told, "MaxConcurrentTransforms", problems, _MOST_AT_ONCE) or None,
        payload_mb=_number(told, "MaxPayloadInMB", problems, LARGEST_PRODUCT),
        strategy=_strategy(told, problems),
        problems=tuple(problems),
    )


def _number(told: dict[str, Any], name: str, problems: list[str], most: int) -> int | None:
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        problems.append(f"/execution-parameters: {name} must be a whole number from 0 to {most}")
        return None
    return value


def _strategy(told: dict[str, Any], problems: list[str]) -> Strategy | None:
    value = told.get("BatchStrategy")
    if value is None:
        return None
    if not isinstance(value, str) or value not in {item.value for item in Strategy}:
        problems.append("/execution-parameters: BatchStrategy must be MULTI_RECORD or SINGLE_RECORD")
        return None
    return Strategy(value)


def settle(plan: Plan, reply: Reply) -> Parameters:
    """What is used: the request's value, else the reply's, else the default."""
    payload_mb = next(value for value in (plan.payload_mb, reply.payload_mb, DEFAULTS.payload_mb) if value is not None)
    return Parameters(
        concurrency=plan.concurrency or reply.concurrency or DEFAULTS.concurrency,
        payload_mb=payload_mb,
        strategy=plan.strategy or reply.strategy or DEFAULTS.strategy,
    )


def fitted(asked: Parameters, plan: Plan) -> tuple[Parameters, str]:
    """`asked`, with no more requests at a time than go with its payload, and a sentence when that is fewer.

    MaxConcurrentTransforms times MaxPayloadInMB may be 100 MB. That is a rule for a request, which is refused when it
    gives both; what the container proposes, and what is the default, is no mistake of the user's. What the platform
    does then is not published.
    """
    if asked.unlimited or asked.concurrency * asked.payload_mb <= LARGEST_PRODUCT:
        return asked, ""
    most = LARGEST_PRODUCT // asked.payload_mb
    who = "the container proposes" if plan.concurrency is None else "the request asks for"
    return replace(asked, concurrency=most), (
        f"{most} requests are made at a time, not the {asked.concurrency} that {who}: with MaxPayloadInMB"
        f" {asked.payload_mb} more of them would be over {LARGEST_PRODUCT} MB"
    )

"""Requests into plans, and what containers are told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from smlocal.errors import InvalidRequest, NotSupported
from smlocal.settings import Limits
from smlocal.transform.batch import Strategy
from smlocal.transform.parameters import Reply, read, settle
from smlocal.transform.plan import Parameters, plan_of

Make = Callable[..., dict[str, Any]]


def test_the_container_is_told_only_what_the_request_gave(request_of: Make) -> None:
    assert plan_of(request_of(), Limits()).environment == {"SAGEMAKER_BATCH": "true"}
    asked = request_of(
        MaxPayloadInMB=3, MaxConcurrentTransforms=7, BatchStrategy="SingleRecord", Environment={"MINE": "1"}
    )
    assert plan_of(asked, Limits()).environment == {
        "MINE": "1",
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "7",
    }


def test_a_request_that_says_little_leaves_the_rest_to_the_defaults(request_of: Make) -> None:
    plan = plan_of(request_of(split=None), Limits())
    assert (plan.bucket, plan.prefix, plan.output_bucket, plan.output_prefix) == ("examples", "in/", "examples", "out")
    assert (plan.split, plan.line, plan.timeout, plan.retries) == (False, False, 600.0, 3)
    assert settle(plan, Reply(404)) == Parameters(1, 6, Strategy.MULTI_RECORD)


def test_a_client_configuration_is_followed(request_of: Make) -> None:
    plan = plan_of(request_of(timeout=5, retries=0), Limits())
    assert (plan.timeout, plan.retries) == (5.0, 0)


@pytest.mark.parametrize(
    ("asked", "reply", "used"),
    [
        ({}, {}, (1, 6, "MULTI_RECORD")),
        ({}, {"MaxConcurrentTransforms": 4}, (4, 6, "MULTI_RECORD")),
        ({}, {"MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"}, (1, 2, "SINGLE_RECORD")),
        ({"MaxConcurrentTransforms": 2}, {"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 0}, (2, 0, "MULTI_RECORD")),
        ({"MaxConcurrentTransforms": 0}, {"MaxConcurrentTransforms": 4}, (4, 6, "MULTI_RECORD")),
        ({"MaxPayloadInMB": 0}, {"MaxPayloadInMB": 9}, (1, 0, "MULTI_RECORD")),
        ({"BatchStrategy": "MultiRecord"}, {"BatchStrategy": "SINGLE_RECORD"}, (1, 6, "MULTI_RECORD")),
        ({}, {"MaxConcurrentTransforms": 0}, (1, 6, "MULTI_RECORD")),
        ({}, {"Other": [1]}, (1, 6, "MULTI_RECORD")),
    ],
)  # fmt: skip
def test_the_request_goes_before_the_reply_and_the_reply_before_the_defaults(
    request_of: Make, asked: dict[str, Any], reply: dict[str, Any], used: tuple[int, int, str]
) -> None:
    parameters = settle(plan_of(request_of(**asked), Limits()), read(json.dumps(reply).encode()))
    assert (parameters.concurrency, parameters.payload_mb, parameters.strategy.value) == used


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"\xff\xfe",
        b"[" * 50_000,
        b"[1]",
        b'{"MaxConcurrentTransforms": "4"}',
        b'{"MaxConcurrentTransforms": true}',
        b'{"MaxPayloadInMB": -1}',
        b'{"MaxPayloadInMB": 1e2}',
        b'{"MaxPayloadInMB": 101}',
        b'{"MaxConcurrentTransforms": 1001}',
        b'{"BatchStrategy": "MultiRecord"}',
        b'{"BatchStrategy": ["MULTI_RECORD"]}',
    ],
)
def test_a_malformed_reply_counts_as_none_and_is_told(body: bytes) -> None:
    reply = read(body)
    assert (reply.concurrency, reply.payload_mb, reply.strategy) == (None, None, None)
    assert len(reply.problems) == 1


def _with(request: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    *parents, last = path.split(".")
    target = changed
    for parent in parents:
        target = target.setdefault(parent, {})
    target[last] = value
    return changed


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("TransformInput.DataSource.S3DataSource.S3DataType", "ManifestFile"),
        ("TransformInput.CompressionType", "Gzip"),
        ("TransformInput.SplitType", "RecordIO"),
        ("TransformInput.SplitType", "TFRecord"),
        ("DataProcessing.InputFilter", "$[1:]"),
        ("DataProcessing.OutputFilter", "$[0]"),
        ("DataProcessing.JoinSource", "Input"),
        ("TransformResources.InstanceCount", 2),
        ("DataCaptureConfig", {"DestinationS3Uri": "s3://examples/"}),
    ],
)
def test_what_is_not_supported_is_refused_by_name(request_of: Make, member: str, value: Any) -> None:
    with pytest.raises(NotSupported, match=member.replace(".", r"\.")):
        plan_of(_with(request_of(), member, value), Limits())


def test_filters_that_filter_nothing_are_no_filters(request_of: Make) -> None:
    nothing = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert plan_of(request_of(DataProcessing=nothing), Limits()).split


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MaxConcurrentTransforms": 20, "MaxPayloadInMB": 6}, "more than 100 MB"),
        ({"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 101}, "at most 100"),
        ({"source": "https://examples/in"}, "S3Uri"),
        ({"source": "s3:///in"}, "S3Uri"),
        ({"target": "out"}, "S3OutputPath"),
    ],
)
def test_a_request_that_contradicts_itself_is_invalid(request_of: Make, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        plan_of(request_of(**changes), Limits())


@pytest.mark.parametrize(
    ("concurrency", "payload", "mebibytes"), [(1, 6, 6), (1, 0, 100), (10, 0, 100), (100, 0, 10), (1000, 0, 1)]
)
def test_records_without_a_limit_share_what_is_held(concurrency: int, payload: int, mebibytes: int) -> None:
    assert Parameters(concurrency, payload, Strategy.SINGLE_RECORD).payload_bytes == mebibytes * 2**20


@pytest.mark.parametrize(("concurrency", "payload"), [(100, 1), (16, 6), (1, 100), (1000, 0)])
def test_a_hundred_megabytes_in_flight_are_allowed(request_of: Make, concurrency: int, payload: int) -> None:
    plan = plan_of(request_of(MaxConcurrentTransforms=concurrency, MaxPayloadInMB=payload), Limits())
    assert plan.concurrency == concurrency

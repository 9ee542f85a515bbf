from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smlocal.aws import json_protocol
from smlocal.aws.interface import OPERATIONS
from smlocal.aws.json_protocol import Refused, answered, operation_of, parsed
from smlocal.requests.service_model import check_constraints
from smlocal.requests.shapes import answer_shapes, request_shapes
from tests.aws.model_values import values
from tests.aws.wire_fixtures import ask, call, document

MODEL = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
ANSWERING = [operation for operation in OPERATIONS if answer_shapes(operation) is not None]
A_FEW = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("operation", OPERATIONS)
@A_FEW
@given(data=st.data())
def test_any_request_that_the_model_allows_is_parsed_to_what_botocore_was_given(operation: str, data: Any) -> None:
    shapes = request_shapes(operation)
    request = data.draw(values(shapes, shapes.input))
    sent = create_serializer("json", include_validation=True).serialize_to_request(
        request, MODEL.operation_model(operation)
    )
    found = parsed(shapes, sent["body"])
    assert found == request
    check_constraints(shapes, found)


@pytest.mark.parametrize("operation", ANSWERING)
@A_FEW
@given(data=st.data())
def test_any_answer_that_the_model_allows_reaches_botocore_as_it_was(operation: str, data: Any) -> None:
    shapes = answer_shapes(operation)
    assert shapes is not None
    answer = data.draw(values(shapes, shapes.input))
    assert _read(operation, answered(call(operation), shapes, answer)) == _without_empty_structures(shapes, answer)


def _read(operation: str, reply: Any) -> Any:
    """The answer as botocore's own parser reads it."""
    response = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body}
    read = create_parser("json").parse(response, MODEL.operation_model(operation).output_shape)
    assert read.pop("ResponseMetadata")["RequestId"] == "a-request"
    return read


def _without_empty_structures(shapes: Any, value: Any, shape: Any = None) -> Any:
    shape = shape or shapes.input
    if shape.kind == "structure":
        pairs = (
            (name, shapes.shapes[shape.members[name]], _without_empty_structures(shapes, item, shapes.shapes[target]))
            for name, item in value.items()
            for target in (shape.members[name],)
        )
        return {name: item for name, kind, item in pairs if item or kind.kind != "structure"}
    if shape.member is not None:
        return [_without_empty_structures(shapes, item, shapes.shapes[shape.member]) for item in value]
    return value


@pytest.mark.parametrize(
    ("answer", "wire"),
    [
        ({"ModelName": None}, {}),
        ({"PrimaryContainer": {}}, {}),
        ({"PrimaryContainer": {"MultiModelConfig": {"ModelCacheSetting": None}}}, {}),
        ({"PrimaryContainer": {"Environment": {}}}, {"PrimaryContainer": {"Environment": {}}}),
        ({"Containers": []}, {"Containers": []}),
        ({"EnableNetworkIsolation": False}, {"EnableNetworkIsolation": False}),
        ({"NotAMember": 1, "ModelName": "m"}, {"ModelName": "m"}),
        (
            {"CreationTime": datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)},
            {"CreationTime": 1767225600.123},
        ),
        ({"CreationTime": datetime(2026, 1, 1)}, {"CreationTime": 1767225600.0}),
    ],
)
def test_absent_members_are_left_out_and_moments_are_epoch_seconds(answer: Any, wire: Any) -> None:
    assert document(answered(call(), answer_shapes("DescribeModel"), answer)) == wire


def test_an_operation_without_an_answer_has_an_empty_body() -> None:
    reply = answered(call(), answer_shapes("DeleteModel"), None)
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    ("body", "text"),
    [  # as measured of AWS, but for the last line of each kind
        (b"", None),
        (b"{", None),
        (b"null", None),
        (b'"x"', None),
        (b'{"ModelName":"m",}', None),
        (b"[]", "Start of list found where not expected"),
        (b'{"ModelName":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"ModelName":true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"ModelName":["x"]}', "Start of list found where not expected"),
        (b'{"ModelName":{"a":1}}', "Start of structure or map found where not expected."),
        (b'{"Tags":"x"}', "Expected list or null"),
        (b'{"PrimaryContainer":"x"}', "Expected null"),
        (b'{"PrimaryContainer":[]}', "Start of list found where not expected"),
        (b'{"EnableNetworkIsolation":"maybe"}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"ModelName":"\\ud800"}', None),
        (b'{"\\ud800":1}', None),
        (b"\xff", None),
        (b'{"ModelName":NaN}', None),
        (b"[" * 100_000, None),
        (b'{"ModelName":' + b"1" * 5000 + b"}", None),
    ],
)
def test_what_is_no_request_is_a_serialization_exception_in_awss_words(body: bytes, text: str | None) -> None:
    with pytest.raises(Refused) as caught:
        parsed(request_shapes("CreateModel"), body)
    reply = json_protocol.refused(call(), caught.value)
    expected = {"__type": "SerializationException"} | ({} if text is None else {"Message": text})
    assert (reply.status, document(reply)) == (400, expected)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        (b'{"ModelName":null,"Tags":null}', {}),
        (b'{"PrimaryContainer":{"Image":null}}', {"PrimaryContainer": {}}),
        (b'{"Tags":[null]}', {"Tags": [None]}),
        (b'{"QuantumBits":{"a":1}}', {"QuantumBits": {"a": 1}}),
        (b'{"QuantumBits":null}', {}),
        (b' {"ModelName":"\\u00e9"} ', {"ModelName": "é"}),
    ],
)
def test_null_is_absent_and_what_the_model_does_not_know_stays(body: bytes, request_: Any) -> None:
    assert parsed(request_shapes("CreateModel"), body) == request_


@pytest.mark.parametrize(("number", "found"), [(b"3", 3), (b"3.0", 3), (b"3e0", 3)])
def test_a_whole_number_is_one_however_it_is_written(number: bytes, found: int) -> None:
    assert parsed(request_shapes("ListModels"), b'{"MaxResults":' + number + b"}") == {"MaxResults": found}


@pytest.mark.parametrize("number", [b"3.5", b"1e400", b"-0.1"])
def test_a_broken_number_is_none(number: bytes) -> None:
    with pytest.raises(Refused):
        parsed(request_shapes("ListModels"), b'{"MaxResults":' + number + b"}")


@pytest.mark.parametrize(
    "one", [call(""), call("CreateModel", method="GET"), call(headers=[("X-Amz-Target", "S3.Get")])]
)
def test_a_call_that_names_no_operation_is_an_unknown_operation(one: Any) -> None:
    with pytest.raises(Refused) as caught:
        operation_of(one)
    assert caught.value.code == "UnknownOperationException"


def test_an_answer_has_the_calls_own_id_or_one_of_its_own() -> None:
    reply = answered(call(), None, {})
    assert reply.headers == {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "a-request"}


def test_a_body_without_end_is_refused() -> None:
    async def service(one: Any) -> Any:
        try:
            await json_protocol.body_of(one)
        except Refused as refusal:
            return json_protocol.refused(one, refusal)

    reply = ask(service, call(body=b" " * (json_protocol.LARGEST_BODY + 1)))
    assert (reply.status, document(reply)["__type"]) == (413, "RequestEntityTooLargeException")


def test_the_longest_training_job_is_no_body_without_end() -> None:
    most = {f"{number:0256}": "\u2028" * 2500 for number in range(100)}
    assert len(json.dumps({"HyperParameters": most})) < json_protocol.LARGEST_BODY

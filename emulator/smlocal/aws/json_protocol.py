"""SageMaker's protocol, JSON 1.1: a request named by `X-Amz-Target: SageMaker.CreateModel`, an answer or an error.

Types are settled here, by the shapes of the service model: timestamps are epoch seconds on the wire and datetimes
inside, a null member is an absent one, and what the JSON has in the wrong type is a SerializationException, before
anything else is looked at. Sources: Smithy, awsJson1_1; what AWS's deserialiser answers was measured of its services
with 46 raw requests to Athena (2026-09-23) and others to SES (2026-06-13), in the tests of two public emulators; of the
combinations that nobody measured the text follows the measured ones.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NoReturn

from smlocal.aws.wire import BodyTooLarge, Call, Reply
from smlocal.requests.shapes import RequestShapes, Shape

CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_BODY = 4 * 1024 * 1024  # ours: all of CreateTrainingJob's members at their longest are 2 MB of escaped text
_PREFIX = "SageMaker."
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TARGETS = {
    "string": "a String",
    "integer": "an Integer",
    "long": "a Long",
    "boolean": "a Boolean",
    "float": "a Float",
    "double": "a Double",
    "timestamp": "milliseconds since epoch",
}
_LIST = "Start of list found where not expected"
_STRUCTURE = "Start of structure or map found where not expected."


class Refused(Exception):
    """A request that is answered with an error: the exception's name, its text (None: it has none), the status."""

    def __init__(self, code: str, message: str | None = None, status: int = 400) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status


def operation_of(call: Call) -> str:
    """The operation that the call names. Raises Refused when it names none of SageMaker's."""
    target = call.headers.get("X-Amz-Target", "")
    if call.method != "POST" or not target.startswith(_PREFIX):
        raise Refused("UnknownOperationException")
    return target.removeprefix(_PREFIX)


async def body_of(call: Call) -> bytes:
    """The body of the call. Raises Refused when it is longer than any request; AWS's text for that is not known."""
    try:
        return await call.read(LARGEST_BODY)
    except BodyTooLarge as error:
        raise Refused(
            "RequestEntityTooLargeException", f"The request is longer than {error.limit} bytes.", 413
        ) from error


def parsed(shapes: RequestShapes, body: bytes) -> dict[str, Any]:
    """The request that `body` holds, in AWS's shape; members that the model does not know stay as they are.

    Raises Refused, a SerializationException.
    """
    try:
        found = json.loads(body, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise Refused("SerializationException") from error
    if isinstance(found, list):
        _refuse(_LIST)
    if not isinstance(found, dict):
        _refuse(None)
    return _structure(shapes, shapes.input, found)


def answered(call: Call, shapes: RequestShapes | None, answer: Mapping[str, Any] | None) -> Reply:
    """The reply that holds the members of `answer` that its shape has; `shapes` None: the body is empty."""
    body = b"" if shapes is None else _dumped(_written(shapes, shapes.input, answer or {}))
    return Reply(200, _headers(call), body)


def refused(call: Call, refusal: Refused) -> Reply:
    """The reply of an error that was found here. The text of AWS's deserialiser is Message, that of others message."""
    document = {"__type": refusal.code}
    if refusal.message is not None:
        document["Message" if refusal.code == "SerializationException" else "message"] = refusal.message
    return Reply(refusal.status, _headers(call), _dumped(document))


def _headers(call: Call) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": call.request_id or str(uuid.uuid4())}


def _dumped(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _refuse(message: str | None) -> NoReturn:
    raise Refused("SerializationException", message)


# requests


def _typed(shapes: RequestShapes, shape: Shape, value: Any) -> Any:
    """A value of that shape, none of whose members is null; a list's and a map's own nulls stay, to be refused."""
    if shape.kind == "structure":
        return _structure(shapes, shape, value)
    if shape.member is not None:
        if not isinstance(value, list):
            _refuse(_STRUCTURE if isinstance(value, dict) else "Expected list or null")
        item = shapes.shapes[shape.member]
        return [None if one is None else _typed(shapes, item, one) for one in value]
    if shape.value is not None:
        _check_object(value)
        item = shapes.shapes[shape.value]
        return {_text(key): None if one is None else _typed(shapes, item, one) for key, one in value.items()}
    return _scalar(shape, value)


def _structure(shapes: RequestShapes, shape: Shape, value: Any) -> dict[str, Any]:
    _check_object(value)
    found = {}
    for name, item in value.items():
        if item is not None:
            target = shape.members.get(name)
            found[_text(name)] = item if target is None else _typed(shapes, shapes.shapes[target], item)
    return found


def _check_object(value: Any) -> None:
    if not isinstance(value, dict):
        _refuse(_LIST if isinstance(value, list) else "Expected null")


def _scalar(shape: Shape, value: Any) -> Any:
    if isinstance(value, (list, dict)):
        _refuse(_LIST if isinstance(value, list) else _STRUCTURE)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if shape.kind == "string" and isinstance(value, str):
        return _text(value)
    if shape.kind == "boolean" and isinstance(value, bool):
        return value
    if shape.kind in ("float", "double") and is_number and _is_finite(value):
        return value
    if shape.kind in ("integer", "long") and is_number and _is_finite(value) and value == int(value):
        return int(value)
    if shape.kind == "timestamp" and is_number and (moment := _moment(value)) is not None:
        return moment
    raise Refused("SerializationException", f"{_token(value)} can not be converted to {_TARGETS[shape.kind]}")


def _moment(seconds: float) -> datetime | None:
    """The moment to the millisecond; None for one that no calendar has."""
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (OverflowError, ValueError):
        return None


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer that is longer than any float
        return False


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"


def _text(value: str) -> str:
    """The string itself; half of a surrogate pair is no text."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Refused("SerializationException") from error
    return value


# answers


def _written(shapes: RequestShapes, shape: Shape, value: Any) -> Any:
    if shape.kind == "structure":
        return dict(_members(shapes, shape, value))
    if shape.member is not None:
        return [_written(shapes, shapes.shapes[shape.member], one) for one in value]
    if shape.value is not None:
        return {key: _written(shapes, shapes.shapes[shape.value], one) for key, one in value.items()}
    if isinstance(value, datetime):
        return _seconds(value)
    return value


def _members(shapes: RequestShapes, shape: Shape, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, target in shape.members.items():
        if value.get(name) is not None:
            item = shapes.shapes[target]
            written = _written(shapes, item, value[name])
            # an empty structure is left out: SDKs send back what they were given, and {} is not valid there
            if written or item.kind != "structure":
                yield name, written


def _seconds(moment: datetime) -> float:
    """Epoch seconds to the millisecond, as AWS gives them; a moment without a zone is UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return round((zoned - _EPOCH) / timedelta(seconds=1), 3)

"""Values made from the service model: the least that it allows, every way to break it, and any that it allows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from smlocal.requests.patterns import matches
from smlocal.requests.shapes import RequestShapes, Shape

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
_RESOURCES = (
    "model/iris training-plan/the-plan-of-mine hub/a hub-content/h/Model/a hub-content/h/Model/a/1.0.0"
    " model-package/some-package-name/1 model-package-group/some-group mlflow-tracking-server/s mlflow-app/app-12345"
    " evaluator/e ml-reservation/r hub-content/h/JsonDoc/a/1.0.0 hub-content/h/DataSet/a/1.0.0 training-job/an-iris"
    " endpoint/an-iris endpoint-config/an-iris transform-job/an-iris hyper-parameter-tuning-job/an-iris"
    " labeling-job/an-iris automl-job/an-iris processing-job/an-iris"
)
_SHORT = (
    "a a1 Ab-1 s3://bucket/key s3://b/k https://h/p /opt/ml/x text/csv 1 $ 1.0 sg-1 fs-12345678 123456789012"
    " ml.m5.large mig-1g.5gb 4K arn:aws:iam::123456789012:role/service-role/Training"
    " arn:aws:sns:us-east-1:123456789012:topic arn:aws:lambda:us-east-1:123456789012:function:function"
)
_TEXTS = (*_SHORT.split(), *(f"{_ARN}{resource}" for resource in _RESOURCES.split()))
_BAD_TEXTS = ("", " ", "a b", "a_b", "-", "a-", "é", "a\n", "!", "s3:/x", "x" * 3, "0" * 300, "\u2028", "💥", "ftp://x",
    "a/b c", "a\tb", "..", "A_", "äöü")  # fmt: skip


class Fault(NamedTuple):
    """A request that breaks one constraint of one member, and what must be said about it."""

    operation: str
    request: Any
    code: str
    says: tuple[str, ...]  # pieces of the message, in their order


def allowed(shape: Shape, text: str) -> bool:
    if not (shape.minimum or 0) <= len(text) <= (math.inf if shape.maximum is None else shape.maximum):
        return False
    return (not shape.enum or text in shape.enum) and (shape.pattern is None or matches(shape.pattern, text))


@cache
def some_text(shape_key: tuple[Any, ...]) -> str:
    name, enum, pattern, minimum, maximum = shape_key
    shape = Shape(name, "string", {}, (), None, None, None, enum, pattern, minimum, maximum)
    for text in (*enum, *_TEXTS, *(text + "x" * max(0, (minimum or 0) - len(text)) for text in _TEXTS)):
        if allowed(shape, text):
            return text
    raise AssertionError(f"add a text to _TEXTS that {name} allows: {pattern} {minimum} {maximum}")


def _text(shape: Shape) -> str:
    return some_text((shape.name, shape.enum, shape.pattern, shape.minimum, shape.maximum))


def least(shapes: RequestShapes, shape: Shape) -> Any:
    """A valid value with no member that need not be there."""
    if shape.kind == "structure":
        return {name: least(shapes, shapes.shapes[shape.members[name]]) for name in shape.required}
    if shape.member is not None:
        return [least(shapes, shapes.shapes[shape.member])] * max(1, shape.minimum or 0)
    if shape.key is not None and shape.value is not None:
        return {_text(shapes.shapes[shape.key]): least(shapes, shapes.shapes[shape.value])}
    if shape.kind == "string":
        return _text(shape)
    if shape.kind == "boolean":
        return True
    if shape.kind == "blob":
        return b"x"
    return max(1, shape.minimum or 0)


def faults(shapes: RequestShapes) -> Iterator[Fault]:
    """Every member of the operation, each of its constraints broken, alone in an otherwise valid request."""
    for steps, shape, required in _places(shapes, shapes.input, ()):
        at = f"at '{_service_path(steps)}' failed to satisfy constraint: "
        for value, *constraints in _broken(shapes, shape):
            yield Fault(shapes.operation, request_with(shapes, steps, value), "ValidationException", (at, *constraints))
        for value, text in _mistyped(shape):
            yield Fault(shapes.operation, request_with(shapes, steps, value), "SerializationException", (text,))
        if required:
            for value in (..., None):
                says = (f"Value null {at}Member must not be null",)
                yield Fault(shapes.operation, request_with(shapes, steps, value), "ValidationException", says)
        if shape.member is not None and shapes.shapes[shape.member].kind == "structure":
            says = (
                f"Value null at '{_service_path((*steps, '[]'))}' failed to satisfy constraint: Member must not be",
            )
            yield Fault(shapes.operation, request_with(shapes, steps, [None]), "ValidationException", says)


def steps_of(path: str) -> tuple[str, ...]:
    """("Tags", "[]", "Key") of "Tags[].Key"."""
    return tuple(path.replace("[]", ".[]").split("."))


def _places(
    shapes: RequestShapes, shape: Shape, steps: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Shape, bool]]:
    for name, target in shape.members.items():
        here, found = (*steps, name), shapes.shapes[target]
        yield here, found, name in shape.required
        while found.member is not None:
            here, found = (*here, "[]"), shapes.shapes[found.member]
        yield from _places(shapes, found, here)


def _service_path(steps: tuple[str, ...]) -> str:
    parts = ["1.member" if step == "[]" else step[:1].lower() + step[1:] for step in steps]
    return ".".join(parts)


def request_with(shapes: RequestShapes, steps: tuple[str, ...], value: Any) -> Any:
    """The least request that has `value` at that place; `...` takes the member out."""
    request = least(shapes, shapes.input)
    holder, shape = request, shapes.input
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        if step == "[]":
            shape = shapes.shapes[shape.member or ""]
            holder[:] = [least(shapes, shape)]
            holder = holder[0]
            continue
        shape = shapes.shapes[shape.members[step]]
        if last and value is ...:
            holder.pop(step, None)
        elif last:
            holder[step] = value
        else:
            holder = holder.setdefault(step, least(shapes, shape))
    return request


def _broken(shapes: RequestShapes, shape: Shape) -> Iterator[tuple[Any, ...]]:
    if shape.kind == "string":
        yield from _broken_text(shape)
    elif shape.kind in ("integer", "long", "float", "double"):
        yield from _broken_number(shape)
    elif shape.member is not None or shape.key is not None:
        yield from _broken_collection(shapes, shape)


def _broken_text(shape: Shape) -> Iterator[tuple[Any, str]]:
    if shape.maximum is not None:
        for more in (1, 7):
            yield "a" * (shape.maximum + more), f"Member must have length less than or equal to {shape.maximum}"
    for length in range(shape.minimum or 0)[:3]:
        yield "a" * length, f"Member must have length greater than or equal to {shape.minimum}"
    for text in _BAD_TEXTS:
        if shape.pattern is not None and len(text) <= (shape.maximum or 1024) and not matches(shape.pattern, text):
            yield text, f"Member must satisfy regular expression pattern: {shape.pattern}"
        if shape.enum:
            yield text, "Member must satisfy enum value set: ["


def _broken_number(shape: Shape) -> Iterator[tuple[Any, str]]:
    whole = shape.kind in ("integer", "long")
    bound = {"integer": 2**31 - 1, "long": 2**63 - 1}.get(shape.kind)
    maximum = shape.maximum if shape.maximum is not None else bound
    minimum = shape.minimum if shape.minimum is not None else (None if bound is None else -bound - 1)
    for more in (1, 2, 1000):
        if maximum is not None:
            yield maximum + more, f"Member must have value less than or equal to {maximum}"
        if minimum is not None:
            low = minimum - more if whole else minimum - more / 2
            yield low, f"Member must have value greater than or equal to {minimum}"


def _broken_collection(shapes: RequestShapes, shape: Shape) -> Iterator[tuple[Any, ...]]:
    if shape.member is not None:
        item = least(shapes, shapes.shapes[shape.member])
        if shape.maximum is not None:
            yield [item] * (shape.maximum + 1), f"Member must have length less than or equal to {shape.maximum}"
        for length in range(shape.minimum or 0):
            yield [item] * length, f"Member must have length greater than or equal to {shape.minimum}"
        if shapes.shapes[shape.member].kind == "string":
            for text, constraint in _broken_text(shapes.shapes[shape.member]):
                yield [text], "Member must satisfy constraint: [", constraint
            yield [None], "Member must satisfy constraint: ["
        return
    key, value = shapes.shapes[shape.key or ""], shapes.shapes[shape.value or ""]
    one = least(shapes, value)
    for text, constraint in _broken_text(key):
        yield {text: one}, "Map keys must satisfy constraint: [", constraint
    if value.kind == "string":
        for text, constraint in _broken_text(value):
            yield {_text(key): text}, "Map value must satisfy constraint: [", constraint
        yield {_text(key): None}, "Map value must satisfy constraint: ["


def _mistyped(shape: Shape) -> Iterator[tuple[Any, str]]:
    """JSON of another type, and what AWS's deserialiser was seen to say."""
    in_list, in_structure = (
        "Start of list found where not expected",
        "Start of structure or map found where not expected.",
    )
    if shape.kind in ("structure", "map"):
        yield from ((wrong, "Expected null") for wrong in (1, "x", True, 1.5))
        yield from ((wrong, in_list) for wrong in ([], [1], ["x"]))
    elif shape.kind == "list":
        yield from ((wrong, "Expected list or null") for wrong in (1, "x", True, 1.5))
        yield from ((wrong, in_structure) for wrong in ({}, {"a": 1}))
    else:
        yield from (([], in_list), (["x"], in_list), ({}, in_structure), ({"a": 1}, in_structure))
        if shape.kind != "string":
            yield from ((wrong, "STRING_VALUE can not be converted to ") for wrong in ("x", "", "1"))
        if shape.kind != "boolean":
            yield True, "TRUE_VALUE can not be converted to "
            yield False, "FALSE_VALUE can not be converted to "
        if shape.kind in ("string", "boolean"):
            yield from ((wrong, "NUMBER_VALUE can not be converted to ") for wrong in (0, 7, -1.5))
    if shape.kind in ("integer", "long"):
        yield from ((wrong, "NUMBER_VALUE can not be converted to ") for wrong in (1.5, -0.25, 1e-9))


# any value that the model allows


def values(shapes: RequestShapes, shape: Shape) -> st.SearchStrategy[Any]:
    """Any value of the shape, of moderate size."""
    if shape.kind == "structure":
        every = {name: values(shapes, shapes.shapes[target]) for name, target in shape.members.items()}
        needed = {name: every.pop(name) for name in shape.required}
        return st.fixed_dictionaries(needed, optional=every)
    if shape.member is not None:
        least_items = shape.minimum or 0
        item = values(shapes, shapes.shapes[shape.member])
        most = least_items + 1 if shape.maximum is None else min(least_items + 1, shape.maximum)
        return st.lists(item, min_size=least_items, max_size=most)
    if shape.key is not None and shape.value is not None:
        key, item = (values(shapes, shapes.shapes[name]) for name in (shape.key, shape.value))
        return st.dictionaries(key, item, max_size=2)
    return _scalars(shape)


def _scalars(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.kind == "string":
        if shape.enum:
            return st.sampled_from(shape.enum)
        known = st.sampled_from([text for text in (*_TEXTS, _text(shape)) if allowed(shape, text)])
        if shape.pattern not in (None, ".*", r"[\S\s]*"):
            return known
        shortest = shape.minimum or 0
        text = st.text(min_size=shortest, max_size=min(shape.maximum or 20, shortest + 20))
        return st.one_of(known, text.filter(lambda one: allowed(shape, one)))
    if shape.kind == "boolean":
        return st.booleans()
    if shape.kind == "timestamp":
        moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc))
        return moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
    low = shape.minimum if shape.minimum is not None else -1000
    high = shape.maximum if shape.maximum is not None else low + 100000
    if shape.kind in ("integer", "long"):
        return st.integers(low, high)
    return st.floats(low, high, allow_nan=False, width=32)

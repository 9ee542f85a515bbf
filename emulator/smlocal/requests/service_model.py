"""A request against AWS's own service model: required and unknown members, types, enums, patterns, lengths, ranges.

boto3 and the AWS CLI check only types, required and unknown members and minima before they send a request; the rest is
the service's. Here all of it is checked, in that order, so that a request is refused for the reason that its sender
would have met first. Source: botocore's `sagemaker` service model; the texts' sources are in `wording`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smlocal.errors import InvalidRequest
from smlocal.requests import wording
from smlocal.requests.patterns import Unreadable, matches
from smlocal.requests.shapes import RequestShapes, Shape, request_shapes

_TYPES: Mapping[str, tuple[type, ...]] = {  # as botocore's validator has them
    "structure": (dict,),
    "map": (dict,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "float": (float, int),
    "double": (float, int),
}
_BOUNDS = {"integer": 2**31 - 1, "long": 2**63 - 1}
_OVERLONG = 4  # a value so many times too long is not matched: the worst pattern needs the square of the length


def check(operation: str, request: Mapping[str, Any]) -> None:
    """Whether the service model allows `request`, a plain dict in AWS's shape such as CreateTrainingJob's JSON.

    Raises InvalidRequest naming every fault. Whether members contradict each other is `meaning.check`.
    """
    shapes = request_shapes(operation)
    misshapen = list(_misshapen(shapes, shapes.input, request, ""))
    if misshapen:
        raise InvalidRequest(wording.client_side(misshapen))
    check_constraints(shapes, request)


def check_constraints(shapes: RequestShapes, request: Mapping[str, Any]) -> None:
    """What the service itself checks of a request whose values have the right types; members that the model does not
    know are passed over. Raises InvalidRequest naming every fault."""
    found = list(_faults(shapes, shapes.input, request, ""))
    if found:
        raise InvalidRequest(wording.faults(found))


def _misshapen(shapes: RequestShapes, shape: Shape, value: Any, path: str) -> Iterator[str]:
    """What boto3 and the AWS CLI refuse to send: wrong types, unknown members, strings that are no text."""
    allowed = _TYPES.get(shape.kind)
    if allowed is None:  # no operation here has a timestamp or a blob: a test holds it
        return
    if not _is_a(value, allowed):
        yield wording.wrong_type(path, value, allowed)
    elif shape.kind == "string":
        if wording.encodable(value) != value:
            yield wording.no_text(path, value)
    elif shape.kind == "structure":
        for name, item in value.items():
            if name not in shape.members:
                yield wording.unknown_member(path, name, list(shape.members))
            else:
                here = f"{path}.{name}" if path else name
                yield from _misshapen(shapes, shapes.shapes[shape.members[name]], item, here)
    elif shape.member is not None:
        for index, item in enumerate(value):
            yield from _misshapen(shapes, shapes.shapes[shape.member], item, f"{path}[{index}]")
    elif shape.key is not None and shape.value is not None:
        for key, item in value.items():
            shown = wording.encodable(str(key))
            yield from _misshapen(shapes, shapes.shapes[shape.key], key, f"{path} (key: {shown})")
            yield from _misshapen(shapes, shapes.shapes[shape.value], item, f"{path}.{shown}")


def _is_a(value: Any, allowed: tuple[type, ...]) -> bool:
    return isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))


def _faults(shapes: RequestShapes, shape: Shape, value: Any, path: str) -> Iterator[str]:
    """What the service refuses, for a value of the right type or none (a list's or map's null)."""
    if value is None:
        yield wording.absent(path)
        return
    if shape.kind == "structure":
        yield from _structure_faults(shapes, shape, value, path)
        return
    for constraint in _broken(shape, value):
        yield wording.fault(value, path, constraint)
    if shape.member is not None:
        yield from _list_faults(shapes, shapes.shapes[shape.member], value, path)
    elif shape.key is not None and shape.value is not None:
        yield from _map_faults(shapes, shapes.shapes[shape.key], shapes.shapes[shape.value], value, path)


def _structure_faults(shapes: RequestShapes, shape: Shape, value: Any, path: str) -> Iterator[str]:
    for name, target in shape.members.items():
        here = wording.service_path(path, name)
        if name in value:
            yield from _faults(shapes, shapes.shapes[target], value[name], here)
        elif name in shape.required:
            yield wording.absent(here)


def _list_faults(shapes: RequestShapes, member: Shape, value: Any, path: str) -> Iterator[str]:
    if member.kind == "string":
        if any(item is None or any(_broken(member, item)) for item in value):
            yield wording.fault(value, path, f"Member must satisfy constraint: {wording.every_constraint(member)}")
        return
    for number, item in enumerate(value, start=1):
        yield from _faults(shapes, member, item, f"{path}.{number}.member")


def _map_faults(shapes: RequestShapes, key: Shape, item: Shape, value: Any, path: str) -> Iterator[str]:
    if any(any(_broken(key, name)) for name in value):
        yield wording.fault(value, path, f"Map keys must satisfy constraint: {wording.every_constraint(key)}")
    if item.kind == "string":
        if any(text is None or any(_broken(item, text)) for text in value.values()):
            yield wording.fault(value, path, f"Map value must satisfy constraint: {wording.every_constraint(item)}")
        return
    for name, held in value.items():
        yield from _faults(shapes, item, held, f"{path}.{name}.member")


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints of the shape itself that the value does not satisfy."""
    if shape.kind in ("integer", "long", "float", "double"):
        yield from _outside(shape, value, wording.least, wording.greatest)
    elif shape.kind == "string":
        if shape.enum and value not in shape.enum:
            yield wording.enumeration(shape)
        if shape.pattern is not None and not _matches(shape, value):
            yield wording.pattern(shape)
        yield from _outside(shape, len(value), wording.shortest, wording.longest)
    elif shape.kind in ("list", "map"):
        yield from _outside(shape, len(value), wording.shortest, wording.longest)


def _outside(
    shape: Shape, measure: float, least: Callable[[int], str], greatest: Callable[[int], str]
) -> Iterator[str]:
    bound = _BOUNDS.get(shape.kind)
    maximum = shape.maximum if shape.maximum is not None else bound
    minimum = shape.minimum if shape.minimum is not None or bound is None else -bound - 1
    if minimum is not None and measure < minimum:
        yield least(minimum)
    if maximum is not None and measure > maximum:
        yield greatest(maximum)


def _matches(shape: Shape, value: str) -> bool:
    if shape.maximum is not None and len(value) > _OVERLONG * max(shape.maximum, 256):
        return True  # its length is refused in any case
    try:
        return matches(shape.pattern or "", value)
    except Unreadable:
        return True

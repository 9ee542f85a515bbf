"""Evidence as plain JSON values and back, by the types of its fields: what an examination saw can be judged and told
again without the runs. Bytes are base64, times ISO 8601."""

from __future__ import annotations

import base64
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from smlocal.evidence import Examination


def as_plain(value: Any) -> Any:
    """Evidence as what JSON has."""
    if is_dataclass(value):
        return {item.name: as_plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [as_plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, datetime) else value


def examination_of(document: Any) -> Examination:
    """What `as_plain` made of an examination. Raises ValueError for anything else."""
    found = _read(Examination, document)
    assert isinstance(found, Examination)
    return found


def _read(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (item for item in arguments if item is not type(None))
        return _read(kind, value)
    if is_dataclass(kind):
        return _record(kind, value)
    if origin is tuple:
        return _tuple(arguments, value)
    if origin is Mapping:
        return {key: _read(arguments[1], item) for key, item in _checked(dict, value).items()}
    if kind is bytes:
        return base64.b64decode(_checked(str, value), validate=True)
    if kind is datetime:
        return datetime.fromisoformat(_checked(str, value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return value  # what was a whole number before
    return _checked(kind, value)


def _record(kind: Any, value: Any) -> Any:
    members = _members(kind)
    if _checked(dict, value).keys() != members.keys():
        raise ValueError(f"the members of a {kind.__name__} are others")
    return kind(**{name: _read(item, value[name]) for name, item in members.items()})


def _tuple(arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    items = _checked(list, value)
    kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(items):
        raise ValueError(f"{len(items)} items instead of {len(kinds)}")
    return tuple(_read(kind, item) for kind, item in zip(kinds, items, strict=True))


def _checked(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"no {kind.__name__}: {value!r:.80}")
    return value


@functools.cache
def _members(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}

"""What smlocal does with every member of the requests that it runs, and the refusal of what it does not support.

The table holds every member that the installed service model has; a test compares the two in both directions, so that
a member which a newer botocore adds fails the build until someone decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from smlocal.errors import NotSupported
from smlocal.requests import endpoint_members, lookup_members, model_members, training_members, transform_members
from smlocal.requests.addresses import https_addresses
from smlocal.requests.decision import Decision, Decisions, Standing

TABLE: Mapping[str, Decisions] = {
    "CreateTrainingJob": training_members.MEMBERS,
    "CreateModel": model_members.MEMBERS,
    "CreateTransformJob": transform_members.MEMBERS,
    "CreateEndpointConfig": endpoint_members.CONFIG,
    "CreateEndpoint": endpoint_members.CREATE,
    "UpdateEndpoint": endpoint_members.UPDATE,
    "UpdateEndpointWeightsAndCapacities": endpoint_members.WEIGHTS,
    **lookup_members.MEMBERS,
}
_UNDECIDED = "it is newer than this version of smlocal: leave it out, or look for a newer smlocal"
_LONGEST_VALUE = 60


class Row(NamedTuple):
    """One line of the documentation's table."""

    operation: str
    path: str
    standing: Standing
    says: str
    values: str  # which of them, as text; empty for all
    otherwise: str
    proof: str


class _Met(NamedTuple):
    """A member that a request has, where it is, and what was decided about it; None: nothing."""

    decision: Decision | None
    place: str
    value: Any


def refuse_unsupported(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that needs what smlocal does not have; the request has been checked before.

    Raises NotSupported, naming every such member and what to do instead of it.
    """
    reasons = [reason for met in _walk(operation, request) if (reason := _refusal(met))]
    reasons += https_addresses(request)
    if len(reasons) == 1:
        raise NotSupported(f"smlocal does not support {reasons[0]}")
    if reasons:
        raise NotSupported(
            f"smlocal does not support {len(reasons)} members of this {operation} request: {'; '.join(reasons)}"
        )


def notes(operation: str, request: Mapping[str, Any]) -> list[str]:
    """A sentence for each member of the request that is kept in the record and has no effect here."""
    return [
        f"{met.place} has no effect on this machine: {met.decision.says}"
        for met in _walk(operation, request)
        if met.decision is not None and met.decision.standing == "recorded" and not _asks_nothing(met.value)
    ]


def table_rows() -> list[Row]:
    """The whole table, for the documentation, in the order in which it is written."""
    return [
        Row(operation, one.path, one.standing, one.says, _shown_values(one), one.otherwise, one.proof)
        for operation, decisions in TABLE.items()
        for one in decisions
    ]


def _refusal(met: _Met) -> str | None:
    if met.decision is None:
        return f"{met.place}: {_UNDECIDED}"
    if met.decision.standing == "refused":
        return None if _asks_nothing(met.value) else f"{met.place}: {met.decision.says}"
    if not met.decision.allows(met.value):
        shown = json.dumps(met.value, ensure_ascii=False, default=str)
        shown = shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…"
        return f"{met.place} {shown}: {met.decision.otherwise}"
    return None


def _asks_nothing(value: Any) -> bool:
    """Whether a member is there, but empty."""
    return value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def _walk(operation: str, request: Mapping[str, Any]) -> Iterator[_Met]:
    yield from _members(operation, request, "", "")


def _members(operation: str, structure: Mapping[str, Any], path: str, place: str) -> Iterator[_Met]:
    for name, value in structure.items():
        here, where = (f"{path}.{name}", f"{place}.{name}") if path else (name, name)
        decision = _decisions(operation).get(here)
        yield _Met(decision, where, value)
        if decision is not None and decision.standing != "refused":
            inside = _inside(operation, value, here, where)
            # what is recorded is so with all that is in it, but for what nobody knows
            yield from (met for met in inside if decision.standing == "honoured" or met.decision is None)


def _inside(operation: str, value: Any, path: str, place: str) -> Iterator[_Met]:
    """The members below a value; a map's keys and a list's strings are none."""
    if isinstance(value, Mapping) and path in _structures(operation):
        yield from _members(operation, value, path, place)
    elif isinstance(value, (list, tuple)) and f"{path}[]" in _structures(operation):
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield from _members(operation, item, f"{path}[]", f"{place}[{index}]")


@cache
def _decisions(operation: str) -> Mapping[str, Decision]:
    return {decision.path: decision for decision in TABLE[operation]}


@cache
def _structures(operation: str) -> frozenset[str]:
    """Paths of the structures that have members in the table."""
    return frozenset(path.rpartition(".")[0] for path in _decisions(operation))


def _shown_values(decision: Decision) -> str:
    return "" if decision.values is None else ", ".join(json.dumps(value) for value in decision.values)

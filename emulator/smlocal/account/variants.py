"""Production variants: how Describe tells them, and what an update makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from smlocal.account.fleet import Spec
from smlocal.errors import InvalidRequest, NotSupported

_RETAINED = {"DesiredInstanceCount": "Count", "DesiredWeight": "Weight"}


def described(
    current: Sequence[Spec],
    desired: Sequence[Spec],
    identity: Callable[[str], str],
    now: datetime,
    *,
    with_current: bool = True,
) -> list[dict[str, Any]]:
    """`ProductionVariants` of DescribeEndpoint; those of a pending deployment have no current values yet."""
    shown = []
    for has, wants in zip(current, desired, strict=True):
        image = {
            "SpecifiedImage": has["Model"]["Request"]["PrimaryContainer"]["Image"],
            "ResolvedImage": identity(has["Model"]["Reference"]),
            "ResolutionTime": now,
        }
        row: dict[str, Any] = {"VariantName": has["VariantName"], "DeployedImages": [image]}
        if with_current:
            row |= {"CurrentWeight": has["Weight"], "CurrentInstanceCount": has["Count"]}
        shown.append({**row, "DesiredWeight": wants["Weight"], "DesiredInstanceCount": wants["Count"]})
    return shown


def retained(new: Sequence[dict[str, Any]], old: Sequence[Spec], request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variants of an UpdateEndpoint request: with RetainAllVariantProperties those of the same name keep weight and
    count, but for what ExcludeRetainedVariantProperties lists (API: UpdateEndpoint)."""
    if not request.get("RetainAllVariantProperties"):
        return list(new)
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or ()}
    members = [member for kind, member in _RETAINED.items() if kind not in excluded]
    before = {item["VariantName"]: item for item in old}
    return [
        {**item, **{member: before[item["VariantName"]][member] for member in members}}
        if item["VariantName"] in before
        else item
        for item in new
    ]


def resized(variants: Sequence[Spec], wishes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Variants with other weights and counts. The texts are ours. Raises InvalidRequest, NotSupported."""
    changed = {item["VariantName"]: dict(item) for item in variants}
    for wish in wishes:
        name = wish["VariantName"]
        if name not in changed:
            raise InvalidRequest(f"The endpoint has no variant {name}; it has {', '.join(changed)}.")
        if wish.get("ServerlessUpdateConfig"):
            raise NotSupported("smlocal does not support DesiredWeightsAndCapacities[].ServerlessUpdateConfig")
        if wish.get("DesiredInstanceCount") == 0:
            raise InvalidRequest(f"The variant {name} must have an instance: DesiredInstanceCount cannot be 0.")
        changed[name]["Weight"] = wish.get("DesiredWeight", changed[name]["Weight"])
        changed[name]["Count"] = wish.get("DesiredInstanceCount", changed[name]["Count"])
    return list(changed.values())

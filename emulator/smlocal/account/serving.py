"""InvokeEndpoint: which container answers, and what is answered where there is none.

Sources: API, runtime_InvokeEndpoint. Of the texts only that of an endpoint that there is not is AWS's own.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from smlocal.account.fleet import Fleet, Instance, Spec, Variant
from smlocal.account.ledger import Members
from smlocal.hosting.invocation import Endpoint, Failure, Invocation, refused
from smlocal.http_client import Headers
from smlocal.settings import Settings

INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
_TARGET = "x-amzn-sagemaker-target-variant"


class Serving:
    """The fleets that serve, by the names of their endpoints. `look` tells what is known of an endpoint. Thread safe;
    nothing waits here for long, for the event loop does not."""

    def __init__(self, settings: Settings, chance: random.Random, look: Callable[[str], Members | None]) -> None:
        self._settings = settings
        self._chance = chance
        self._look = look
        self._lock = threading.Lock()
        self._fleets: dict[str, Fleet] = {}

    def fleet(self, name: str) -> Fleet | None:
        with self._lock:
            return self._fleets.get(name)

    def swap(self, name: str, fleet: Fleet | None) -> Fleet | None:
        """Let another fleet answer from now on; gives the one that did."""
        with self._lock:
            old = self._fleets.pop(name, None)
            if fleet is not None:
                self._fleets[name] = fleet
            return old

    def has(self, name: str, instance: Instance) -> bool:
        """Whether that container serves."""
        fleet = self.fleet(name)
        return fleet is not None and any(one is instance for one in fleet.instances())

    def exchange(self, name: str, old: Instance, new: Instance) -> bool:
        """Let one container answer in another's place; False when that one serves no more."""
        with self._lock:
            fleet = self._fleets.get(name)
            if fleet is None or not any(one is old for one in fleet.instances()):
                return False
            self._fleets[name] = fleet.with_other(old, new)
            return True

    def resize(self, name: str, variants: Sequence[Spec], started: Sequence[Sequence[Instance]]) -> list[Instance]:
        """Give each variant its new containers, and its weight; gives the containers that are too many then. Whatever
        was exchanged meanwhile stays."""
        with self._lock:
            standing = {item.name: item.instances for item in self._fleets[name].variants}
            kept, surplus = [], []
            for spec, new in zip(variants, started, strict=True):
                group = [*standing[spec["VariantName"]], *new]
                kept.append(Variant(spec, tuple(group[: spec["Count"]])))
                surplus += group[spec["Count"] :]
            self._fleets[name] = Fleet(tuple(kept))
            return surplus

    def clear(self) -> list[Fleet]:
        """Let nothing answer any more; gives what did."""
        with self._lock:
            fleets = list(self._fleets.values())
            self._fleets.clear()
            return fleets

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes) -> Invocation:
        """What InvokeEndpoint answers, errors too; a good answer names the variant in a header. On the HTTP client's
        event loop."""
        target = next((value for key, value in headers.items() if key.lower() == _TARGET), None)
        chosen = self._chosen(name, target)
        if isinstance(chosen, Invocation):
            return chosen
        variant, instance = chosen
        try:
            invocation = await instance.server.send(body, headers)
        finally:
            instance.leave()
        if not invocation.ok:
            return invocation
        return replace(invocation, headers=Headers((*invocation.headers.pairs, (INVOKED_VARIANT, variant.name))))

    def _chosen(self, name: str, target: str | None) -> tuple[Variant, Instance] | Invocation:
        """A container that has been entered."""
        with self._lock:
            fleet = self._fleets.get(name)
            variant = fleet.choose(target, self._chance) if fleet is not None else None
            if variant is not None:
                instance = variant.next()
                instance.enter()
                return variant, instance
        if fleet is None:
            return self._nobody(name)
        names = ", ".join(item.name for item in fleet.variants)
        text = f"Endpoint {name} has no production variant {target}; it has {names}."
        return refused(400, Failure("ValidationError", text))

    def _nobody(self, name: str) -> Invocation:
        """While smlocal brings it up again, the answer is one that clients try again at."""
        endpoint = Endpoint(name, "", self._settings.region, self._settings.account)
        members = self._look(name)
        if members is None:
            return refused(400, endpoint.not_found(name))
        status = members["EndpointStatus"]
        if status == "Creating":
            return refused(400, endpoint.not_in_service())
        text = f"Endpoint {name} of account {self._settings.account} is not in service: its status is {status}."
        if status == "SystemUpdating":
            return refused(503, Failure("ServiceUnavailable", text))
        return refused(400, Failure("ValidationError", text))

"""Endpoints as an account has them: their states, and what serves behind them.

    Creating -> InService | Failed
    InService -> Updating -> InService | (RollingBack -> InService with a FailureReason)
    InService -> SystemUpdating -> InService | Failed        only after a start of smlocal
    InService, Failed -> Deleting -> gone

A container that ends by itself or is unhealthy is replaced, as SageMaker replaces it: the endpoint stays InService, and
the others answer meanwhile.

An endpoint outlives smlocal, as one would expect of what was created and not deleted: when the account is opened
again, after `kill -9` or a clean end, an endpoint that was in service is SystemUpdating until its containers are up
again, one that was Creating is created, an update that was under way is rolled back, and what was Deleting is gone.

Sources: API, CreateEndpoint, DescribeEndpoint, UpdateEndpoint and UpdateEndpointWeightsAndCapacities; the texts are
those that users saw. A configuration or model that is deleted meanwhile changes nothing: an endpoint keeps what it is
made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from smlocal.account.endpoint_configs import EndpointConfigs, refuse_beyond
from smlocal.account.fleet import Fleet, FleetMaker, Instance, Spec, StartFailed, Variant, already_set
from smlocal.account.images import Images
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.office import Office, Shelf, told
from smlocal.account.serving import Serving
from smlocal.account.tags import first_tags
from smlocal.account.variants import described, resized, retained
from smlocal.account.workers import Turn, Workers
from smlocal.errors import InvalidRequest
from smlocal.optml import FAILURE_REASON_LENGTH

_LISTING = Listing(
    "Endpoints",
    "Endpoint",
    ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"),
)
_UPDATE = (
    "EndpointName", "EndpointConfigName", "RetainAllVariantProperties", "ExcludeRetainedVariantProperties",
    "RetainDeploymentConfig",
)  # fmt: skip


class Endpoints:
    """CreateEndpoint and its companions."""

    def __init__(
        self,
        office: Office,
        workers: Workers,
        images: Images,
        configs: EndpointConfigs,
        maker: FleetMaker,
        serving: Serving,
    ) -> None:
        self.shelf = Shelf(office, "endpoint")
        self._office = office
        self._workers = workers
        self._images = images
        self._configs = configs
        self._maker = maker
        self._serving = serving

    # the calls

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, NotSupported."""
        refuse_beyond(request, ("EndpointName", "EndpointConfigName", "Tags"), "")
        name, config = request["EndpointName"], request["EndpointConfigName"]
        self._refuse_taken(name)
        tags, now, arn = first_tags(request), self._office.now(), self.shelf.arn(name)
        variants = self._configs.variants(config)
        members = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config,
            "EndpointStatus": "Creating",
            "PendingDeploymentSummary": self._pending(config, variants),
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Tags": tags,
            "_Variants": variants,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
            self._begin(name, self._bring_up)
        return {"EndpointArn": arn}

    def _refuse_taken(self, name: str) -> None:
        if self.shelf.is_taken(name):
            raise InvalidRequest(f'Cannot create already existing endpoint "{self.shelf.arn(name)}".')

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return told(self._found(request["EndpointName"]))

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return page(_LISTING, self.shelf.all().values(), request)

    def update(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """New containers are up before the old ones go. Raises InvalidRequest, NotSupported."""
        refuse_beyond(request, _UPDATE, "")
        name, config = request["EndpointName"], request["EndpointConfigName"]
        old = self._changeable(name)["_Variants"]
        variants = retained(self._configs.variants(config), old, request)
        pending = self._pending(config, variants)
        with self._office.lock:
            self._changeable(name)
            self._enter(name, "Updating", {"PendingDeploymentSummary": pending}, "FailureReason")
            self._begin(name, partial(self._replace, config=config, variants=variants))
        return {"EndpointArn": self.shelf.arn(name)}

    def update_weights_and_capacities(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, NotSupported."""
        name = request["EndpointName"]
        members = self._changeable(name)
        variants = resized(members["_Variants"], request["DesiredWeightsAndCapacities"])
        shown = self._described(members["_Variants"], variants)
        with self._office.lock:
            self._changeable(name)
            self._enter(name, "Updating", {"ProductionVariants": shown}, "FailureReason")
            self._begin(name, partial(self._resize, variants=variants))
        return {"EndpointArn": self.shelf.arn(name)}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Gone when its containers are. Raises InvalidRequest."""
        name = request["EndpointName"]
        with self._office.lock:
            self._settled(name)
            self._enter(name, "Deleting", {})
            self._workers.stop(f"endpoint/{name}")  # some container of it may be being replaced
            self._begin(name, self._take_down)
        return {}

    def _found(self, name: str) -> Members:
        members = self.shelf.get(name)
        if members is None:
            raise InvalidRequest(f'Could not find endpoint "{self.shelf.arn(name)}".')
        return members

    def _settled(self, name: str) -> Members:
        """Raises InvalidRequest while something is under way."""
        members = self._found(name)
        if members["EndpointStatus"] not in ("InService", "Failed"):
            raise InvalidRequest(f'Cannot update in-progress endpoint "{self.shelf.arn(name)}".')
        return members

    def _changeable(self, name: str) -> Members:
        """A Failed endpoint can only be deleted (API: DescribeEndpoint); the text is ours."""
        members = self._settled(name)
        if members["EndpointStatus"] == "Failed":
            raise InvalidRequest(f'Cannot update endpoint "{self.shelf.arn(name)}" in status Failed: delete it.')
        return members

    # what is told

    def _enter(self, name: str, status: str, changed: Members, *unset: str) -> None:
        now = self._office.now()
        self.shelf.change(name, status, {"EndpointStatus": status, **changed, "LastModifiedTime": now}, *unset)

    def _pending(self, config: str, variants: Sequence[Spec]) -> dict[str, Any]:
        """What is under way: the images that will run, the weights and counts that are wanted."""
        shown = described(variants, variants, self._images.identity, self._office.now(), with_current=False)
        for item, variant in zip(shown, variants, strict=True):
            item["InstanceType"] = variant["InstanceType"]
        return {"EndpointConfigName": config, "ProductionVariants": shown, "StartTime": self._office.now()}

    def _described(self, current: Sequence[Spec], desired: Sequence[Spec]) -> list[dict[str, Any]]:
        return described(current, desired, self._images.identity, self._office.now())

    def _in_service(self, name: str, config: str, variants: Sequence[Spec], reason: str | None = None) -> None:
        changed: dict[str, Any] = {
            "EndpointConfigName": config,
            "ProductionVariants": self._described(variants, variants),
            "_Variants": variants,
        }
        failure = {} if reason is None else {"FailureReason": reason[:FAILURE_REASON_LENGTH]}
        gone = ("PendingDeploymentSummary", *(("FailureReason",) if reason is None else ()))
        self._enter(name, "InService", {**changed, **failure}, *gone)

    # what is done

    def _begin(self, name: str, work: Callable[[str, Turn], None]) -> None:
        self._workers.begin(f"endpoint/{name}", lambda turn: work(name, turn))

    def _bring_up(self, name: str, turn: Turn, told: str | None = None) -> None:
        """Start all that the endpoint is made of; `told` is what was wrong with it before."""
        members = self._found(name)
        variants = members["_Variants"]

        def fail(reason: str) -> None:
            changed = {"FailureReason": reason[:FAILURE_REASON_LENGTH]}
            self._enter(name, "Failed", changed, "PendingDeploymentSummary", "ProductionVariants")

        started = self._started(name, [(item, item["Count"]) for item in variants], turn, fail)
        if started is not None:
            self._serve(name, variants, started)
            self._in_service(name, members["EndpointConfigName"], variants, told)

    def _started(
        self, name: str, wanted: Sequence[tuple[Spec, int]], turn: Turn, fail: Callable[[str], None]
    ) -> list[list[Instance]] | None:
        """The containers, or None when they are not to be or, `fail` having been told, cannot be had."""
        try:
            return self._maker.start(name, wanted, turn.stop, fail, lambda instance: self._lose(name, instance))
        except StartFailed:
            return None

    def _serve(self, name: str, variants: Sequence[Spec], groups: Sequence[Sequence[Instance]]) -> Fleet | None:
        """Let these containers answer from now on; gives those that did."""
        fleet = _fleet(variants, groups)
        old = self._serving.swap(name, fleet)
        for instance in fleet.instances():
            if not instance.server.healthy:  # lost before it served
                self._lose(name, instance)
        return old

    def _lose(self, name: str, lost: Instance) -> None:
        self._begin(name, partial(self._replace_one, lost=lost))

    def _replace_one(self, name: str, turn: Turn, lost: Instance) -> None:
        """Until another stands in its place, or it serves no more; a container that does not come up is tried again
        at longer and longer intervals."""
        for pause in _pauses():
            if not self._serving.has(name, lost):
                return
            started = self._started(name, [(lost.spec, 1)], turn, lambda reason: None)
            if started is not None:
                new = started[0][0]
                gone = lost if self._serving.exchange(name, lost, new) else new
                self._maker.retire([gone], turn.hurry, 0)
                return
            if turn.stop.wait(pause):
                return

    def _roll_back(self, name: str) -> None:
        """To what serves all the while."""
        members = self._found(name)
        self._in_service(name, members["EndpointConfigName"], members["_Variants"], members.get("FailureReason"))

    def _rolling_back(self, name: str) -> Callable[[str], None]:
        return lambda reason: self._enter(name, "RollingBack", {"FailureReason": reason[:FAILURE_REASON_LENGTH]})

    def _replace(self, name: str, turn: Turn, config: str, variants: Sequence[Spec]) -> None:
        wanted = [(item, item["Count"]) for item in variants]
        started = self._started(name, wanted, turn, self._rolling_back(name))
        if started is not None:
            old = self._serve(name, variants, started)
            self._in_service(name, config, variants)
            self._maker.retire(list(old.instances()) if old else [], turn.hurry)
        elif not turn.closing:
            self._roll_back(name)

    def _resize(self, name: str, turn: Turn, variants: Sequence[Spec]) -> None:
        """Containers that are there stay; what is missing is started, what is too much goes."""
        fleet = self._serving.fleet(name)
        standing = {item.name: item.instances for item in fleet.variants} if fleet else {}
        missing = [(item, max(0, item["Count"] - len(standing[item["VariantName"]]))) for item in variants]
        started = self._started(name, missing, turn, self._rolling_back(name))
        if started is None:
            if not turn.closing:
                self._roll_back(name)
            return
        groups = [[*standing[item["VariantName"]], *new] for item, new in zip(variants, started, strict=True)]
        kept = [group[: item["Count"]] for item, group in zip(variants, groups, strict=True)]
        surplus = [one for item, group in zip(variants, groups, strict=True) for one in group[item["Count"] :]]
        self._serve(name, variants, kept)
        self._in_service(name, self._found(name)["EndpointConfigName"], variants)
        self._maker.retire(surplus, turn.hurry)

    def _take_down(self, name: str, turn: Turn) -> None:
        fleet = self._serving.swap(name, None)
        if fleet is not None:
            self._maker.retire(list(fleet.instances()), turn.hurry)
        self.shelf.remove(name)

    # start and end of smlocal

    def resume(self) -> None:
        """Take up what stood when the account was last open."""
        for name, members in self.shelf.all().items():
            status, reason = members["EndpointStatus"], members.get("FailureReason")
            if status == "Deleting":
                self.shelf.remove(name)
            elif status == "Creating":
                self._begin(name, self._bring_up)
            elif status != "Failed":
                if status in ("Updating", "RollingBack"):
                    reason = reason or "The update was broken off: smlocal was ended meanwhile."
                self._enter(name, "SystemUpdating", {}, "PendingDeploymentSummary")
                self._begin(name, partial(self._bring_up, told=reason))

    def close(self) -> None:
        """Stop all containers at once; the endpoints stay in the log as they are."""
        for fleet in self._serving.clear():
            self._maker.retire(list(fleet.instances()), already_set())


def _pauses() -> Iterator[float]:
    """Seconds between two tries."""
    pause = 0.5
    while True:
        yield pause
        pause = min(2 * pause, 60.0)


def _fleet(variants: Sequence[Spec], groups: Sequence[Sequence[Instance]]) -> Fleet:
    pairs = zip(variants, groups, strict=True)
    return Fleet(tuple(Variant(spec, tuple(instances)) for spec, instances in pairs))

"""What is done behind an endpoint: containers come up, take over, are replaced and go, and its state says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from smlocal.account.fleet import Fleet, FleetMaker, Instance, Spec, StartFailed, Variant
from smlocal.account.images import Images
from smlocal.account.ledger import Members
from smlocal.account.office import Office, Shelf
from smlocal.account.serving import Serving
from smlocal.account.variants import described
from smlocal.account.workers import Turn, Workers
from smlocal.optml import FAILURE_REASON_LENGTH


class Deployments:
    """The work behind the endpoints of a shelf, each piece on a thread of its own (`begin`)."""

    def __init__(
        self, office: Office, shelf: Shelf, workers: Workers, images: Images, maker: FleetMaker, serving: Serving
    ) -> None:
        self._office = office
        self._shelf = shelf
        self._workers = workers
        self._images = images
        self._maker = maker
        self._serving = serving

    # what is told

    def _members(self, name: str) -> Members:
        members = self._shelf.get(name)
        assert members is not None  # nothing goes while something is under way
        return members

    def enter(self, name: str, status: str, changed: Members, *unset: str) -> None:
        now = self._office.now()
        self._shelf.change(name, status, {"EndpointStatus": status, **changed, "LastModifiedTime": now}, *unset)

    def pending(self, config: str, variants: Sequence[Spec]) -> dict[str, Any]:
        """What is under way: the images that will run, the weights and counts that are wanted."""
        shown = described(variants, variants, self._images.identity, self._office.now(), with_current=False)
        for item, variant in zip(shown, variants, strict=True):
            item["InstanceType"] = variant["InstanceType"]
        return {"EndpointConfigName": config, "ProductionVariants": shown, "StartTime": self._office.now()}

    def described(self, current: Sequence[Spec], desired: Sequence[Spec]) -> list[dict[str, Any]]:
        return described(current, desired, self._images.identity, self._office.now())

    def _in_service(self, name: str, config: str, variants: Sequence[Spec]) -> None:
        """What failed before stays told until the next update."""
        changed: dict[str, Any] = {
            "EndpointConfigName": config,
            "ProductionVariants": self.described(variants, variants),
            "_Variants": variants,
        }
        self.enter(name, "InService", changed, "PendingDeploymentSummary")

    # what is done

    def begin(self, name: str, work: Callable[[str, Turn], None]) -> None:
        self._workers.begin(f"endpoint/{name}", lambda turn: work(name, turn))

    def bring_up(self, name: str, turn: Turn) -> None:
        """Start all that the endpoint is made of."""
        members = self._members(name)
        variants = members["_Variants"]

        def fail(reason: str) -> None:
            changed = {"FailureReason": reason[:FAILURE_REASON_LENGTH]}
            self.enter(name, "Failed", changed, "PendingDeploymentSummary", "ProductionVariants")

        started = self._started(name, [(item, item["Count"]) for item in variants], turn, fail)
        if started is not None:
            self._serve(name, variants, started)
            self._in_service(name, members["EndpointConfigName"], variants)

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
        pairs = zip(variants, groups, strict=True)
        old = self._serving.swap(name, Fleet(tuple(Variant(spec, tuple(group)) for spec, group in pairs)))
        self._look_after(name)
        return old

    def _look_after(self, name: str) -> None:
        """Replace what was lost before it served."""
        fleet = self._serving.fleet(name)
        for instance in fleet.instances() if fleet else ():
            if not instance.server.healthy:
                self._lose(name, instance)

    def _lose(self, name: str, lost: Instance) -> None:
        self.begin(name, partial(self._replace_one, lost=lost))

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
        members = self._members(name)
        self._in_service(name, members["EndpointConfigName"], members["_Variants"])

    def _rolling_back(self, name: str) -> Callable[[str], None]:
        return lambda reason: self.enter(name, "RollingBack", {"FailureReason": reason[:FAILURE_REASON_LENGTH]})

    def replace(self, name: str, turn: Turn, config: str, variants: Sequence[Spec]) -> None:
        wanted = [(item, item["Count"]) for item in variants]
        started = self._started(name, wanted, turn, self._rolling_back(name))
        if started is not None:
            old = self._serve(name, variants, started)
            self._in_service(name, config, variants)
            self._maker.retire(list(old.instances()) if old else [], turn.hurry)
        elif not turn.closing:
            self._roll_back(name)

    def resize(self, name: str, turn: Turn, variants: Sequence[Spec]) -> None:
        """Containers that are there stay; what is missing is started, what is too much goes."""
        fleet = self._serving.fleet(name)
        standing = {item.name: len(item.instances) for item in fleet.variants} if fleet else {}
        missing = [(item, max(0, item["Count"] - standing[item["VariantName"]])) for item in variants]
        started = self._started(name, missing, turn, self._rolling_back(name))
        if started is not None:
            surplus = self._serving.resize(name, variants, started)
            self._look_after(name)
            self._in_service(name, self._members(name)["EndpointConfigName"], variants)
            self._maker.retire(surplus, turn.hurry)
        elif not turn.closing:
            self._roll_back(name)

    def take_down(self, name: str, turn: Turn) -> None:
        fleet = self._serving.swap(name, None)
        if fleet is not None:
            self._maker.retire(list(fleet.instances()), turn.hurry)
        self._shelf.remove(name)


def _pauses() -> Iterator[float]:
    """Seconds between two tries."""
    pause = 0.5
    while True:
        yield pause
        pause = min(2 * pause, 60.0)

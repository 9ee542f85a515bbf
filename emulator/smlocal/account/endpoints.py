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

from collections.abc import Mapping
from functools import partial
from typing import Any

from smlocal.account.deployments import Deployments
from smlocal.account.endpoint_configs import EndpointConfigs, refuse_beyond
from smlocal.account.fleet import FleetMaker, already_set
from smlocal.account.images import Images
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.office import Office, Shelf, told
from smlocal.account.serving import Serving
from smlocal.account.tags import first_tags
from smlocal.account.variants import resized, retained
from smlocal.account.workers import Workers
from smlocal.errors import InvalidRequest

_LISTING = Listing(
    "Endpoints",
    "Endpoint",
    ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"),
)
_UPDATE = (
    "EndpointName", "EndpointConfigName", "RetainAllVariantProperties", "ExcludeRetainedVariantProperties",
    "RetainDeploymentConfig",
)  # fmt: skip
BROKEN_OFF = "The update was broken off: smlocal was ended meanwhile."


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
        self._configs = configs
        self._maker = maker
        self._serving = serving
        self._work = Deployments(office, self.shelf, workers, images, maker, serving)

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
            "PendingDeploymentSummary": self._work.pending(config, variants),
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Tags": tags,
            "_Variants": variants,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
            self._work.begin(name, self._work.bring_up)
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
        pending = self._work.pending(config, variants)
        with self._office.lock:
            self._changeable(name)
            self._work.enter(name, "Updating", {"PendingDeploymentSummary": pending}, "FailureReason")
            self._work.begin(name, partial(self._work.replace, config=config, variants=variants))
        return {"EndpointArn": self.shelf.arn(name)}

    def update_weights_and_capacities(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, NotSupported."""
        name = request["EndpointName"]
        members = self._changeable(name)
        variants = resized(members["_Variants"], request["DesiredWeightsAndCapacities"])
        shown = self._work.described(members["_Variants"], variants)
        with self._office.lock:
            self._changeable(name)
            self._work.enter(name, "Updating", {"ProductionVariants": shown}, "FailureReason")
            self._work.begin(name, partial(self._work.resize, variants=variants))
        return {"EndpointArn": self.shelf.arn(name)}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Gone when its containers are. Raises InvalidRequest."""
        name = request["EndpointName"]
        with self._office.lock:
            self._settled(name)
            self._work.enter(name, "Deleting", {})
            self._workers.stop(f"endpoint/{name}")  # some container of it may be being replaced
            self._work.begin(name, self._work.take_down)
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

    # start and end of smlocal

    def resume(self) -> None:
        """Take up what stood when the account was last open."""
        for name, members in self.shelf.all().items():
            status = members["EndpointStatus"]
            if status == "Deleting":
                self.shelf.remove(name)
            elif status == "Creating":
                self._work.begin(name, self._work.bring_up)
            elif status != "Failed":
                broken_off = {"FailureReason": BROKEN_OFF} if status == "Updating" else {}
                self._work.enter(name, "SystemUpdating", broken_off, "PendingDeploymentSummary")
                self._work.begin(name, self._work.bring_up)

    def close(self) -> None:
        """Stop all containers at once; the endpoints stay in the log as they are."""
        for fleet in self._serving.clear():
            self._maker.retire(list(fleet.instances()), already_set())

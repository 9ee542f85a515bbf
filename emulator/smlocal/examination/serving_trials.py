"""The serving runs of an examination: started under the hardest conditions, asked in many ways, stopped."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from smlocal.errors import EndpointFailed
from smlocal.evidence import Conditions, Exchange, ServingTrial
from smlocal.examination.plan import Plan
from smlocal.examination.probes import Probes
from smlocal.examination.stopping import Stop
from smlocal.hosting import HealthChecks, ModelHost, ModelServer
from smlocal.http_client import HttpClient
from smlocal.settings import Settings

_WITHOUT_MODEL = 30.0  # seconds
HARD = "hard"
EASY = "easy"


class ServingTrials:
    """Makes the serving runs of one image with one model (None: it brings its own)."""

    def __init__(
        self,
        host: ModelHost,
        http: HttpClient,
        settings: Settings,
        plan: Plan,
        model: str | None,
        on_trial: Callable[[str], None],
        stop: Stop,
    ) -> None:
        self._host = host
        self._http = http
        self._settings = settings
        self._plan = plan
        self._model = model
        self._on_trial = on_trial
        self._stop = stop

    def run(self, image: str) -> dict[str, ServingTrial]:
        """The trials by name. A second one tells whether it was the network that the first one lacked."""
        made = {HARD: self._trial(image, Conditions())}
        if not made[HARD].healthy and not made[HARD].run.start_error and self._model is not None:
            made[EASY] = self._trial(image, Conditions(network=True))
        return made

    def _trial(self, image: str, conditions: Conditions) -> ServingTrial:
        self._on_trial(f"serve {conditions}")
        server = self._server(image, conditions)
        exchanges: tuple[Exchange, ...] = ()
        alive = True
        reason = cause = ""
        try:
            server.start(self._stop.event)
            self._stop.check()
            probes = Probes(self._http, lambda: server.base_url, self._settings.limits, self._plan, self._stop)
            exchanges = probes.run()
            alive = probes.pings_well()
        except EndpointFailed as error:
            reason, cause = error.failure_reason, str(error.cause)
        finally:
            server.stop(self._stop.hurry)
        self._stop.check()
        return ServingTrial(conditions, server.evidence(), reason, cause, exchanges, alive)

    def _server(self, image: str, conditions: Conditions) -> ModelServer:
        plan = self._plan
        container: dict[str, Any] = {"Image": image, "Environment": dict(plan.serving_environment)}
        if self._model is not None:
            container["ModelDataUrl"] = self._model
        request = {
            "ModelName": f"check-{uuid.uuid4().hex[:12]}",
            "PrimaryContainer": container,
            "ExecutionRoleArn": "arn:aws:iam::000000000000:role/smlocal-check",
            "EnableNetworkIsolation": not conditions.network,
        }
        return self._host.server(request, image, instance_type=plan.instance_type, checks=self._checks())

    def _checks(self) -> HealthChecks:
        """SageMaker's; but an image that is given no model may have nothing to be healthy with, and is not waited for
        as long: rules do not judge it then."""
        limits = self._settings.limits
        if self._model is not None:
            return HealthChecks.of_endpoints(limits)
        return HealthChecks.of_endpoints(limits, min(limits.start_window, _WITHOUT_MODEL))

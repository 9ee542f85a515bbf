"""The serving runs of an examination: started under the hardest conditions, asked in many ways, stopped."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

from smlocal.engine.interface import Engine
from smlocal.errors import EndpointFailed
from smlocal.evidence import Conditions, Exchange, ExecutionParameters, ImageEvidence, ServingTrial
from smlocal.examination.batch_probes import BatchProbes, work_of
from smlocal.examination.bounds import Bounds, Guard
from smlocal.examination.multi_model import BIG_MODEL, MODELS, MultiModelProbes
from smlocal.examination.plan import Plan
from smlocal.examination.probes import SAMPLE, Probes
from smlocal.examination.stopping import Stop
from smlocal.hosting import BATCH, PORT, REAL_TIME, HealthChecks, ModelHost, ModelServer
from smlocal.http_client import HttpClient
from smlocal.settings import Settings

_SHORT_WINDOW = 30.0  # seconds
HARD = "hard"
EASY = "easy"
BATCH_RUN = "batch"
OTHER_PORT_RUN = "other port"
MULTI_MODEL_RUN = "multi-model"
_OTHER_PORT = 18080


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
        engine: Engine,
        bounds: Bounds,
        too_big: str | None = None,
    ) -> None:
        self._host = host
        self._http = http
        self._settings = settings
        self._plan = plan
        self._model = model
        self._on_trial = on_trial
        self._stop = stop
        self._engine = engine
        self._bounds = bounds
        self._too_big = too_big
        self._work = work_of(plan, settings.limits)
        self._seconds_to_healthy = 0.0

    def run(self, image: str, facts: ImageEvidence) -> dict[str, ServingTrial]:
        """The trials by name. A second one tells whether it was the network that the first one lacked; one as a batch
        transform would make it is of use only to an image that comes up and answers the records; one for a multi-model
        endpoint only to an image that comes up, bears the label for it, and has a model."""
        made = {HARD: self._trial(image, Conditions())}
        if not made[HARD].healthy and not made[HARD].run.start_error and not self._lacks_model:
            made[EASY] = self._trial(image, Conditions(network=True))
        last = list(made.values())[-1]
        self._seconds_to_healthy = last.run.seconds_to_healthy or 0.0
        if self._answers_records(last):
            takes_port = facts.takes_port and "SAGEMAKER_BIND_TO_PORT" not in self._plan.serving_environment
            made |= self._batch_trials(image, replace(last.conditions, batch=True), takes_port)
        if facts.holds_models and last.healthy and self._model is not None:
            made[MULTI_MODEL_RUN] = self._trial(image, replace(last.conditions, multi_model=True))
        return made

    def _batch_trials(self, image: str, conditions: Conditions, takes_port: bool) -> dict[str, ServingTrial]:
        """The container of a batch transform. Who says that it listens where it is told is told another port, as in a
        pipeline; when that does not come up, the usual one tells whether it was for the port."""
        if not takes_port:
            return {BATCH_RUN: self._trial(image, conditions)}
        elsewhere = self._trial(image, replace(conditions, other_port=True))
        if elsewhere.healthy:
            return {BATCH_RUN: elsewhere}
        return {OTHER_PORT_RUN: elsewhere, BATCH_RUN: self._trial(image, conditions)}

    def _answers_records(self, trial: ServingTrial) -> bool:
        if self._work is None or not trial.healthy or trial.cause:
            return False
        samples = trial.of(SAMPLE)
        status = samples[self._plan.samples.index(self._work.sample)].status if samples else None
        return status is not None and 200 <= status <= 299

    def _trial(self, image: str, conditions: Conditions) -> ServingTrial:
        self._on_trial(f"serve {conditions}")
        guard = Guard(self._bounds, self._engine, self._stop.event)
        server = self._server(image, conditions, guard)
        exchanges: tuple[Exchange, ...] = ()
        alive, parameters = True, None
        reason = cause = ""
        with guard.watching(server.stop):
            try:
                if server.start(guard.stop):
                    exchanges, parameters, alive = self._asked(server, conditions)
            except EndpointFailed as error:
                reason, cause = error.failure_reason, str(error.cause)
            finally:
                server.stop(_at_once() if conditions.batch or conditions.multi_model else self._stop.hurry)
        self._stop.check()
        if guard.why:  # what was not answered any more says nothing: it was we who ended it
            exchanges, alive = tuple(item for item in exchanges if item.status is not None), True
        return ServingTrial(conditions, server.evidence(), reason, guard.why or cause, exchanges, alive, parameters)

    def _asked(
        self, server: ModelServer, conditions: Conditions
    ) -> tuple[tuple[Exchange, ...], ExecutionParameters | None, bool]:
        """All exchanges, what it proposed, and whether the server still answers pings afterwards."""
        probes = Probes(self._http, lambda: server.base_url, self._settings.limits, self._plan, self._stop)
        exchanges, parameters = self._exchanges(probes, server, conditions)
        alive = probes.pings_well()
        if not alive:
            server.wait(self._settings.limits.ping_timeout)  # whether it ended by itself is evidence, too
        return exchanges, parameters, alive

    def _exchanges(
        self, probes: Probes, server: ModelServer, conditions: Conditions
    ) -> tuple[tuple[Exchange, ...], ExecutionParameters | None]:
        limits = self._settings.limits
        if conditions.multi_model:
            return MultiModelProbes(probes, limits, self._plan.samples, self._too_big is not None).run(), None
        if not conditions.batch:
            return probes.run(), None
        if self._work is None:
            return (), None
        return BatchProbes(probes, self._http, lambda: server.base_url, limits, self._work).run()

    def _server(self, image: str, conditions: Conditions, guard: Guard) -> ModelServer:
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
        return self._host.server(
            request,
            image,
            platform=BATCH if conditions.batch else REAL_TIME,
            instance_type=plan.instance_type,
            checks=self._checks(conditions),
            environment=self._work.job.environment if conditions.batch and self._work is not None else None,
            models=self._models if conditions.multi_model else None,
            port=_OTHER_PORT if conditions.other_port else PORT,
            on_line=lambda line: guard.count_line(len(line.text)),
        )

    @property
    def _models(self) -> dict[str, str]:
        """The archives that are extracted below /opt/ml/models, by the names that they have there."""
        models = {} if self._model is None else dict.fromkeys(MODELS, self._model)
        return models if self._too_big is None else {**models, BIG_MODEL: self._too_big}

    def _checks(self, conditions: Conditions) -> HealthChecks:
        """SageMaker's; but an image that lacks its model may have nothing to be healthy with, and is not waited for as
        long: rules do not judge it then. What came up as an endpoint gets no more time for a transform; what may
        listen elsewhere than it was told, only a few times as much as it took."""
        limits = self._settings.limits
        if conditions.batch:
            several = _SHORT_WINDOW + 3 * self._seconds_to_healthy if conditions.other_port else limits.start_window
            return replace(HealthChecks.of_transforms(limits), start_window=min(several, limits.start_window))
        if self._lacks_model:
            return HealthChecks.of_endpoints(limits, min(limits.start_window, _SHORT_WINDOW))
        return HealthChecks.of_endpoints(limits)

    @property
    def _lacks_model(self) -> bool:
        """Its training was to make a model, and made none. An image that is only to serve brings its own."""
        return self._model is None and self._plan.train


def _at_once() -> Event:
    """How long it takes to end is seen of the endpoint's container; no time is spent on that of a batch's."""
    hurry = Event()
    hurry.set()
    return hurry

"""The serving runs of an examination: started under the hardest conditions, asked in many ways, stopped."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from typing import Any

from smlocal.container import LaunchedContainer
from smlocal.engine.interface import Engine
from smlocal.errors import EndpointFailed
from smlocal.evidence import Conditions, Exchange, ExecutionParameters, HostingEvidence, SecondStart, ServingTrial
from smlocal.examination.batch_probes import BatchProbes, work_of
from smlocal.examination.bounds import Bounds, Guard
from smlocal.examination.plan import Plan
from smlocal.examination.probes import SAMPLE, Probes
from smlocal.examination.soak import soak
from smlocal.examination.stopping import Stop
from smlocal.hosting import BATCH, REAL_TIME, HealthChecks, ModelHost, ModelServer, start_again
from smlocal.http_client import HttpClient
from smlocal.settings import Settings

_WITHOUT_MODEL = 30.0  # seconds
HARD = "hard"
EASY = "easy"
BATCH_RUN = "batch"
EMPTY_MODEL = "empty model"
# How long a start may take, by how long the first one did. Whether it is healthy with a good model is to be seen in any
# case; whether it is without one, only if that takes about as long.
_AS_GOOD = (5.0, 3.0)  # seconds, and times the seconds of the first
_EMPTY = (0.5, 1.5)


@dataclass
class _Asked:
    """What a server was asked, and what became of it."""

    exchanges: tuple[Exchange, ...] = ()
    parameters: ExecutionParameters | None = None
    memory: tuple[tuple[int, int], ...] = ()
    alive: bool = True  # it still answers pings
    second_start: SecondStart | None = field(default=None)


class ServingTrials:
    """Makes the serving runs of one image with one model (None: it brings its own)."""

    def __init__(
        self,
        host: ModelHost,
        http: HttpClient,
        settings: Settings,
        plan: Plan,
        model: str | None,
        empty_model: str,
        on_trial: Callable[[str], None],
        stop: Stop,
        engine: Engine,
        bounds: Bounds,
    ) -> None:
        self._host = host
        self._http = http
        self._settings = settings
        self._plan = plan
        self._model = model
        self._empty_model = empty_model
        self._on_trial = on_trial
        self._stop = stop
        self._engine = engine
        self._bounds = bounds
        self._work = work_of(plan, settings.limits)

    def first(self, image: str) -> dict[str, ServingTrial]:
        """The trials that tell whether it comes up and what it answers, by name. A second one tells whether it was the
        network that the first one lacked."""
        made = {HARD: self._trial(image, Conditions())}
        if not made[HARD].healthy and not made[HARD].run.start_error and not self._lacks_model:
            made[EASY] = self._trial(image, Conditions(network=True))
        return made

    def others(self, image: str, made: Mapping[str, ServingTrial]) -> dict[str, Callable[[], ServingTrial]]:
        """What else is to be tried with an image that comes up, by name: as a batch transform would run it, when it
        answers the records, and with a model of which nothing can come, when it answers with a good one."""
        last = list(made.values())[-1]
        if not last.healthy or last.cause:
            return {}
        wanted = {}
        if self._answers_records(last):
            wanted[BATCH_RUN] = replace(last.conditions, batch=True)
        if self._model is not None and last.exchanges and _is_good(last.exchanges[0]):
            wanted[EMPTY_MODEL] = replace(last.conditions, empty_model=True)
        return {
            name: partial(
                self._trial, image, conditions, self._window(last.run, _EMPTY if conditions.empty_model else _AS_GOOD)
            )
            for name, conditions in wanted.items()
        }

    def _answers_records(self, trial: ServingTrial) -> bool:
        samples = trial.of(SAMPLE)
        if self._work is None or not samples:
            return False
        return _is_good(samples[self._plan.samples.index(self._work.sample)])

    def _trial(self, image: str, conditions: Conditions, window: float | None = None) -> ServingTrial:
        """One run; `window` is how many seconds it may take to come up, where that is less than the platform's."""
        self._on_trial(f"serve {conditions}")
        guard = Guard(self._bounds, self._engine, self._stop.event)
        server = self._server(image, conditions, guard, window)
        asked = _Asked()
        reason = cause = ""
        with guard.watching(server.stop):
            try:
                if server.start(guard.stop):
                    self._ask(server, conditions, asked)
            except EndpointFailed as error:
                reason, cause = error.failure_reason, str(error.cause)
            finally:
                server.stop(self._hurry(conditions), partial(self._start_again, server, conditions, guard, asked))
        self._stop.check()
        if guard.why:  # what was not answered any more says nothing: it was we who ended it
            asked.exchanges = tuple(item for item in asked.exchanges if item.status is not None)
            asked.alive = True
        return ServingTrial(
            conditions,
            server.evidence(),
            reason,
            guard.why or cause,
            asked.exchanges,
            asked.alive,
            asked.parameters,
            asked.second_start,
            asked.memory,
        )

    def _ask(self, server: ModelServer, conditions: Conditions, asked: _Asked) -> None:
        """Everything that it is to be asked, and whether it still answers pings afterwards."""
        probes = Probes(self._http, lambda: server.base_url, self._settings.limits, self._plan, self._stop)
        if conditions.batch and self._work is not None:
            limits = self._settings.limits
            batch = BatchProbes(probes, self._http, lambda: server.base_url, limits, self._work)
            asked.exchanges, asked.parameters = batch.run()
        elif conditions.empty_model:
            asked.exchanges = probes.samples()
        else:
            asked.exchanges = probes.run()
        asked.alive = probes.pings_well()
        if not asked.alive:
            server.wait(self._settings.limits.ping_timeout)  # whether it ended by itself is evidence, too
        elif not (conditions.batch or conditions.empty_model):
            asked.memory = soak(self._plan.soak if self._plan.samples else 0, probes.send_sample, server.memory_bytes)

    def _start_again(
        self, server: ModelServer, conditions: Conditions, guard: Guard, asked: _Asked, container: LaunchedContainer
    ) -> None:
        """Start what was up and has ended once more; of the runs of one examination, one is enough."""
        last = conditions.batch or (self._work is None and not conditions.empty_model)
        seen = server.evidence()
        if not last or seen.seconds_to_healthy is None or not asked.alive or guard.stop.is_set():
            return
        platform = BATCH if conditions.batch else REAL_TIME
        checks = replace(self._checks(conditions, None), start_window=self._window(seen, _AS_GOOD))
        asked.second_start = start_again(container, self._http, platform, checks, guard.stop.is_set)

    def _window(self, seen: HostingEvidence, measure: tuple[float, float]) -> float:
        """How many seconds a start gets after one that was seen."""
        more, times = measure
        return min(self._settings.limits.start_window, more + times * (seen.seconds_to_healthy or 0.0))

    def _hurry(self, conditions: Conditions) -> Event:
        """How long it takes to end is seen of the endpoint's container; no time is spent on that of the others."""
        if not (conditions.batch or conditions.empty_model):
            return self._stop.hurry
        at_once = Event()
        at_once.set()
        return at_once

    def _server(self, image: str, conditions: Conditions, guard: Guard, window: float | None) -> ModelServer:
        plan = self._plan
        container: dict[str, Any] = {"Image": image, "Environment": dict(plan.serving_environment)}
        if self._model is not None:
            container["ModelDataUrl"] = self._empty_model if conditions.empty_model else self._model
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
            checks=self._checks(conditions, window),
            environment=self._work.job.environment if conditions.batch and self._work is not None else None,
            on_line=lambda line: guard.count_line(len(line.text)),
        )

    def _checks(self, conditions: Conditions, window: float | None) -> HealthChecks:
        """SageMaker's; but an image that lacks its model may have nothing to be healthy with, and is not waited for as
        long: rules do not judge it then. `window`: what came up before gets no more time than that."""
        limits = self._settings.limits
        if conditions.batch:
            return replace(HealthChecks.of_transforms(limits), start_window=window or limits.start_window)
        if self._lacks_model:
            return HealthChecks.of_endpoints(limits, min(limits.start_window, _WITHOUT_MODEL))
        return HealthChecks.of_endpoints(limits, window)

    @property
    def _lacks_model(self) -> bool:
        """Its training was to make a model, and made none. An image that is only to serve brings its own."""
        return self._model is None and self._plan.train


def empty_archive() -> bytes:
    """A model archive that no program can have trained: one file of a name that none asks for."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("smlocal-empty-model"))
    return stream.getvalue()


def _is_good(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status <= 299

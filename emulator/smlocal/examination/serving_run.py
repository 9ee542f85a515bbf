"""One serving run of an examination: started, asked, stopped, and perhaps started again."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import Any

from smlocal.container import LaunchedContainer
from smlocal.engine.interface import Engine
from smlocal.errors import EndpointFailed, EngineError
from smlocal.evidence import Conditions, Exchange, ExecutionParameters, HostingEvidence, SecondStart, ServingTrial
from smlocal.examination.batch_probes import BatchProbes, work_of
from smlocal.examination.bounds import Bounds, Guard
from smlocal.examination.multi_model import BIG_MODEL, MODELS, MultiModelProbes
from smlocal.examination.plan import Plan
from smlocal.examination.probes import BIG, Probes
from smlocal.examination.soak import soak
from smlocal.examination.stopping import Stop
from smlocal.hosting import BATCH, PORT, REAL_TIME, HealthChecks, ModelHost, ModelServer, start_again
from smlocal.http_client import HttpClient
from smlocal.settings import Settings

_SHORT_WINDOW = 30.0  # seconds
_OTHER_PORT = 18080
# How long a start may take, by how long another one did, in seconds and in times the seconds of the other. Who refuses
# pings without its model for about as long as it took to be healthy with it, goes on to refuse them.
_AS_GOOD = (5.0, 3.0)
_LAST_WORD = (0.5, 1.5)


@dataclass(frozen=True)
class Models:
    """Where the models lie."""

    usual: str | None  # None: the image brings its own
    empty: str  # see `empty_archive`
    too_big: str | None = None  # for a multi-model server


@dataclass
class _Asked:
    """What a server was asked, and what became of it."""

    exchanges: tuple[Exchange, ...] = ()
    parameters: ExecutionParameters | None = None
    memory: tuple[tuple[int, int], ...] = ()
    alive: bool = True  # it still answers pings
    second_start: SecondStart | None = None


class ServingRuns:
    """Makes serving runs of images with the same models."""

    def __init__(
        self,
        host: ModelHost,
        http: HttpClient,
        settings: Settings,
        plan: Plan,
        models: Models,
        on_trial: Callable[[str], None],
        stop: Stop,
        engine: Engine,
        bounds: Bounds,
    ) -> None:
        self._host = host
        self._http = http
        self._settings = settings
        self._plan = plan
        self._models = models
        self._on_trial = on_trial
        self._stop = stop
        self._engine = engine
        self._bounds = bounds
        self.work = work_of(plan, settings.limits)  # of a batch transform; None: no sample is made of lines

    def run(self, image: str, conditions: Conditions, after: HostingEvidence | None = None) -> ServingTrial:
        """One run; what came up `after` a while before gets not much more time for it now."""
        self._on_trial(f"serve {conditions}")
        guard = Guard(self._bounds, self._engine, self._stop)
        server = self._server(image, conditions, guard, after)
        asked = _Asked()
        reason = cause = ""
        with guard.watching(server.stop):
            try:
                if server.start(guard.stop):
                    self._ask(server, conditions, asked)
            except EndpointFailed as error:
                reason, cause = error.failure_reason, str(error.cause)
            except EngineError:
                if not guard.stop.is_set():  # else it is gone because we stopped it
                    raise
            finally:
                server.stop(
                    self._hurry(conditions, guard), partial(self._start_again, server, conditions, guard, asked)
                )
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
        limits, plan = self._settings.limits, self._plan
        probes = Probes(self._http, lambda: server.base_url, limits, plan, self._stop)
        if conditions.multi_model:
            is_big = self._models.too_big is not None
            asked.exchanges = MultiModelProbes(probes, limits, plan.samples, is_big).run()
        elif conditions.batch and self.work is not None:
            batch = BatchProbes(probes, self._http, lambda: server.base_url, limits, self.work)
            asked.exchanges, asked.parameters = batch.run()
        else:
            asked.exchanges = probes.samples() if conditions.empty_model else probes.run()
        asked.alive = probes.pings_well()
        if not asked.alive:
            server.wait(limits.ping_timeout)  # whether it ended by itself is evidence, too
        elif conditions.of_endpoint:
            asked.memory = soak(plan.soak if plan.samples else 0, probes.send_sample, server.memory_bytes)
            if any(item.good for item in asked.exchanges if item.probe == BIG):
                asked.exchanges += (probes.largest(),)

    def _start_again(
        self, server: ModelServer, conditions: Conditions, guard: Guard, asked: _Asked, container: LaunchedContainer
    ) -> None:
        """Start what was up and has ended once more; of the runs of one examination, one is enough."""
        last = conditions.batch or (self.work is None and conditions.of_endpoint)
        seen = server.evidence()
        if not last or seen.seconds_to_healthy is None or guard.stop.is_set():
            return
        platform = BATCH if conditions.batch else REAL_TIME
        checks = replace(self._checks(conditions), start_window=self._window(seen))
        asked.second_start = start_again(
            container,
            self._http,
            platform,
            _port(conditions),
            checks,
            guard.stop.is_set,
            lambda line: guard.count_line(len(line.text)),
        )

    def _hurry(self, conditions: Conditions, guard: Guard) -> Event:
        """How long it takes to end is seen of the endpoint's container; no time is spent on that of the others."""
        if conditions.of_endpoint:
            return guard.hurry
        at_once = Event()
        at_once.set()
        return at_once

    def _server(self, image: str, conditions: Conditions, guard: Guard, after: HostingEvidence | None) -> ModelServer:
        plan, models = self._plan, self._models
        container: dict[str, Any] = {"Image": image, "Environment": dict(plan.serving_environment)}
        if models.usual is not None:
            container["ModelDataUrl"] = models.empty if conditions.empty_model else models.usual
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
            checks=self._checks(conditions, after),
            environment=self.work.job.environment if conditions.batch and self.work is not None else None,
            models=self._many() if conditions.multi_model else None,
            writable_model=conditions.writable_model,
            port=_port(conditions),
            on_line=lambda line: guard.count_line(len(line.text)),
        )

    def _many(self) -> dict[str, str]:
        """The archives that are extracted below /opt/ml/models, by the names that they have there."""
        models = {} if self._models.usual is None else dict.fromkeys(MODELS, self._models.usual)
        return models if self._models.too_big is None else {**models, BIG_MODEL: self._models.too_big}

    def _checks(self, conditions: Conditions, after: HostingEvidence | None = None) -> HealthChecks:
        """SageMaker's; but an image that lacks its model may have nothing to be healthy with, and is not waited for as
        long: rules do not judge it then. What came up before gets no more time than `_window` says, unless it is
        another server then, as one of many models may be."""
        limits = self._settings.limits
        if after is not None and conditions.empty_model:
            patience = _times(after, _LAST_WORD)
            return replace(HealthChecks.of_endpoints(limits, self._window(after)), last_word_after=patience)
        if after is not None and not conditions.multi_model:
            window = self._window(after)
        else:
            window = min(limits.start_window, _SHORT_WINDOW) if self.lacks_model else limits.start_window
        if conditions.batch:
            return replace(HealthChecks.of_transforms(limits), start_window=window)
        return HealthChecks.of_endpoints(limits, window)

    def _window(self, seen: HostingEvidence) -> float:
        """How many seconds a start gets after one that was seen."""
        return min(self._settings.limits.start_window, _times(seen, _AS_GOOD))

    @property
    def lacks_model(self) -> bool:
        """Its training was to make a model, and made none. An image that is only to serve brings its own."""
        return self._models.usual is None and self._plan.train


def _times(seen: HostingEvidence, measure: tuple[float, float]) -> float:
    """So many seconds, by how long the start took that was seen."""
    more, times = measure
    return more + times * (seen.seconds_to_healthy or 0.0)


def _port(conditions: Conditions) -> int:
    """That the container is told to listen on."""
    return _OTHER_PORT if conditions.other_port else PORT


def empty_archive() -> bytes:
    """A model archive that no program can have trained: one file of a name that none asks for."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("smlocal-empty-model"))
    return stream.getvalue()

"""One AWS account in one region, as its SageMaker operations have it: a method for each operation.

Requests and answers are dicts in AWS's shape, times are datetimes, and members that are absent are absent. Requests
have been checked against the service model by whoever calls; here is checked what depends on what exists.

Every method may raise InvalidRequest (ValidationException), ResourceInUse, ResourceLimitExceeded and NotSupported, with
AWS's texts, and CannotRun when smlocal's own work fails. What there is not is a ValidationException, too: so it is on
AWS, against its documentation, and so its clients' waiters have it (aws/amazon-sagemaker-operator-for-k8s).
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from smlocal.account.endpoint_configs import EndpointConfigs
from smlocal.account.endpoints import Endpoints
from smlocal.account.fleet import FleetMaker
from smlocal.account.images import Images
from smlocal.account.ledger import Ledger
from smlocal.account.models import Models
from smlocal.account.office import Office
from smlocal.account.serving import Serving
from smlocal.account.sinks import LogSink, MetricSink, NoLogs, NoMetrics
from smlocal.account.tags import Tags
from smlocal.account.training_jobs import TrainingJobs
from smlocal.account.transform_jobs import TransformJobs
from smlocal.account.workers import Room, Workers
from smlocal.engine.interface import Engine
from smlocal.hosting import Invocation, ModelHost
from smlocal.images.references import ResolvedImage
from smlocal.settings import Settings
from smlocal.training import TrainingRunner
from smlocal.transform.runner import TransformRunner

Request = Mapping[str, Any]
Answer = dict[str, Any]


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def _random_digits() -> str:
    return uuid.uuid4().hex


class Account:
    """The named things of an account and what runs behind them. Thread safe; constructed by wiring.

    `resume` takes up what stood when it was last open, `close` ends all that runs. Jobs and endpoints start at once
    and go on behind the call; see `jobs` and `endpoints` for what becomes of them when smlocal ends.
    """

    def __init__(
        self,
        engine: Engine,
        training: TrainingRunner,
        transform: TransformRunner,
        hosting: ModelHost,
        settings: Settings,
        resolve: Callable[[str], ResolvedImage],
        *,
        logs: LogSink | None = None,
        metrics: MetricSink | None = None,
        now: Callable[[], datetime] = _utc_now,
        ids: Callable[[], str] = _random_digits,
        chance: random.Random | None = None,
    ) -> None:
        """Raises UsageError when another process has this account of this state folder open."""
        folder = settings.state / "accounts" / settings.account / settings.region
        office = Office(settings, Ledger(folder), now, ids, logs or NoLogs(), metrics or NoMetrics())
        images = Images(engine, resolve)
        self._ledger = office.ledger
        self._workers = Workers(Room(engine.facts))
        self._training = TrainingJobs(office, self._workers, images, training)
        self._models = Models(office, images, hosting)
        self._transform = TransformJobs(office, self._workers, images, transform, self._models)
        self._configs = EndpointConfigs(office, self._models, training.launcher.grant)
        self._serving = Serving(settings, chance or random.Random(), lambda name: self._endpoints.shelf.get(name))
        maker = FleetMaker(office, images, hosting)
        self._endpoints = Endpoints(office, self._workers, images, self._configs, maker, self._serving)
        kinds = (self._training, self._models, self._transform, self._configs, self._endpoints)
        self._tags = Tags(office, [kind.shelf for kind in kinds])
        self._closing = threading.Lock()
        self._closed = False

    def resume(self) -> None:
        """Take up what was under way when the account was last open; called once, before anything else."""
        self._training.resume()
        self._transform.resume()
        self._endpoints.resume()

    def close(self) -> None:
        """Stop all that runs, at once, and remove its containers. May be called again."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._workers.close()
            self._endpoints.close()
            self._ledger.close()

    # training jobs

    def create_training_job(self, request: Request) -> Answer:
        return self._training.create(request)

    def describe_training_job(self, request: Request) -> Answer:
        return self._training.describe(request)

    def list_training_jobs(self, request: Request) -> Answer:
        return self._training.listed(request)

    def stop_training_job(self, request: Request) -> Answer:
        return self._training.stop(request)

    def delete_training_job(self, request: Request) -> Answer:
        return self._training.delete(request)

    # models

    def create_model(self, request: Request) -> Answer:
        return self._models.create(request)

    def describe_model(self, request: Request) -> Answer:
        return self._models.describe(request)

    def list_models(self, request: Request) -> Answer:
        return self._models.listed(request)

    def delete_model(self, request: Request) -> Answer:
        return self._models.delete(request)

    # endpoint configurations

    def create_endpoint_config(self, request: Request) -> Answer:
        return self._configs.create(request)

    def describe_endpoint_config(self, request: Request) -> Answer:
        return self._configs.describe(request)

    def list_endpoint_configs(self, request: Request) -> Answer:
        return self._configs.listed(request)

    def delete_endpoint_config(self, request: Request) -> Answer:
        return self._configs.delete(request)

    # endpoints

    def create_endpoint(self, request: Request) -> Answer:
        return self._endpoints.create(request)

    def describe_endpoint(self, request: Request) -> Answer:
        return self._endpoints.describe(request)

    def list_endpoints(self, request: Request) -> Answer:
        return self._endpoints.listed(request)

    def update_endpoint(self, request: Request) -> Answer:
        return self._endpoints.update(request)

    def update_endpoint_weights_and_capacities(self, request: Request) -> Answer:
        return self._endpoints.update_weights_and_capacities(request)

    def delete_endpoint(self, request: Request) -> Answer:
        return self._endpoints.delete(request)

    async def invoke_endpoint(self, name: str, headers: Mapping[str, str], body: bytes) -> Invocation:
        """InvokeEndpoint, on the HTTP client's event loop; an error is a value here. `headers` are the caller's, by
        their names on the wire; a good answer has `x-Amzn-Invoked-Production-Variant` among its headers."""
        return await self._serving.invoke(name, headers, body)

    # transform jobs

    def create_transform_job(self, request: Request) -> Answer:
        return self._transform.create(request)

    def describe_transform_job(self, request: Request) -> Answer:
        return self._transform.describe(request)

    def list_transform_jobs(self, request: Request) -> Answer:
        return self._transform.listed(request)

    def stop_transform_job(self, request: Request) -> Answer:
        return self._transform.stop(request)

    # tags

    def add_tags(self, request: Request) -> Answer:
        return self._tags.add(request)

    def list_tags(self, request: Request) -> Answer:
        return self._tags.listed(request)

    def delete_tags(self, request: Request) -> Answer:
        return self._tags.delete(request)

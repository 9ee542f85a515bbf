"""The containers of one endpoint: started together, used by weight and by turns, retired when their answers are out."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from smlocal.account.images import Images
from smlocal.account.office import Office
from smlocal.account.sinks import ENDPOINT_GROUP
from smlocal.container import LogLine
from smlocal.errors import EndpointFailed, ImageNotFound, InvalidRequest, SmlocalError
from smlocal.hosting import HealthChecks, ModelHost, ModelServer, State
from smlocal.metrics import escape

_AT_ONCE = 4  # containers that start or stop
# What DescribeEndpoint says of a fault of the platform's own (aws-samples/amazon-sagemaker-custom-container issue 3)
_OUR_FAULT = "Request to service failed. If failure persists after retry, contact customer support."

Spec = Mapping[str, Any]  # a variant as `EndpointConfigs.variants` gives it


class Instance:
    """One container of a variant."""

    _turns = itertools.count(1)

    def __init__(self, spec: Spec, server: ModelServer) -> None:
        self.spec = spec
        self.server = server
        self._changed = threading.Condition()
        self._under_way = 0
        self._last = 0

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The lowest is next: a healthy one, with little under way, whose last turn is long ago."""
        return (not self.server.healthy, self._under_way, self._last)

    def enter(self) -> None:
        with self._changed:
            self._under_way += 1
            self._last = next(self._turns)

    def leave(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def retire(self, patience: float, hurry: threading.Event) -> None:
        """Wait for the answers under way, `patience` seconds at most, and stop. No request comes any more."""
        deadline = time.monotonic() + patience
        with self._changed:
            while self._under_way and not hurry.is_set() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, 0.1))
        self.server.stop(hurry)


@dataclass(frozen=True)
class Variant:
    """A production variant with its containers."""

    spec: Spec
    instances: tuple[Instance, ...]

    @property
    def name(self) -> str:
        return str(self.spec["VariantName"])

    def next(self) -> Instance:
        return min(self.instances, key=lambda instance: instance.rank)


@dataclass(frozen=True)
class Fleet:
    """All variants of an endpoint that serve."""

    variants: tuple[Variant, ...]

    def choose(self, target: str | None, chance: random.Random) -> Variant | None:
        """The variant asked for, or one by weight; None when there is none of that name.

        Source: API, ProductionVariant: a share is the weight by the sum of all weights."""
        if target is not None:
            return next((item for item in self.variants if item.name == target), None)
        weights = [item.spec["Weight"] for item in self.variants]
        return chance.choices(self.variants, weights if any(weights) else None)[0]

    def instances(self) -> Iterator[Instance]:
        for variant in self.variants:
            yield from variant.instances

    def with_other(self, old: Instance, new: Instance) -> Fleet:
        """The same with one container in another's place."""
        return Fleet(
            tuple(
                replace(item, instances=tuple(new if one is old else one for one in item.instances))
                for item in self.variants
            )
        )


class FleetMaker:
    """Starts and retires the containers of endpoints."""

    def __init__(self, office: Office, images: Images, host: ModelHost) -> None:
        self._office = office
        self._images = images
        self._host = host

    def start(
        self,
        endpoint: str,
        wanted: Sequence[tuple[Spec, int]],
        stop: threading.Event,
        on_failure: Callable[[str], None],
        on_lost: Callable[[Instance], None] = lambda instance: None,
    ) -> list[list[Instance]] | None:
        """So many containers of each variant, all healthy; None when `stop` was set before.

        When one does not come up, `on_failure` is told why, and then all are stopped; StartFailed is raised. Of one
        that ends or is unhealthy later on, `on_lost` is told, on a thread that is not to be held up.
        """
        made: list[Instance] = []
        groups: list[list[Instance]] = []
        try:
            for spec, count in wanted:
                self._pull(spec["Model"]["Reference"])
                groups.append([self._instance(endpoint, spec, on_lost) for _ in range(count)])
                made.extend(groups[-1])
            if self._start_all(made, stop):
                return groups
        except Exception as error:
            reason = self._reason(endpoint, error)
            on_failure(reason)
            self.retire(made, already_set(), 0)
            if not isinstance(error, SmlocalError):
                raise
            raise StartFailed(reason) from error
        self.retire(made, already_set(), 0)
        return None

    def _pull(self, reference: str) -> None:
        try:
            self._images.ensure(reference)
        except ImageNotFound:
            return  # its start says so, in the words of an endpoint

    def _instance(self, endpoint: str, spec: Spec, on_lost: Callable[[Instance], None]) -> Instance:
        stream, model = f"{spec['VariantName']}/{self._office.instance_id()}", spec["Model"]

        def on_line(line: LogLine) -> None:
            text = escape(line.text.decode("utf-8", "replace"))
            self._office.log(f"{ENDPOINT_GROUP}{endpoint}", stream, text)

        def on_state(state: State) -> None:
            if state in ("exited", "unhealthy"):
                on_lost(instance)

        server = self._host.server(
            model["Request"],
            model["Reference"],
            name=endpoint,
            variant=spec["VariantName"],
            checks=HealthChecks.of_endpoints(self._office.settings.limits, spec["StartWindow"]),
            instance_type=spec["InstanceType"],
            on_line=on_line,
            on_state=on_state,
        )
        instance = Instance(spec, server)
        return instance

    def _start_all(self, made: Sequence[Instance], stop: threading.Event) -> bool:
        """False when `stop` was set. The first failure stops those that are still starting, and is raised."""
        failed = _Either(stop)

        def start(instance: Instance) -> bool:
            try:
                return instance.server.start(failed)
            except SmlocalError:
                failed.set()
                raise

        with ThreadPoolExecutor(_AT_ONCE, "endpoint start") as pool:
            starts = [pool.submit(start, instance) for instance in made]
        errors = [error for future in starts if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
        return all(future.result() for future in starts)

    def _reason(self, endpoint: str, error: Exception) -> str:
        """AWS's text; why it is so, which AWS leaves to the reader, is a line in the endpoint's log."""
        if isinstance(error, EndpointFailed):
            self._office.log(f"{ENDPOINT_GROUP}{endpoint}", "smlocal", f"{error.cause} {error.fix}")
            return error.failure_reason
        return str(error) if isinstance(error, InvalidRequest) else f"{_OUR_FAULT} ({error})"

    def retire(self, instances: Sequence[Instance], hurry: threading.Event, patience: float | None = None) -> None:
        """Stop containers, each when its answers are out; what the engine cannot stop now is reaped later."""
        limit = self._office.settings.limits.invocation_timeout if patience is None else patience

        def end(instance: Instance) -> None:
            try:
                instance.retire(limit, hurry)
            except SmlocalError as error:
                self._office.log(f"{ENDPOINT_GROUP}{instance.server.model.name}", "smlocal", str(error))

        with ThreadPoolExecutor(_AT_ONCE, "endpoint stop") as pool:
            list(pool.map(end, instances))


class StartFailed(Exception):
    """Some container did not come up; `str()` is the endpoint's FailureReason."""


class _Either(threading.Event):
    """Set when it is, or when another is."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()


def already_set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event

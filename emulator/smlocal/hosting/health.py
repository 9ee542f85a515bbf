"""When a model container counts as healthy.

Only the status counts: 200 is healthy, anything else and no answer in time is not; the body is ignored. Sources: AWS
developer guide, your-algorithms-inference-code ("How your container should respond to health check (ping) requests")
and your-algorithms-batch-code; the intervals were observed in logs of endpoints and transform jobs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smlocal.errors import ConnectionFailed, TimedOut
from smlocal.evidence import Ping
from smlocal.http_client import HttpClient
from smlocal.settings import Limits

# SageMaker looks at its interval from the start on. To tell the first healthy moment within a twentieth of the time
# that it took, we look more often as long as little time has passed, and never less often than SageMaker.
_SHORTEST_PAUSE = 0.02
_SHARE_OF_ELAPSED = 0.05


@dataclass(frozen=True)
class HealthChecks:
    """The times of health checks, in seconds."""

    interval: float
    timeout: float
    start_window: float
    unhealthy_after_misses: int
    goes_on: bool = True  # after the first healthy ping
    last_word_after: float = math.inf  # seconds from the start; a refusing answer then is taken for its last word

    @staticmethod
    def of_endpoints(limits: Limits, start_window: float | None = None) -> HealthChecks:
        """`start_window`: ContainerStartupHealthCheckTimeoutInSeconds, where the production variant has it."""
        window = limits.start_window if start_window is None else start_window
        return HealthChecks(limits.ping_interval, limits.ping_timeout, window, limits.unhealthy_after_misses)

    @staticmethod
    def of_transforms(limits: Limits) -> HealthChecks:
        """Pings end with the first healthy one: later ones have not been seen in containers' logs, which show one
        each second until then (aws/amazon-sagemaker-examples issue 815)."""
        return HealthChecks(
            limits.transform_ping_interval,
            limits.ping_timeout,
            limits.transform_start_window,
            limits.unhealthy_after_misses,
            goes_on=False,
        )

    def pause(self, elapsed: float) -> float:
        """How long to wait before the next look, so long after the container's start."""
        return min(self.interval, max(_SHORTEST_PAUSE, elapsed * _SHARE_OF_ELAPSED))


class Pinger:
    """Sends `GET /ping` to one container. Times count from its making."""

    def __init__(
        self,
        http: HttpClient,
        base_url: Callable[[], str],
        headers: Mapping[str, str],
        timeout: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._headers = headers
        self._timeout = timeout
        self._monotonic = monotonic
        self._origin = monotonic()

    def elapsed(self) -> float:
        return self._monotonic() - self._origin

    def ping(self) -> Ping:
        """One ping; that nobody answers is a value, too."""
        url = f"{self._base_url()}/ping"  # reaching it may take a relay, which is no fault of the server's
        began = self.elapsed()
        status, fault = None, ""
        try:
            status = self._http.request(
                "GET",
                url,
                headers=self._headers,
                timeout=self._timeout,
                sink=_ignore,
            ).status
        except TimedOut:
            fault = "timed out"
        except ConnectionFailed as error:
            fault = str(error)
        return Ping(began, self.elapsed() - began, status, fault)


def _ignore(piece: bytes) -> None:
    """The body of a ping says nothing, however long it is."""


def is_healthy(ping: Ping) -> bool:
    return ping.status == 200

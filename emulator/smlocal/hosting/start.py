"""From the start of a model container's program to its first healthy ping, or to the reason why there was none."""

from __future__ import annotations

from collections.abc import Callable

from smlocal.container import Exit, LaunchedContainer, LogLine
from smlocal.errors import ContainerNotStarted, EndpointFailed, EngineError
from smlocal.evidence import Ping
from smlocal.hosting.failures import Failures
from smlocal.hosting.health import HealthChecks, Pinger, is_healthy
from smlocal.hosting.listening import listening_addresses, on_loopback_only

LAST_LINES = 20
LOOK_EVERY = 10.0  # seconds between looks at where a server listens that is not heard of
_TURN = 0.1  # seconds between looks at a wish to stop


class Start:
    """One start, and what was seen of it."""

    def __init__(self, checks: HealthChecks, failures: Failures) -> None:
        self._checks = checks
        self._failures = failures
        self.error = ""  # the engine's words when the program could not be started
        self.pings: list[Ping] = []
        self.healthy_after: float | None = None  # seconds
        self.listening: tuple[str, ...] | None = None
        self.ended: Exit | None = None

    def run(
        self,
        container: LaunchedContainer,
        pinger: Pinger,
        on_line: Callable[[LogLine], None],
        stopped: Callable[[], bool],
    ) -> bool:
        """Start the program and wait until it is healthy; False when `stopped` says so before.

        Raises EndpointFailed as soon as it is known that it does not come up.
        """
        try:
            container.start(on_line)
        except ContainerNotStarted as error:
            self.error = str(error)
            raise self._failures.not_started(self.error) from error
        look_at = LOOK_EVERY
        while not stopped():
            if self._healthy(container, pinger):
                self.healthy_after = pinger.elapsed()
                return True
            elapsed = pinger.elapsed()
            if elapsed >= self._checks.start_window:
                raise self._never_healthy(container, self._checks.start_window)
            if elapsed >= self._checks.last_word_after and self.pings[-1].status is not None:
                raise self._never_healthy(container, round(elapsed, 1))
            if elapsed >= look_at and self.pings[-1].status is None:
                look_at = elapsed + LOOK_EVERY
                if on_loopback_only(listening_addresses(container) or (), self._failures.port):
                    raise self._never_healthy(container, round(elapsed))
            self._pause(container, pinger, elapsed, stopped)
        return False

    def _pause(self, container: LaunchedContainer, pinger: Pinger, elapsed: float, stopped: Callable[[], bool]) -> None:
        end = min(elapsed + self._checks.pause(elapsed), self._checks.start_window)
        while (left := end - pinger.elapsed()) > 0 and not stopped():
            ended = container.wait(min(left, _TURN))
            if ended is not None:
                raise self._exited(container, pinger, ended)

    def _healthy(self, container: LaunchedContainer, pinger: Pinger) -> bool:
        try:
            ping = pinger.ping()
        except EngineError:
            # a container that has ended already has no address any more
            ended = container.wait(self._checks.timeout)
            if ended is None:
                raise
            raise self._exited(container, pinger, ended) from None
        self.pings.append(ping)
        return is_healthy(ping)

    def _exited(self, container: LaunchedContainer, pinger: Pinger, ended: Exit) -> EndpointFailed:
        self.ended = ended
        return self._failures.exited(ended, pinger.elapsed(), container.last_lines(LAST_LINES))

    def _never_healthy(self, container: LaunchedContainer, waited: float) -> EndpointFailed:
        if self.pings[-1].status is None:
            self.listening = listening_addresses(container)
        lines = container.last_lines(LAST_LINES)
        return self._failures.never_healthy(self.pings, waited, self.listening, lines)

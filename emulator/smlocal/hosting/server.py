"""One model container held up, from its start to its end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

from smlocal.container import Exit, LaunchedContainer, LogLine
from smlocal.errors import (
    BrokenArchive,
    ConnectionFailed,
    EngineError,
    HostileArchive,
    ImageNotFound,
    InvalidRequest,
    SmlocalError,
)
from smlocal.evidence import HostingEvidence
from smlocal.hosting.failures import VARIANT, Failures
from smlocal.hosting.health import HealthChecks, Pinger
from smlocal.hosting.invocation import Endpoint, Failure, Invocation, refused, too_long
from smlocal.hosting.model import Model, launch_of
from smlocal.hosting.platforms import REAL_TIME, Platform
from smlocal.hosting.start import LAST_LINES, Start
from smlocal.hosting.watch import State, Watch, WatchCounts
from smlocal.http_client import HttpClient
from smlocal.instances import Granted
from smlocal.launch import Launcher
from smlocal.settings import Settings


class ModelServer:
    """A model container that answers invocations between `start` and `stop`. Thread safe.

    As a context manager it is started on entering and stopped on leaving. `on_line` gets every line of the container's
    output and `on_state` every change of state, each on a thread of ours. What the user should be told of the run is
    in `notes`, from the beginning.
    """

    def __init__(
        self,
        launcher: Launcher,
        http: HttpClient,
        settings: Settings,
        model: Model,
        *,
        platform: Platform = REAL_TIME,
        checks: HealthChecks | None = None,
        instance: Granted | None = None,
        container_endpoint: str | None = None,
        keep: bool = False,
        variant: str = VARIANT,
        on_line: Callable[[LogLine], None] = lambda line: None,
        on_state: Callable[[State], None] = lambda state: None,
    ) -> None:
        self.model = model
        self.endpoint = Endpoint(model.name, variant, settings.region, settings.account)
        self._launcher = launcher
        self._http = http
        self._settings = settings
        self._limits = settings.limits
        self._platform = platform
        self._checks = checks or HealthChecks.of_endpoints(settings.limits)
        self._launch = launch_of(
            model,
            settings,
            kind=platform.kind,
            instance=instance,
            endpoint=container_endpoint,
            keep=keep,
        )
        self._on_line = on_line
        self._on_state = on_state
        self._state: State = "starting"
        self._container: LaunchedContainer | None = None
        self._watch: Watch | None = None
        self._stop_wanted = threading.Event()
        self._stopping = threading.RLock()
        self._counting = threading.Lock()
        self._failures = Failures(platform.texts, variant, model.data_url, model.port)
        self._started = Start(self._checks, self._failures)
        self._invocations = 0
        self._model_errors = 0
        self._exit: Exit | None = None
        self._pinger: Pinger | None = None
        self._stop_seconds: float | None = None
        self._stopped_after: float | None = None
        self._last_lines: tuple[str, ...] = ()

    # start

    def start(self, stop: threading.Event | None = None) -> bool:
        """Launch the container and wait for its first healthy ping; False when `stop` is set, or the server stopped,
        before that.

        Raises EndpointFailed when it does not come up; nothing of it is left then, nor when this is interrupted.
        """
        container = self._launched()

        def stopped() -> bool:
            return self._stop_wanted.is_set() or (stop is not None and stop.is_set())

        try:
            with self._stopping:
                self._container = container
            pinger = Pinger(self._http, lambda: container.base_url, self._platform.headers, self._checks.timeout)
            self._pinger = pinger
            if self._started.run(container, pinger, self._on_line, stopped):
                return self._watch_on(container, pinger)
            self.stop()
        except SmlocalError:
            self._discard()
            if not stopped():
                raise
        except BaseException:
            self._discard()
            raise
        return False

    def _launched(self) -> LaunchedContainer:
        try:
            return self._launcher.launch(self._launch)
        except ImageNotFound as error:
            raise self._failures.no_image(str(error)) from error
        except (HostileArchive, BrokenArchive) as error:
            raise self._failures.bad_archive(error) from error

    def _watch_on(self, container: LaunchedContainer, pinger: Pinger) -> bool:
        with self._stopping:
            if self._container is None:
                return False
            self._watch = Watch(container, pinger, self._checks, self._enter)
            self._enter("healthy")
            if self._stop_wanted.is_set():  # whoever heard of it stopped it at once
                return False
            self._watch.start()
            return True

    def _discard(self) -> None:
        """Remove it at once. What cannot be removed now bears our label: a later command reaps it."""
        with self._stopping:
            container, self._container = self._container, None
            if container is None:
                return
            self._last_lines = tuple(container.last_lines(LAST_LINES))
            with contextlib.suppress(EngineError):
                container.remove()
            self._enter("stopped")

    # while it runs

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of this run before it begins: members of the model's request that have no effect,
        where this machine gives less than the instance type has, and which limits are not SageMaker's own."""
        scaled = self._settings.scaled
        told = (f"limits that are not SageMaker's own: {', '.join(scaled)}",) if scaled else ()
        return (*self._effects, *told)

    @property
    def _effects(self) -> tuple[str, ...]:
        instance = self._launch.instance
        return (*self.model.notes, *(instance.notes if instance else ()))

    @property
    def state(self) -> State:
        return self._state

    @property
    def healthy(self) -> bool:
        return self._state == "healthy"

    @property
    def base_url(self) -> str:
        """Where the container's port is reached from this process. Raises EngineError when it is not running."""
        return self._running().base_url

    def memory_bytes(self) -> int | None:
        """The memory that its processes hold; None when nothing is known. Raises EngineError when it is not running."""
        return self._running().memory_bytes()

    def wait(self, timeout: float | None = None) -> Exit | None:
        """Wait until the container has ended; None when `timeout` seconds passed first."""
        container = self._container
        return self._exit if container is None else container.wait(timeout)

    async def ping(self) -> int | None:
        """The status with which the container answers `GET /ping` now; None when it does not in time."""
        try:
            url, headers = f"{self.base_url}/ping", self._platform.headers
            answer = await self._http.send(
                "GET", url, headers=headers, timeout=self._checks.timeout, sink=lambda piece: None
            )
        except (ConnectionFailed, EngineError):
            return None
        return answer.status

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> Invocation:
        """InvokeEndpoint from a plain thread; see `send`."""
        return self._http.run(self.send(body, headers))

    async def send(self, body: bytes, headers: Mapping[str, str]) -> Invocation:
        """InvokeEndpoint, in a coroutine on the HTTP client's loop.

        `headers` are the caller's, by the names that the API has on the wire; those that the container does not get
        are left out. What AWS answers with an error is a value here, too. No request reaches a container before its
        first healthy ping; one that is unhealthy later on is called all the same.
        """
        limit = self._limits.invocation_body_bytes
        if len(body) > limit:
            return too_long(limit)
        try:
            forwarded = self.endpoint.forwarded(headers)
        except InvalidRequest as error:
            return refused(400, Failure("ValidationError", str(error)))
        if self._state == "starting":
            return refused(400, self.endpoint.not_in_service())
        container = self._container
        if container is None or self._state in ("exited", "stopped"):
            return self._unavailable(f"it is {self._state}")
        try:
            url = f"{container.base_url}/invocations"
        except EngineError as error:
            return self._unavailable(str(error))
        return await self._counted(url, body, {**self._platform.headers, **forwarded})

    def _unavailable(self, reason: str) -> Invocation:
        text = f"The model container of endpoint {self.model.name} is not running: {reason}."
        return refused(503, Failure("ServiceUnavailable", text))

    async def _counted(self, url: str, body: bytes, headers: Mapping[str, str]) -> Invocation:
        invocation = await self._exchange(url, body, headers)
        with self._counting:
            self._invocations += 1
            self._model_errors += not invocation.ok
        return invocation

    async def _exchange(self, url: str, body: bytes, headers: Mapping[str, str]) -> Invocation:
        limit = self._limits.invocation_body_bytes
        began = time.monotonic()
        try:
            answer = await self._http.send(
                "POST",
                url,
                headers=headers,
                body=body,
                timeout=self._limits.invocation_timeout,
                max_response=limit,
            )
        except ConnectionFailed as error:
            return self.endpoint.unanswered(error, limit, time.monotonic() - began)
        return self.endpoint.answered(answer, time.monotonic() - began)

    def _running(self) -> LaunchedContainer:
        if self._container is None:
            raise EngineError(f"the model container of {self.model.name} is not running")
        return self._container

    def _enter(self, state: State) -> None:
        if state != self._state and self._state != "stopped":
            self._state = state
            self._on_state(state)

    # end

    def stop(
        self,
        hurry: threading.Event | None = None,
        afterwards: Callable[[LaunchedContainer], None] = lambda container: None,
    ) -> Exit | None:
        """SIGTERM, SIGKILL when 30 s have passed or `hurry` is set, and all of it removed; gives how it ended.

        May be called from any thread, at any time and again; a start under way ends. `afterwards` is called with the
        container that has ended, before it is removed.

        Source: developer guide, your-algorithms-inference-code. Interrupted, it is removed at once.
        """
        self._stop_wanted.set()
        with self._stopping:
            self._end(hurry, afterwards)
        if self._watch is not None:
            self._watch.join()
        return self._exit

    def _end(self, hurry: threading.Event | None, afterwards: Callable[[LaunchedContainer], None]) -> None:
        container = self._container
        if container is None:
            return
        if self._watch is not None:
            self._watch.expect_end()
        try:
            self._exit = self._terminate(container, hurry)
            self._last_lines = tuple(container.last_lines(LAST_LINES))
            afterwards(container)
        finally:
            self._last_lines = self._last_lines or tuple(container.last_lines(LAST_LINES))
            self._container = None
            container.remove()
            self._enter("stopped")

    def _terminate(self, container: LaunchedContainer, hurry: threading.Event | None) -> Exit:
        already = container.exited()
        if already is not None:
            return already
        began = time.monotonic()
        self._stopped_after = self._pinger.elapsed() if self._pinger is not None else 0.0
        ended = container.terminate(self._limits.serving_stop_grace, hurry)
        self._stop_seconds = time.monotonic() - began
        return ended

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def evidence(self) -> HostingEvidence:
        """What is known of this run; whole after `stop`, or after `start` has raised."""
        watch, container, ended = self._watch, self._container, self._exit or self._started.ended
        counts = watch.counts if watch is not None else WatchCounts()
        if ended is None and watch is not None:
            ended = watch.ended
        lines = self._last_lines if container is None else tuple(container.last_lines(LAST_LINES))
        return HostingEvidence(
            image=self.model.image,
            model_given=self.model.contents is not None,
            start_error=self._started.error,
            seconds_to_healthy=self._started.healthy_after,
            start_pings=tuple(self._started.pings),
            listening=self._started.listening,
            watched_pings=counts.pings,
            missed_pings=counts.missed,
            longest_miss=counts.longest_miss,
            invocations=self._invocations,
            model_errors=self._model_errors,
            exit_code=ended.code if ended else None,
            out_of_memory=bool(ended and ended.out_of_memory),
            exited_by_itself=ended is not None and self._stop_seconds is None,
            stop_seconds=self._stop_seconds,
            killed_after_grace=bool(ended and ended.forced),
            last_lines=lines,
            scaled_limits=self._settings.scaled,
            notes=self._effects,
            stopped_after=self._stopped_after,
        )

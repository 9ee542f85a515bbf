"""One batch transform job, from its model container's start to its last status.

Sources: AWS developer guide, batch-transform and your-algorithms-batch-code; API reference, CreateTransformJob and
DescribeTransformJob; texts of failures as users made them public.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from smlocal.container import Exit
from smlocal.errors import EndpointFailed
from smlocal.evidence import HostingEvidence, TransformEvidence
from smlocal.http_client import HttpClient
from smlocal.optml import job_arn
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.transform.data_log import NO_ANSWER, SEE_LOGS_ALGORITHM, DataLog
from smlocal.transform.invoke import Counts, Invoker, platform_headers
from smlocal.transform.parameters import Reply, ask, fitted, settle
from smlocal.transform.pipeline import Pipeline, memory_share
from smlocal.transform.plan import Parameters, Plan

_REASON_LENGTH = 1024  # API: FailureReason


class Server(Protocol):
    """What a job needs of a model container; `smlocal.hosting.ModelServer` is one."""

    def start(self, stop: threading.Event | None = None) -> bool:
        """Up and healthy afterwards; False when it was stopped, or `stop` set, before. Raises EndpointFailed."""
        ...

    @property
    def base_url(self) -> str: ...

    def wait(self, timeout: float | None = None) -> Exit | None: ...

    def stop(self, hurry: threading.Event | None = None) -> Exit | None:
        """May be called at any time, also while it starts, and again."""
        ...

    def evidence(self) -> HostingEvidence: ...


@dataclass(frozen=True)
class Observer:
    """Whom a job tells what happens, while it happens."""

    on_status: Callable[[str], None] = lambda status: None
    on_data_log: Callable[[str], None] = lambda line: None
    on_line: Callable[[str], None] = lambda line: None  # of the container
    on_note: Callable[[str], None] = lambda note: None
    on_objects: Callable[[int, int], None] = lambda done, total: None


@dataclass(frozen=True)
class TransformResult:
    """DescribeTransformJob's answer, what the run left behind, and why it failed in words of ours ("": it did not)."""

    description: dict[str, Any]
    evidence: TransformEvidence
    explanation: str

    @property
    def status(self) -> str:
        return str(self.description["TransformJobStatus"])


class TransformJob:
    """One job on its way; `run` once. `notes` are what the user should know of it before it begins."""

    def __init__(
        self,
        request: Mapping[str, Any],
        plan: Plan,
        objects: Sequence[StoredObject],
        *,
        server: Server,
        store: ObjectStore,
        http: HttpClient,
        settings: Settings,
        observer: Observer,
        now: Callable[[], datetime],
        notes: Sequence[str] = (),
    ) -> None:
        self._request = request
        self._plan = plan
        self._objects = objects
        self._server = server
        self._store = store
        self._http = http
        self._settings = settings
        self._observer = observer
        self._now = now
        self._log = DataLog(now, observer.on_data_log)
        self._created = now()
        self._status = "InProgress"
        self._reason = ""
        self._explanation = ""
        self._first_notes = tuple(notes)
        self._notes: list[str] = []
        self._reply: Reply | None = None
        self._parameters: Parameters | None = None
        self._counts = Counts()
        self._pipeline: Pipeline | None = None
        self._exit: Exit | None = None

    def run(self, stop: threading.Event, hurry: threading.Event | None = None) -> TransformResult:
        """Bring the job to an end; `stop` stops it, and with `hurry` the container gets no more time to end by itself.

        Raises what is no fault of the image, nothing being left behind.
        """
        self._observer.on_status(self._status)
        for note in self._first_notes:
            self._note(note)
        try:
            if self._start(stop):
                self._transform(stop)
        except EndpointFailed as error:
            self._fail(error.failure_reason, str(error))
        finally:
            self._server.stop(hurry)
        return self._finish()

    def _start(self, stop: threading.Event) -> bool:
        """True when the container is healthy, False when the job was stopped before."""
        if self._server.start(stop):
            return True
        self._enter("Stopping")
        return False

    def _transform(self, stop: threading.Event) -> None:
        base_url = self._server.base_url
        self._reply = ask(self._http, base_url, platform_headers(), self._settings.limits.invocation_timeout)
        for problem in self._reply.problems:
            self._note(problem)
        self._parameters, fewer = fitted(settle(self._plan, self._reply), self._plan)
        if fewer:
            self._note(fewer)
        parameters = self._parameters
        self._log.parameters(parameters)
        share = memory_share(parameters)
        invoker = Invoker(self._http, base_url, self._plan, in_memory=share, alive=self._alive)
        self._counts = invoker.counts
        pipeline = Pipeline(
            self._objects,
            self._plan,
            parameters,
            store=self._store,
            invoker=invoker,
            log=self._log,
            alive=self._alive,
            on_done=lambda done: self._observer.on_objects(done, len(self._objects)),
        )
        self._pipeline = pipeline
        try:
            whole = self._http.run(pipeline.run(lambda: stop.is_set() or not self._alive()))
            self._conclude(pipeline, whole, stop)
        finally:
            pipeline.drop()

    def _conclude(self, pipeline: Pipeline, whole: bool, stop: threading.Event) -> None:
        for warning in pipeline.warnings:
            self._note(warning)
        if not whole and stop.is_set():
            self._enter("Stopping")
            # API, TransformOutput and StopTransformJob: of a job that was stopped, no output is stored
            pipeline.outputs.take_back()
            return
        pipeline.outputs.publish()
        if not whole:
            self._exit = self._server.wait(0)
            words = _told(self._exit)
            pipeline.give_up((NO_ANSWER,), SEE_LOGS_ALGORITHM, words)
            self._fail(pipeline.reason or SEE_LOGS_ALGORITHM, words)
        elif pipeline.reason:
            self._fail(pipeline.reason, pipeline.cause)

    def _alive(self) -> bool:
        return self._server.wait(0) is None

    def _enter(self, status: str) -> None:
        self._status = status
        self._observer.on_status(status)

    def _note(self, text: str) -> None:
        self._notes.append(text)
        self._observer.on_note(text)

    def _fail(self, reason: str, explanation: str) -> None:
        self._reason = reason[:_REASON_LENGTH]
        self._explanation = explanation

    def _finish(self) -> TransformResult:
        if self._status == "Stopping":
            self._enter("Stopped")
        else:
            self._enter("Failed" if self._reason else "Completed")
        return TransformResult(self._described(), self._evidence(), self._explanation)

    def _described(self) -> dict[str, Any]:
        settings = self._settings
        description: dict[str, Any] = {
            **{key: value for key, value in self._request.items() if key != "Tags"},
            "TransformJobArn": job_arn("transform-job", self._plan.name, settings.region, settings.account),
            "TransformJobStatus": self._status,
            "CreationTime": self._created,
            "TransformStartTime": self._created,
            "TransformEndTime": self._now(),
        }
        return {**description, "FailureReason": self._reason} if self._reason else description

    def _evidence(self) -> TransformEvidence:
        parameters, counts, hosted = self._parameters, self._counts, self._server.evidence()
        done = self._pipeline.done if self._pipeline else []
        return TransformEvidence(
            execution_parameters_status=self._reply.status if self._reply else None,
            max_concurrent_transforms=parameters.concurrency if parameters else None,
            max_payload_mb=parameters.payload_mb if parameters else None,
            batch_strategy=parameters.strategy.value if parameters else "",
            objects=tuple(sorted(done, key=lambda item: item.key.encode())),
            requests=counts.requests,
            retries=counts.retries,
            bytes_sent=counts.bytes_sent,
            bytes_received=counts.bytes_received,
            warnings=tuple(self._notes),
            hosting=hosted,
        )


def _told(ended: Exit | None) -> str:
    if ended is None:
        return "the container gave no answer and its exit is not known"
    if ended.out_of_memory:
        return "the container was killed for want of memory before the job was done"
    return f"the container exited with code {ended.code} before the job was done"

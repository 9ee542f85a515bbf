"""One training job, from its container's launch to its last status.

Sources: AWS developer guide, your-algorithms-training-algo-running-container, -algo-output and -signal-success-failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

from smlocal import channels, optml, requests
from smlocal.container import Exit, LaunchedContainer, LogLine
from smlocal.errors import ContainerNotStarted, DiskFull, ImageNotFound, NotFoundInEngine, SmlocalError, StorageError
from smlocal.evidence import TrainingEvidence
from smlocal.instances import Granted
from smlocal.journal import Record
from smlocal.launch import Launcher
from smlocal.metrics import MetricScanner, escape
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore
from smlocal.training.checkpoints import CheckpointSync, PeriodicSync
from smlocal.training.launching import Launching, Surroundings
from smlocal.training.outputs import Outputs, read_failure
from smlocal.training.progress import DOWNLOADING, PULLING, STARTING, STOPPING, TRAINING, UPLOADING, Progress
from smlocal.training.result import (
    DOWNLOAD_FULL,
    NO_IMAGE,
    NOT_STARTED,
    OUT_OF_MEMORY,
    UPLOAD_FULL,
    Observer,
    TrainingResult,
    Transfer,
)

_TURN = 0.1  # seconds between looks at a stop request
_DEFAULT_RUNTIME = 86400  # API: StoppingCondition


class _StopAsked(Exception):
    """The job is to stop while its container is being filled."""


class Tools(Protocol):
    """What a job uses; `smlocal.training.TrainingRunner` is one."""

    launcher: Launcher
    store: ObjectStore
    settings: Settings
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    checkpoint_interval: float
    container_endpoint: str | None
    delete_checkpoints: Callable[[str], bool]


class TrainingJob:
    """One training job on its way."""

    def __init__(
        self,
        runner: Tools,
        request: Mapping[str, Any],
        image: str,
        granted: Granted,
        inputs: channels.Inputs,
        outputs: Outputs,
        record: Record,
        observer: Observer,
        keep: bool,
        surroundings: Surroundings,
    ) -> None:
        self._runner = runner
        self._request = request
        self._image = image
        self._granted = granted
        self._inputs = inputs
        self._outputs = outputs
        self._record = record
        self._observer = observer
        self._keep = keep
        self._surroundings = surroundings
        self._notes = (*granted.notes, *requests.notes("CreateTrainingJob", request))
        self._progress = Progress(runner.now, self._on_status)
        self._scanner = MetricScanner(optml.metric_definitions(request))
        self._created = runner.now()
        self._began: datetime | None = None
        self._exit: Exit | None = None
        self._program_ended: datetime | None = None
        self._unrecorded = False  # the record could not be written, and that was told
        self._start_error = ""
        self._stopped = ""
        self._failure_file: bytes | None = None
        self._failure_reason: str | None = None
        self._last_lines: list[str] = []
        self._sync = self._checkpoint_sync()

    def run(self, stop: threading.Event, hurry: threading.Event) -> TrainingResult:
        for note in self._notes:
            self._observer.on_note(note)
        self._progress.enter("Starting", *STARTING)
        try:
            self._launch_and_watch(stop, hurry)
        except ImageNotFound:
            self._failure_reason = NO_IMAGE
        except DiskFull:
            self._failure_reason = DOWNLOAD_FULL if self._began is None else UPLOAD_FULL
        return self._finish()

    def _launch_and_watch(self, stop: threading.Event, hurry: threading.Event) -> None:
        if self._inputs.channels:
            self._progress.enter("Downloading", DOWNLOADING)
        try:
            container = self._runner.launcher.launch(
                self._launching().launch(self._keep, self._surroundings), self._counting("input", stop)
            )
        except _StopAsked:
            self._enter_stopping("Stopped")
            return
        with container:
            if stop.is_set():
                self._enter_stopping("Stopped")
                return
            self._progress.enter("Training", PULLING, TRAINING)
            began, deadline = self._runner.now(), self._runner.monotonic() + self._allowed_seconds()
            try:
                container.start(self._on_line)
            except ContainerNotStarted as error:
                self._start_error = str(error)
                self._failure_reason = (NOT_STARTED + self._start_error)[: optml.FAILURE_REASON_LENGTH]
                return
            self._began = began
            self._attend(container, deadline, stop, hurry)
            if not self._stopped:  # Uploading is a state of InProgress; a stopping job uploads as Stopping (API)
                self._progress.enter("Uploading", UPLOADING)
            self._upload(container)
            self._last_lines = container.last_lines(20)

    def _enter_stopping(self, reason: str) -> None:
        self._stopped = reason
        self._progress.enter("Stopping", STOPPING)

    def _counting(self, transfer: Transfer, stop: threading.Event | None = None) -> Callable[[int], None]:
        """Tells how many bytes have passed; ends the transfer when the job is to stop."""
        passed = 0

        def on_bytes(count: int) -> None:
            nonlocal passed
            passed += count
            self._observer.on_bytes(transfer, passed)
            if stop is not None and stop.is_set():
                raise _StopAsked

        return on_bytes

    def _launching(self) -> Launching:
        runner = self._runner
        return Launching(
            self._request, self._image, self._granted, self._inputs, runner.settings, runner.container_endpoint
        )

    def _allowed_seconds(self) -> int:
        limit: int = (self._request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", _DEFAULT_RUNTIME)
        return limit

    def _attend(
        self, container: LaunchedContainer, deadline: float, stop: threading.Event, hurry: threading.Event
    ) -> None:
        """Wait for the exit, the stop request or the end of the allowed time."""
        with self._checkpointing(container) as syncing:
            while (ended := container.wait(_TURN)) is None:
                if stop.is_set() or self._runner.monotonic() >= deadline:
                    self._enter_stopping("Stopped" if stop.is_set() else "MaxRuntimeExceeded")
                    ended = container.terminate(self._runner.settings.limits.training_stop_grace, hurry)
                    break
            self._exit, self._program_ended = ended, self._runner.now()
        if syncing.failure is not None:
            self._observer.on_note(f"checkpoints could not be kept while the job ran: {syncing.failure}")
        self._record_event("exit", code=ended.code, out_of_memory=ended.out_of_memory)
        self._observer.on_exit(container)

    def _checkpointing(self, container: LaunchedContainer) -> PeriodicSync | _NoSync:
        if self._sync is None:
            return _NoSync()
        path = optml.checkpoint_path(self._request)
        return PeriodicSync(self._sync, lambda: container.read(path), self._runner.checkpoint_interval)

    def _checkpoint_sync(self) -> CheckpointSync | None:
        restored = self._inputs.checkpoints
        if restored is None:
            return None
        deletes = self._runner.delete_checkpoints(restored.bucket)
        return CheckpointSync(self._runner.store, restored, deletes=deletes)

    def _upload(self, container: LaunchedContainer) -> None:
        if self._exit is not None and self._exit.code != 0:
            self._failure_file = read_failure(container)
        self._outputs.upload(container, self._counting("output"))
        for name in self._outputs.left_out:
            self._observer.on_note(f"{name} in {optml.MODEL} is neither a file nor a folder and was not uploaded")
        if self._sync is not None:
            self._keep_checkpoints(self._sync, container)

    def _keep_checkpoints(self, sync: CheckpointSync, container: LaunchedContainer) -> None:
        path = optml.checkpoint_path(self._request)
        try:
            sync.bring(container.read(path))
        except NotFoundInEngine:
            self._observer.on_note(f"{path} is gone: the program removed its checkpoint directory")
        for name in sync.left_out:
            self._observer.on_note(f"{name} in {path} is neither a file nor a folder and was not kept")

    def _finish(self) -> TrainingResult:
        status = self._final_status()
        secondary = self._stopped if status == "Stopped" else status
        self._progress.finish(secondary)
        description = self._described(status, secondary)
        with self._recording():
            self._record.write("description.json", description)
        return TrainingResult(description, self._evidence())

    def _final_status(self) -> str:
        if self._failure_reason is not None:
            return "Failed"
        if self._stopped:
            return "Stopped"
        assert self._exit is not None
        if self._exit.code == 0:
            return "Completed"
        if self._exit.out_of_memory:
            self._failure_reason = OUT_OF_MEMORY
        else:
            text = (self._failure_file or b"").decode("utf-8", "replace")
            self._failure_reason = optml.failure_reason(text, self._exit.code)
        return "Failed"

    def _described(self, status: str, secondary: str) -> dict[str, Any]:
        request, settings, ended = self._request, self._runner.settings, self._runner.now()
        name = request["TrainingJobName"]
        description: dict[str, Any] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "TrainingJobArn": optml.job_arn("training-job", name, settings.region, settings.account),
            "ModelArtifacts": {"S3ModelArtifacts": self._outputs.model_uri},
            "TrainingJobStatus": status,
            "SecondaryStatus": secondary,
            "CreationTime": self._created,
            "LastModifiedTime": ended,
            "SecondaryStatusTransitions": self._progress.described(),
        }
        if self._failure_reason is not None:
            description["FailureReason"] = self._failure_reason
        if metrics := self._scanner.final():
            description["FinalMetricDataList"] = metrics
        if self._began is not None:
            # the upload counts, but for a failed job: its end is the moment of the failure
            over = self._program_ended if status == "Failed" and self._program_ended else ended
            seconds = max(1, round((over - self._began).total_seconds()))
            description |= {"TrainingStartTime": self._began, "TrainingEndTime": over}
            description |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return description

    def _evidence(self) -> TrainingEvidence:
        ended = self._exit
        return TrainingEvidence(
            image=self._image,
            exit_code=ended.code if ended else None,
            start_error=self._start_error,
            out_of_memory=bool(ended and ended.out_of_memory),
            stop_requested=self._stopped,
            killed_after_grace=bool(ended and ended.forced),
            failure_file=self._failure_file,
            model_files=tuple(self._outputs.model_files),
            output_files=tuple(self._outputs.output_files),
            last_lines=tuple(self._last_lines),
            transitions=self._progress.transitions(),
            scaled_limits=self._runner.settings.scaled,
            notes=self._notes,
        )

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """A record that cannot be written is told once, and is no reason to lose a model."""
        try:
            yield
        except (DiskFull, StorageError) as error:
            if not self._unrecorded:
                self._unrecorded = True
                self._observer.on_note(f"the job's record is not complete: {error}")

    def _record_event(self, what: str, **facts: Any) -> None:
        with self._recording():
            self._record.event(what, **facts)

    def _on_status(self, status: str, message: str) -> None:
        self._record_event("status", status=status, message=message)
        self._observer.on_status(status, message)

    def _on_line(self, line: LogLine) -> None:
        text = escape(line.text.decode("utf-8", "replace"))
        with self._recording():
            self._record.log(text.encode())
        for metric in self._scanner.scan(text, self._runner.now()):
            self._record_event("metric", name=metric.name, value=metric.value)
            self._observer.on_metric(metric)
        self._observer.on_line(text)


class _NoSync:
    """Stands where a job has no checkpoints."""

    failure: SmlocalError | None = None

    def __enter__(self) -> _NoSync:
        return self

    def __exit__(self, *_: object) -> None:
        return None

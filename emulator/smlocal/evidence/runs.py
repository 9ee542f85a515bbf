"""What one run of a container left behind: a training job, an endpoint, a batch transform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Transition:
    """A secondary status of a training job, with the messages that it had in turn."""

    status: str
    started: datetime
    ended: datetime | None
    messages: tuple[str, ...]


@dataclass(frozen=True)
class FileSeen:
    """A member of an output archive: its path relative to the archived directory."""

    path: str
    kind: str  # "file", "directory", "symlink", "hardlink", "other"
    size: int
    mode: int
    link: str = ""  # what a link leads to, as it stands in the archive


@dataclass(frozen=True)
class TrainingEvidence:
    """One run of `IMAGE train`."""

    image: str
    exit_code: int | None  # None: the program could not be started
    start_error: str  # the engine's words then
    out_of_memory: bool
    stop_requested: str  # "", "Stopped" or "MaxRuntimeExceeded"
    killed_after_grace: bool
    failure_file: bytes | None  # its beginning, up to 8 KiB
    model_files: tuple[FileSeen, ...]
    output_files: tuple[FileSeen, ...]
    last_lines: tuple[str, ...]
    transitions: tuple[Transition, ...]
    scaled_limits: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Ping:
    """One `GET /ping`. Times are seconds; `began` counts from the container's start."""

    began: float
    seconds: float
    status: int | None  # None: there was no answer
    fault: str = ""  # then: "timed out", or what became of the connection


@dataclass(frozen=True)
class HostingEvidence:
    """One run of `IMAGE serve`, from its start to its end."""

    image: str
    model_given: bool  # False: nothing was mounted at /opt/ml/model
    start_error: str  # the engine's words when the program could not be started
    seconds_to_healthy: float | None  # None: it was never healthy
    start_pings: tuple[Ping, ...]  # up to the first healthy one
    listening: tuple[str, ...] | None  # "127.0.0.1:8080", ... when it was never healthy and could be found out
    watched_pings: int  # after the first healthy one
    missed_pings: int  # of those, the ones that were not answered with 200 in time
    longest_miss: int  # most missed pings in a row
    invocations: int
    model_errors: int  # invocations that ended as ModelError
    exit_code: int | None
    out_of_memory: bool
    exited_by_itself: bool
    stop_seconds: float | None  # from SIGTERM to the exit; None: it was never asked to stop
    killed_after_grace: bool  # it did not obey SIGTERM
    last_lines: tuple[str, ...]
    scaled_limits: tuple[str, ...]
    notes: tuple[str, ...]
    stopped_after: float | None = None  # from the container's start to SIGTERM; None: it was never asked to stop


@dataclass(frozen=True)
class SecondStart:
    """The same container, started once more after its end with the files that it left."""

    seconds_to_healthy: float | None  # None: it was not healthy again
    cause: str  # then: why, in words of ours
    last_lines: tuple[str, ...]


@dataclass(frozen=True)
class ObjectTransformed:
    """What became of one input object of a transform job."""

    key: str
    size: int
    records: int  # as cut by SplitType; 0 when the object was sent as a stream
    payloads: int
    output_key: str | None  # None: there is no output
    output_size: int
    failure: str = ""  # why there is none, in words of ours


@dataclass(frozen=True)
class TransformEvidence:
    """One batch transform, as seen from the client of the container. Sizes are bytes."""

    execution_parameters_status: int | None  # None: not asked, or no answer
    max_concurrent_transforms: int | None  # what was used; None when it was never settled
    max_payload_mb: int | None
    batch_strategy: str  # as containers see it, "" when it was never settled
    objects: tuple[ObjectTransformed, ...]
    requests: int
    retries: int
    bytes_sent: int
    bytes_received: int
    warnings: tuple[str, ...]
    hosting: HostingEvidence  # of the model container

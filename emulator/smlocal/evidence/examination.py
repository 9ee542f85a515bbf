"""What an examination of one image saw: its facts, and the runs that were made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from smlocal.evidence.image import ImageEvidence
from smlocal.evidence.runs import HostingEvidence, SecondStart, TrainingEvidence

_AT_THE_END = 0.25  # seconds, or this part of the program's time: a line that came sooner was not kept back
_LAST_PART = 0.25


@dataclass(frozen=True)
class Asked:
    """What the examination was asked to look at, as far as rules need to know it."""

    architecture: str = "amd64"  # of the instances that the image is for
    instance_type: str = "ml.m5.large"
    isolated: bool = False  # its jobs and endpoints are to run with EnableNetworkIsolation
    training: bool = True  # whether the image is to train
    serving: bool = True  # whether the image is to serve
    channels: tuple[str, ...] = ()  # with good data; (): there is none
    broken_data: bool = False
    hyperparameters: Mapping[str, str] = field(default_factory=dict)  # as plain strings
    encodings_differ: bool = False  # whether some hyperparameter is written differently in JSON
    long_run: bool = False  # what makes training long is configured
    resumes: bool = False  # so is by which line a training tells that it goes on from a checkpoint
    metrics: tuple[str, ...] = ()  # names of the metric definitions
    samples: int = 0  # sample requests
    records: bool = False  # one of them is made of lines, as a batch transform splits its input
    asynchronous: bool = False  # its endpoints are to serve asynchronous inference
    soak: int = 0  # requests that are to show whether its memory grows; 0: none
    too_big: bool = False  # a model that the container cannot hold beside others is configured
    model_given: bool = False  # a model of the user's is served, not the one that was trained here
    serverless: bool = False  # its endpoints are to be serverless
    serverless_image_bytes: int = 10 * 1024**3  # how large an image these may have
    relayed: bool = False  # the engine is elsewhere: each connection to a container costs a process there
    scaled_limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conditions:
    """What was different in a trial from the hardest that the platform allows: no network, plain hyperparameters, a
    channel that nobody asked for, manifests beside the channels, 64 MiB of shared memory, no terminal, nothing of the
    toolkit's variables."""

    network: bool = False
    json_hyperparameters: bool = False
    extra_channel: bool = True
    manifests: bool = True  # `<channel>-manifest` files beside the channels
    toolkit_variables: bool = False
    shared_memory: bool = False  # /dev/shm is large
    broken_data: bool = False
    writable_model: bool = False
    stopped: bool = False  # made long, and asked to stop half-way
    resumed: bool = False  # with the checkpoints that the stopped run had left
    unbuffered: bool = False  # with PYTHONUNBUFFERED=1
    batch: bool = False  # as the container of a batch transform
    empty_model: bool = False  # with a model archive that holds nothing of use
    multi_model: bool = False  # as the container of a multi-model endpoint
    other_port: bool = False  # told to listen on another port than 8080

    @property
    def of_endpoint(self) -> bool:
        """Whether a server has what an endpoint's has: its model, to be read alone, and no other task."""
        return not (self.batch or self.empty_model or self.multi_model or self.writable_model)

    def __str__(self) -> str:
        said = [
            "with network" if self.network else "without network",
            "JSON-encoded hyperparameters" if self.json_hyperparameters else "",
            "" if self.extra_channel else "without the extra channel",
            "" if self.manifests else "without manifests beside the channels",
            "with the toolkit's SM_* variables" if self.toolkit_variables else "",
            "with a large /dev/shm" if self.shared_memory else "",
            "on broken data" if self.broken_data else "",
            "with a writable /opt/ml/model" if self.writable_model else "",
            "stopped half-way" if self.stopped else "",
            "after an interruption" if self.resumed else "",
            "with PYTHONUNBUFFERED=1" if self.unbuffered else "",
            "for a batch transform" if self.batch else "",
            "with an empty model archive" if self.empty_model else "",
            "for a multi-model endpoint" if self.multi_model else "",
            "on another port" if self.other_port else "",
        ]
        return ", ".join(part for part in said if part)


@dataclass(frozen=True)
class TrainingTrial:
    """One `IMAGE train`. `reason` is SageMaker's FailureReason, "" when it did not fail."""

    conditions: Conditions
    status: str  # TrainingJobStatus
    reason: str
    seconds: float
    run: TrainingEvidence
    line_times: tuple[float, ...] = ()  # when its lines came, seconds from the beginning of the job
    program_began: float | None = None  # as are these; None: the program was not started
    program_ended: float | None = None
    written_elsewhere: int | None = None  # bytes outside of /opt/ml and /tmp; None: not known
    metrics: tuple[str, ...] = ()  # names of those that were found in its output
    checkpoints: tuple[str, ...] = ()  # that it had brought to S3 in the end
    told: str = ""  # the line by which it told that it goes on from a checkpoint
    alone: bool = True  # no other run was made beside it, which would have made both slower

    @property
    def good(self) -> bool:
        return self.status == "Completed"

    @property
    def program_seconds(self) -> float | None:
        """From the start of its program to the exit; None when that was not seen."""
        if self.program_began is None or self.program_ended is None:
            return None
        return self.program_ended - self.program_began

    @property
    def first_line(self) -> float | None:
        """Seconds before its exit at which its first line came; None when that was not seen."""
        if self.program_ended is None or not self.line_times:
            return None
        return max(0.0, self.program_ended - self.line_times[0])

    @property
    def speaks_at_its_end(self) -> bool:
        """Whether all its lines came with its exit, as far as the clocks of a busy machine can tell."""
        took, early = self.program_seconds, self.first_line
        return took is not None and early is not None and early <= max(_AT_THE_END, _LAST_PART * took)


@dataclass(frozen=True)
class Exchange:
    """One request to a container and what became of it. Times are seconds since its first healthy ping."""

    probe: str  # what it is for: "sample 1", "unknown content type", ...
    request: str  # "POST /invocations text/csv, 17 bytes"
    began: float
    seconds: float
    status: int | None  # None: no whole answer
    fault: str = ""  # then: why
    timed_out: bool = False  # then: because the answer took longer than it was waited for
    content_type: str = ""  # of the answer
    has_length: bool = True  # whether the answer says how long it is
    size: int = 0  # bytes of the answer's body
    body: bytes = b""  # its beginning, at most 2 KiB
    digest: str = ""  # SHA-256 of all of it
    expected: bytes | None = None  # what the configuration says the body must be
    sample: int | None = None  # which body was sent, where bodies are sent more than once: 0 is the first sample
    accepts: str = ""  # the Accept that was sent
    records_sent: int | None = None  # lines of the request, when they were counted
    records: int | None = None  # lines that the answer adds to a job's output; None: they cannot be told
    model: str = ""  # the name of the one that it is about, of a multi-model endpoint
    models: tuple[str, ...] | None = None  # names of the models that the answer tells of; None: they cannot be told

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299

    @property
    def ended(self) -> float:
        return self.began + self.seconds


@dataclass(frozen=True)
class ExecutionParameters:
    """What a batch transform made of `GET /execution-parameters`, for a job that asks for nothing itself."""

    status: int | None  # None: there was no answer
    problems: tuple[str, ...] = ()  # what could not be used of it
    concurrency: int = 1  # requests at a time
    payload_mb: int = 6  # 0: without limit
    strategy: str = "MULTI_RECORD"


@dataclass(frozen=True)
class ServingTrial:
    """One `IMAGE serve`. When it did not come up, `reason` is SageMaker's FailureReason and `cause` ours."""

    conditions: Conditions
    run: HostingEvidence
    reason: str = ""
    cause: str = ""
    exchanges: tuple[Exchange, ...] = ()
    alive_after: bool = True  # it still answered /ping with 200 after the last exchange
    execution_parameters: ExecutionParameters | None = None  # None: it was not asked
    second_start: SecondStart | None = None  # None: it was not started again
    memory: tuple[tuple[int, int], ...] = ()  # of a soak: (requests sent so far, bytes that its processes hold)
    alone: bool = True  # no other run was made beside it

    @property
    def healthy(self) -> bool:
        return self.run.seconds_to_healthy is not None

    @property
    def answers(self) -> bool:
        """Whether a sample was answered well, at once or when the first one was sent again."""
        return any(item.good for item in self.exchanges if item.probe.startswith("sample"))

    @property
    def seconds(self) -> float | None:
        """From the container's start to its end; None when it ended by itself, for nobody saw when."""
        after, stopping = self.run.stopped_after, self.run.stop_seconds
        return None if after is None or stopping is None else after + stopping

    def of(self, probe: str) -> tuple[Exchange, ...]:
        """The exchanges of one probe, in order."""
        return tuple(exchange for exchange in self.exchanges if exchange.probe == probe)


def hardest_that_answers(trials: Iterable[ServingTrial]) -> ServingTrial | None:
    """The hardest run that came up and answered; of those that came up and did not, the hardest. None: none came up."""
    up = [trial for trial in trials if trial.healthy]
    return next((trial for trial in up if trial.answers), next(iter(up), None))


@dataclass(frozen=True)
class Examination:
    """Everything that the rules judge. A trial that was not made is not there; its name says what it was for."""

    asked: Asked
    image: ImageEvidence
    training: Mapping[str, TrainingTrial] = field(default_factory=dict)
    serving: Mapping[str, ServingTrial] = field(default_factory=dict)

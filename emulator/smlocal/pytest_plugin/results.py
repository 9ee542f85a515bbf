"""What came of a run, for a test to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from smlocal.evidence import HostingEvidence, TrainingEvidence, TransformEvidence
from smlocal.hosting import Invocation, ModelServer
from smlocal.storage.interface import ObjectStore


@dataclass(frozen=True)
class TrainingRun:
    """A training job that has ended."""

    description: Mapping[str, Any]  # DescribeTrainingJob's answer
    evidence: TrainingEvidence
    model: str | None  # model.tar.gz, as a file or an s3:// address; None: /opt/ml/model was empty
    log: tuple[str, ...]  # the latest lines of the container

    @property
    def status(self) -> str:
        return str(self.description["TrainingJobStatus"])

    @property
    def failure_reason(self) -> str:
        """SageMaker's text; "" when it did not fail."""
        return str(self.description.get("FailureReason", ""))

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric that the request defines."""
        return {item["MetricName"]: item["Value"] for item in self.description.get("FinalMetricDataList", ())}


@dataclass(frozen=True)
class TransformRun:
    """A transform job that has ended."""

    description: Mapping[str, Any]  # DescribeTransformJob's answer
    evidence: TransformEvidence
    explanation: str  # why it failed, in words of ours; "" when it did not
    output: str  # the folder, or the s3:// address, where the .out files lie
    log: tuple[str, ...]  # the latest lines of the container
    _store: ObjectStore = field(repr=False)
    _address: str = field(repr=False)

    @property
    def status(self) -> str:
        return str(self.description["TransformJobStatus"])

    @property
    def failure_reason(self) -> str:
        """SageMaker's text; "" when it did not fail."""
        return str(self.description.get("FailureReason", ""))

    def names(self) -> list[str]:
        """The outputs, such as "rows.csv.out"."""
        bucket, prefix = self._place()
        return [item.key.removeprefix(prefix) for item in self._store.list(bucket, prefix)]

    def read(self, name: str) -> bytes:
        """One output. Raises NoSuchObject."""
        bucket, prefix = self._place()
        with self._store.open(bucket, f"{prefix}{name}") as source:
            return source.read()

    def _place(self) -> tuple[str, str]:
        bucket, _, prefix = self._address.removeprefix("s3://").partition("/")
        return bucket, f"{prefix.rstrip('/')}/" if prefix else ""


class Endpoint:
    """An endpoint that is up, until its test ends or `stop` is called."""

    def __init__(self, server: ModelServer, url: str, log: Iterable[str], stop: Callable[[], None]) -> None:
        self.name = server.model.name
        self.url = url  # GET /ping, POST /invocations, as SageMaker's runtime answers
        self._server = server
        self._log = log
        self._stop = stop

    def invoke(
        self,
        body: bytes | str,
        content_type: str | None = None,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Invocation:
        """InvokeEndpoint: `ok`, `status` and `body`; what AWS answers with an error is a value, too (`failure`)."""
        named = {"Content-Type": content_type, "Accept": accept}
        given = {key: value for key, value in named.items() if value is not None}
        return self._server.invoke(body.encode() if isinstance(body, str) else body, {**given, **(headers or {})})

    @property
    def base_url(self) -> str:
        """The container's own address, without SageMaker's limits between. Raises EngineError when it has ended."""
        return self._server.base_url

    @property
    def healthy(self) -> bool:
        """What the latest ping says."""
        return self._server.healthy

    @property
    def log(self) -> list[str]:
        """The latest lines of the container, so far."""
        return list(self._log)

    def evidence(self) -> HostingEvidence:
        """What is known of the run; whole after `stop`."""
        return self._server.evidence()

    def stop(self) -> None:
        """SIGTERM, SIGKILL when it does not obey, and all of it is removed. May be called again."""
        self._stop()

"""Where the output and the metrics of what runs are told, while it runs, in SageMaker's names of groups and streams.

    /aws/sagemaker/TrainingJobs    JOB/algo-1-EPOCH
    /aws/sagemaker/TransformJobs   JOB/INSTANCE-EPOCH, and JOB/INSTANCE-EPOCH/data-log of the platform's own lines
    /aws/sagemaker/Endpoints/NAME  VARIANT/INSTANCE

Source: developer guide, logging-cloudwatch and training-metrics. Sinks are called from many threads, for each line as
it comes, and must neither raise nor hold up their caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

TRAINING_GROUP = "/aws/sagemaker/TrainingJobs"  # of logs, and the namespace of the jobs' own metrics
TRANSFORM_GROUP = "/aws/sagemaker/TransformJobs"
ENDPOINT_GROUP = "/aws/sagemaker/Endpoints/"


@dataclass(frozen=True)
class LogEvent:
    """One line of output, control characters escaped as CloudWatch has them."""

    time: datetime
    text: str


class LogSink(Protocol):
    """CloudWatch Logs, or what stands for it."""

    def write(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Add lines at the end of a stream, which is made with its group when it is new."""
        ...


class MetricSink(Protocol):
    """CloudWatch, or what stands for it."""

    def put(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, time: datetime) -> None:
        """One value of a metric."""
        ...


class NoLogs:
    """Keeps nothing."""

    def write(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        return None


class NoMetrics:
    """Keeps nothing."""

    def put(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, time: datetime) -> None:
        return None

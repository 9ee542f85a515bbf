"""What a training job tells on its way and in the end, and the platform's texts for failures that are not the
program's.

Sources of the texts: users' reports, grand-challenge.org's backend and aws/amazon-sagemaker-examples issue 3650 (a
program that cannot be started), aws/sagemaker-python-sdk issues 57 (image) and 128 (disk), huggingface/blog issue 114
(disk at upload).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from smlocal.container import LaunchedContainer
from smlocal.evidence import TrainingEvidence
from smlocal.metrics import Metric

OUT_OF_MEMORY = (
    "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an"
    " instance."
)
NO_IMAGE = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
)
DOWNLOAD_FULL = "ClientError: Data download failed:Insufficient disk space"
UPLOAD_FULL = "ClientError: Artifact upload failed:Insufficient disk space"
NOT_STARTED = "ClientError: Artifact upload failed:API error (400): "


Transfer = Literal["input", "output"]


@dataclass(frozen=True)
class Observer:
    """Whom a job tells what happens, while it happens."""

    on_status: Callable[[str, str], None] = lambda status, message: None
    on_line: Callable[[str], None] = lambda line: None  # escaped as CloudWatch has it
    on_metric: Callable[[Metric], None] = lambda metric: None
    on_note: Callable[[str], None] = lambda note: None
    on_bytes: Callable[[Transfer, int], None] = lambda transfer, count: None  # how many have passed so far
    on_exit: Callable[[LaunchedContainer], None] = lambda container: None  # once, while all that it wrote is there


@dataclass(frozen=True)
class TrainingResult:
    """DescribeTrainingJob's answer, and what the run left behind."""

    description: dict[str, Any]
    evidence: TrainingEvidence

    @property
    def status(self) -> str:
        return str(self.description["TrainingJobStatus"])

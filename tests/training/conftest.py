"""Training jobs on the real engine, with the broken containers and scaled limits."""

from __future__ import annotations

import io
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal.settings import Limits, Settings
from smlocal.training import Observer, TrainingResult
from smlocal.wiring import Program
from tests.container.conftest import broken_image, build_image, docker_client

__all__ = ["broken_image", "build_image", "docker_client"]

BUCKET = "training-tests"


class Jobs:
    """Runs training jobs of the broken image and reads what they left in the store."""

    def __init__(self, program: Program, image: str) -> None:
        self.program = program
        self.image = image
        self.lines: list[str] = []
        self.statuses: list[tuple[str, str]] = []
        program.store.ensure_bucket(BUCKET)

    def put(self, key: str, data: bytes) -> None:
        self.program.store.put(BUCKET, key, io.BytesIO(data))

    def get(self, key: str) -> bytes:
        with self.program.store.open(BUCKET, key) as source:
            return source.read()

    def keys(self, prefix: str = "") -> list[str]:
        return [item.key for item in self.program.store.list(BUCKET, prefix)]

    def request(self, fault: str, **changes: Any) -> dict[str, Any]:
        return {
            "TrainingJobName": f"job-{uuid.uuid4().hex[:12]}",
            "AlgorithmSpecification": {"TrainingImage": self.image, "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/tests",
            "Environment": {"FAULT": fault},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **changes,
        }

    def run(
        self,
        fault: str,
        *,
        image: str | None = None,
        stop: threading.Event | None = None,
        stop_at: str | None = None,
        at_line: Callable[[str], None] = lambda line: None,
        **changes: Any,
    ) -> TrainingResult:
        """Run one job; `stop_at`: a line of its output at which it is asked to stop."""
        asked = stop or threading.Event()

        def on_line(line: str) -> None:
            self.lines.append(line)
            at_line(line)
            if stop_at is not None and stop_at in line:
                asked.set()

        observer = Observer(lambda status, message: self.statuses.append((status, message)), on_line)
        request = self.request(fault, **changes)
        return self.program.training.run(request, image or self.image, observer=observer, stop=asked)

    def archive(self, result: TrainingResult, name: str = "model.tar.gz") -> dict[str, bytes]:
        """Members of an output archive by name."""
        data = self.get(f"out/{result.description['TrainingJobName']}/output/{name}")
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            return {member.name: _content(archive, member) for member in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = archive.extractfile(member)
    return source.read() if source is not None else b""


@pytest.fixture
def new_jobs(tmp_path: Path, broken_image: str) -> Iterator[Callable[..., Jobs]]:
    """Make a runner of jobs, with other settings when wanted; nothing of it may be left in the engine."""
    made: list[Jobs] = []

    def make(**limits: float) -> Jobs:
        settings = Settings(state=tmp_path / "state", limits=replace(Limits(training_stop_grace=2.0), **limits))
        made.append(Jobs(Program(settings), broken_image))
        return made[-1]

    yield make
    for jobs in made:
        left = jobs.program.launcher.mine()
        jobs.program.close()
        assert left == []


@pytest.fixture
def jobs(new_jobs: Callable[..., Jobs]) -> Jobs:
    return new_jobs()

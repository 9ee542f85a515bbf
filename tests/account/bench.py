"""An account on the scripted engine, with a clock and chance of the test's own."""

from __future__ import annotations

import io
import json
import random
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

from smlocal import owner
from smlocal.account import Account, LogEvent
from smlocal.engine.scripted import FACTS, Answer, Request, Run, Script, ScriptedEngine, forwarder
from smlocal.errors import InvalidRequest
from smlocal.hosting import Invocation, ModelHost
from smlocal.http_client import HttpClient
from smlocal.images.availability import engine_has
from smlocal.images.references import resolve_image
from smlocal.journal import Journal
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.interface import StoredObject
from smlocal.training import TrainingRunner
from smlocal.transform.runner import TransformRunner

BUCKET = "bucket"
ROLE = "arn:aws:iam::000000000000:role/tests"
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
LIMITS = Limits(
    ping_timeout=2.0,
    ping_interval=0.05,
    start_window=20.0,
    invocation_timeout=5.0,
    serving_stop_grace=0.3,
    training_stop_grace=0.3,
    transform_ping_interval=0.05,
    transform_start_window=20.0,
)


@dataclass
class Logs:
    """Remembers all lines, by group and stream."""

    streams: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    times: list[datetime] = field(default_factory=list)

    def write(self, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        self.streams.setdefault((group, stream), []).extend(event.text for event in events)
        self.times.extend(event.time for event in events)


@dataclass
class Metrics:
    """Remembers all values."""

    values: list[tuple[str, str, dict[str, str], float]] = field(default_factory=list)

    def put(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, time: datetime) -> None:
        self.values.append((namespace, name, dict(dimensions), value))


class Clock:
    """A second later each time."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.time += timedelta(seconds=1)
            return self.time


def echo(request: Request) -> Answer:
    if request.path in ("/ping", "/execution-parameters"):
        return Answer(200 if request.path == "/ping" else 404)
    return Answer(200, request.body, {"Content-Type": "text/csv"})


def says(word: str) -> Script:
    """A server that answers every invocation with one word."""
    return Script(handler=lambda request: Answer(200, b"" if request.path == "/ping" else word.encode()))


def waits_for_a_signal(run: Run) -> int:
    run.write("working\n")
    run.wait_for_signal()
    run.files.write("/opt/ml/model/weights", b"1")
    return 0


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as target:
        member = tarfile.TarInfo("weights")
        member.size = 1
        target.addfile(member, io.BytesIO(b"1"))
    return packed.getvalue()


class SlowStore(DirectoryStore):
    """A store that takes in no model before `open_for_models` is set."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.open_for_models = threading.Event()
        self.open_for_models.set()

    def put(self, bucket: str, key: str, source: BinaryIO) -> StoredObject:
        if key.endswith("/output/model.tar.gz"):
            self.open_for_models.wait(20)
        return super().put(bucket, key, source)


class Bench:
    """One account; `again` is the same after its process was killed."""

    def __init__(self, folder: Path, *, cpus: int = 8, seed: int = 1) -> None:
        self.folder = folder
        self.seed = seed
        self.engine = ScriptedEngine(replace(FACTS, cpus=cpus))
        self.engine.add_image("relay", forwarder)
        self.engine.add_image("trains", Script(output=["loss=0.5;\n"], files={"/opt/ml/model/weights": b"1"}))
        self.engine.add_image("waits", waits_for_a_signal)
        self.engine.add_image("fails", Script(exit_code=3))
        self.engine.add_image("echo", Script(handler=echo))
        self.engine.add_image("sick", Script(exit_code=7))
        self.http = HttpClient()
        self.clock = Clock()
        self.logs, self.metrics = Logs(), Metrics()
        self.settings = Settings(state=folder, limits=LIMITS)
        self.store = SlowStore(folder / "s3")
        self.store.ensure_bucket(BUCKET)
        self.put("model.tar.gz", archive())
        self.put("train/a.csv", b"1,2\n")
        self.journal = Journal(folder, 10_000_000, owner.this_process())
        self.launcher = Launcher(self.engine, owner.this_process(), "relay")
        self.account = self.open()

    def open(self) -> Account:
        training = TrainingRunner(self.launcher, self.store, self.journal, self.settings, now=self.clock)
        transform = TransformRunner(self.launcher, self.http, self.store, self.journal, self.settings, now=self.clock)
        return Account(
            self.engine,
            training,
            transform,
            ModelHost(self.launcher, self.http, self.store, self.settings),
            self.settings,
            lambda image: resolve_image(image, lambda reference: engine_has(self.engine, reference)),
            logs=self.logs,
            metrics=self.metrics,
            now=self.clock,
            chance=random.Random(self.seed),
        )

    def killed(self, target: Path) -> Bench:
        """The account as another process finds it when this one is killed now."""
        for part in ("accounts", "jobs"):
            if (self.folder / part).is_dir():
                shutil.copytree(self.folder / part, target / part)
        later = Bench(target, seed=self.seed)
        later.clock.time = self.clock.time
        return later

    def close(self) -> None:
        self.account.close()
        self.http.close()
        assert self.launcher.mine() == []

    def put(self, key: str, data: bytes) -> None:
        self.store.put(BUCKET, key, io.BytesIO(data))

    # jobs

    def train(self, name: str = "job", image: str = "trains", **changes: Any) -> dict[str, Any]:
        return self.account.create_training_job(training_request(name, image, **changes))

    def job(self, name: str = "job") -> dict[str, Any]:
        return self.account.describe_training_job({"TrainingJobName": name})

    def stop(self, name: str = "job") -> dict[str, Any]:
        return self.account.stop_training_job({"TrainingJobName": name})

    def trained(self, name: str = "job") -> dict[str, Any]:
        return until(lambda: self.job(name), lambda found: found["TrainingJobStatus"] in ENDED)

    def reaches(self, secondary: str, name: str = "job") -> dict[str, Any]:
        return until(lambda: self.job(name), lambda found: found["SecondaryStatus"] == secondary)

    def speaks(self) -> None:
        """Wait until some program has said something."""
        until(lambda: self.logs.streams, bool)

    def transform(self, name: str = "batch", model: str = "model", **changes: Any) -> dict[str, Any]:
        return self.account.create_transform_job(transform_request(name, model, **changes))

    def batch(self, name: str = "batch") -> dict[str, Any]:
        return self.account.describe_transform_job({"TransformJobName": name})

    def transformed(self, name: str = "batch") -> dict[str, Any]:
        return until(lambda: self.batch(name), lambda found: found["TransformJobStatus"] in ENDED)

    # endpoints

    def model(self, name: str = "model", image: str = "echo", **changes: Any) -> dict[str, Any]:
        container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        request = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": ROLE, **changes}
        return self.account.create_model(request)

    def config(self, name: str = "config", *variants: dict[str, Any], **changes: Any) -> dict[str, Any]:
        found = list(variants) or [variant()]
        return self.account.create_endpoint_config({"EndpointConfigName": name, "ProductionVariants": found, **changes})

    def deploy(self, name: str = "endpoint", config: str = "config", **changes: Any) -> dict[str, Any]:
        return self.account.create_endpoint({"EndpointName": name, "EndpointConfigName": config, **changes})

    def endpoint(self, name: str = "endpoint") -> dict[str, Any]:
        return self.account.describe_endpoint({"EndpointName": name})

    def settled(self, name: str = "endpoint") -> dict[str, Any]:
        """The endpoint when nothing of it is under way."""
        return until(lambda: self.endpoint(name), lambda found: found["EndpointStatus"] in ("InService", "Failed"))

    def deployed(self, *variants: dict[str, Any], image: str = "echo") -> dict[str, Any]:
        """A model, a configuration and an endpoint, up."""
        self.model(image=image)
        self.config("config", *variants)
        self.deploy()
        return self.settled()

    def invoke(self, body: bytes = b"1", name: str = "endpoint", target: str | None = None) -> Invocation:
        headers = {} if target is None else {"X-Amzn-SageMaker-Target-Variant": target}
        return self.http.run(self.account.invoke_endpoint(name, headers, body))

    def servers(self) -> int:
        """Containers of endpoints that run now."""
        return sum(item.kind == "container" for item in self.launcher.mine())

    def gone(self, call: Callable[[], Any]) -> None:
        """Wait until a Describe call finds nothing any more."""

        def is_gone() -> bool:
            try:
                call()
            except InvalidRequest:
                return True
            return False

        until(is_gone, bool)


ENDED = ("Completed", "Failed", "Stopped")


def variant(name: str = "AllTraffic", **changes: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": "model",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **changes,
    }


def training_request(name: str = "job", image: str = "trains", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": [channel("train/")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 100},
        **changes,
    }


def channel(prefix: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}
    return {"ChannelName": "train", "DataSource": {"S3DataSource": source}}


def transform_request(name: str = "batch", model: str = "model", **changes: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/transformed"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }


def until(look: Callable[[], Any], is_so: Callable[[Any], bool], seconds: float = 20) -> Any:
    """What `look` gives when it is so."""
    deadline = time.monotonic() + seconds
    while not is_so(found := look()):
        assert time.monotonic() < deadline, found
        threading.Event().wait(0.005)
    return found


def document(invocation: Invocation) -> dict[str, Any]:
    return dict(json.loads(invocation.body))

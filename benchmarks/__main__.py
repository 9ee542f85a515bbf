"""`python -m benchmarks [NAME ...]`: each of our times beside its floor; exit code 1 when a bound is missed."""

from __future__ import annotations

import io
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import bare, front
from benchmarks.measure import Comparison, compare, timed
from smlocal import artifacts
from smlocal.contract import RULES, Outcome, judge
from smlocal.examination import Plan, Sample, Source
from smlocal.hosting import Model, ModelServer
from smlocal.settings import Settings
from smlocal.shipped import iris_csv
from smlocal.tree import TreeFile, tar_stream
from smlocal.wiring import Program

BUCKET = "benchmarks"
RECORD = b"5.1,3.5,1.4,0.2"
START_UP = 0.4  # seconds
_START_UPS = (
    ("--version", ("--version",), 0),
    ("bad train", ("train", "smlocal/base", "--job-name", "a_b"), 2),
    ("ps", ("ps",), 0),
)


class Bench:
    """What the benchmarks share: a program with its own state, and a trained model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = Program(Settings(state=folder / "state"))
        self.program.store.ensure_bucket(BUCKET)
        with iris_csv().open("rb") as source:
            self.program.store.put(BUCKET, "train/iris.csv", source)
        self.tree = bare.hand_made_tree(folder / "tree", iris_csv())
        bare.train(self.tree)

    def train(self) -> Comparison:
        return compare("train", self._training, lambda: timed(lambda: bare.train(self.tree)), bound=1.10, turns=9)

    def _training(self) -> float:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
        channel = {"ChannelName": "train", "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}
        request = {
            "TrainingJobName": f"benchmark-{uuid.uuid4().hex[:8]}",
            "AlgorithmSpecification": {"TrainingImage": bare.IMAGE, "TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::000000000000:role/benchmark",
            "InputDataConfig": [channel],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        return timed(lambda: self.program.training.run(request, bare.IMAGE))

    def server(self) -> ModelServer:
        return ModelServer(self.program.launcher, self.program.http, self.program.settings, self.model())

    def model(self) -> Model:
        return Model("benchmark", bare.IMAGE, partial(artifacts.entries_of_folder, self.tree / "model"))

    def serve(self) -> Comparison:
        return compare("serve", self._healthy, lambda: bare.time_to_healthy(self.tree), bound=1.10, turns=9)

    def _healthy(self) -> float:
        server = self.server()
        try:
            return timed(server.start)
        finally:
            server.stop()

    def invoke(self) -> Comparison:
        count = 500
        with self.server() as server:
            port = urlsplit(server.base_url).port or 0
            headers = {"Content-Type": "text/csv"}

            def ours() -> None:
                for _ in range(count):
                    if not server.invoke(RECORD, headers).ok:
                        raise RuntimeError("an invocation failed")

            return compare(
                "invoke",
                lambda: timed(ours) / count,
                lambda: timed(lambda: bare.post_loop(port, RECORD, count)) / count,
                bound=5.0,
                turns=5,
            )

    def transform(self) -> Comparison:
        count = 20_000
        store = self.program.store
        store.put(BUCKET, "batch/lines.csv", io.BytesIO((RECORD + b"\n") * count))
        with self.server() as server:
            port = urlsplit(server.base_url).port or 0
            floor = partial(bare.wrk_seconds_per_request, port, RECORD, 4, self.folder)
            return compare("transform", lambda: self._transforming(count) / count, floor, bound=3.0, turns=3)

    def _transforming(self, count: int) -> float:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/batch/"}
        request: dict[str, Any] = {
            "TransformJobName": f"benchmark-{uuid.uuid4().hex[:8]}",
            "ModelName": "benchmark",
            "MaxConcurrentTransforms": 4,
            "BatchStrategy": "SingleRecord",
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/batch-out", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        }
        result = self.program.transform.run(request, self.model())
        if result.status != "Completed":
            raise RuntimeError(str(result.description))
        described = result.description
        began, ended = described["TransformStartTime"], described["TransformEndTime"]
        return float((ended - began).total_seconds())

    def check(self) -> Comparison:
        self.program.store.put(BUCKET, "broken/iris.csv", io.BytesIO(b"0,long,3.5,short,0.2\n"))
        iris = Source(iris_csv(), "text/csv")
        plan = Plan(
            channels={"train": iris},
            broken={"train": iris},
            hyperparameters={"criterion": "gini"},
            samples=(Sample(RECORD + b"\n", "text/csv", "text/csv", b"0\n"),),
        )
        addresses = {("train", False): f"s3://{BUCKET}/train/", ("train", True): f"s3://{BUCKET}/broken/"}

        def ours() -> None:
            examination = self.program.examiner.examine(bare.IMAGE, plan, addresses)
            broken = [item for item in judge(examination, RULES).findings if item.outcome is Outcome.BROKEN]
            if broken:
                raise RuntimeError(f"the image breaks {broken}")

        def floor() -> float:
            return timed(lambda: bare.train(self.tree)) + bare.time_to_healthy(self.tree)

        return compare("check", lambda: timed(ours), floor, bound=3.0, turns=3)

    def pack(self) -> Comparison:
        folder = self.folder / "weights"
        folder.mkdir()
        source = random.Random(0)
        for name in ("a.bin", "b.bin"):
            # half noise, half repetition: about what weights compress to
            (folder / name).write_bytes(b"".join(source.randbytes(512) + b"\0" * 512 for _ in range(100 * 1024)))

        def ours() -> None:
            packed = artifacts.pack(tar_stream(_files(folder)), "model")
            with (self.folder / "ours.tar.gz").open("wb") as target:
                for chunk in packed or ():
                    target.write(chunk)

        floor = partial(bare.tar_czf, folder, self.folder / "floor.tar.gz")
        return compare("pack", lambda: timed(ours), lambda: timed(floor), bound=1.10, turns=3)


def _files(folder: Path) -> Iterator[TreeFile]:
    for path in sorted(folder.iterdir()):
        yield TreeFile(f"model/{path.name}", path.stat().st_size, partial(path.open, "rb"))


def start_up() -> bool:
    """What the command line adds to the library: its own start, a request refused, a look at the engine."""
    held = [_starts(*case) for case in _START_UPS]
    return all(held)


def _starts(name: str, words: Sequence[str], code: int) -> bool:
    command = [sys.executable, "-m", "smlocal", *words]

    def once() -> None:
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        if ended.returncode != code:
            raise RuntimeError(f"{name}: exit code {ended.returncode}: {ended.stderr}")

    seconds = statistics.median(timed(once) for _ in range(9))
    verdict = "ok" if seconds < START_UP else "MISSED"
    print(f"{name:10} ours {seconds * 1000:9.1f} ms  bound {START_UP * 1000:.0f} ms  {verdict}", flush=True)
    return seconds < START_UP


@contextmanager
def _bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="smlocal-benchmark-") as folder:
        bench = Bench(Path(folder))
        try:
            yield bench
        finally:
            bench.program.close()


def main(names: list[str], opened: Callable[[], AbstractContextManager[Any]] = _bench) -> int:
    """Run the benchmarks of these names, or all; `opened` makes what they share."""
    wanted = names or ["train", "serve", "invoke", "transform", "pack", "check", "gateway", "gateway-16", "start-up"]
    held = []
    with opened() as bench:
        known: dict[str, Callable[[], Comparison]] = {
            name: getattr(bench, name) for name in ("train", "serve", "invoke", "transform", "pack", "check")
        }
        known |= {"gateway": front.gateway, "gateway-16": front.gateway_at_16}
        for name in wanted:
            if name == "start-up":
                held.append(start_up())
                continue
            comparison = known[name]()
            print(comparison, flush=True)
            held.append(comparison.holds)
    threads = [thread.name for thread in threading.enumerate() if not thread.daemon and thread.name != "MainThread"]
    if threads:
        print(f"threads still there: {threads}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

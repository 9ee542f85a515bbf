"""An account with real containers: from training to an answer, and through every kind of end."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from smlocal.engine.docker import DockerEngine
from smlocal.errors import InvalidRequest
from smlocal.hosting import Invocation
from smlocal.settings import Limits, Settings
from smlocal.wiring import Program
from tests.account.bench import BUCKET, ENDED, ROLE, Logs, Metrics, until
from tests.cli.conftest import of_process

pytestmark = pytest.mark.engine

IRIS = Path(__file__).resolve().parents[2] / "fixtures" / "iris.csv"
SMALL = {"InstanceType": "ml.t3.medium", "InstanceCount": 1}
PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check."
    " Please check CloudWatch logs for this endpoint."
)


class Cloud:
    """An account of a state folder on the real engine."""

    def __init__(self, state: Path, image: str) -> None:
        limits = replace(Limits(), training_stop_grace=5.0, serving_stop_grace=5.0)
        self.program = Program(Settings(state=state, limits=limits))
        self.logs, self.metrics = Logs(), Metrics()
        self.program.log_sink, self.program.metric_sink = self.logs, self.metrics
        self.image = image
        self.program.store.ensure_bucket(BUCKET)
        self.account = self.program.account

    def close(self) -> None:
        self.account.close()
        left = self.program.launcher.mine()
        self.program.close()
        assert left == []

    def put(self, key: str, source: Path | bytes) -> None:
        data = source if isinstance(source, bytes) else source.read_bytes()
        self.program.store.put(BUCKET, key, io.BytesIO(data))

    def train(self, name: str, fault: str = "", image: str | None = None, **changes: Any) -> None:
        request = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": image or self.image, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {**SMALL, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 120},
            **({"Environment": {"FAULT": fault}} if fault else {}),
            **changes,
        }
        self.account.create_training_job(request)

    def job(self, name: str) -> dict[str, Any]:
        return self.account.describe_training_job({"TrainingJobName": name})

    def trained(self, name: str) -> dict[str, Any]:
        return until(lambda: self.job(name), lambda found: found["TrainingJobStatus"] in ENDED, 90)

    def model(self, name: str, fault: str = "", image: str | None = None, **container: Any) -> None:
        environment = {"Environment": {"FAULT": fault}} if fault else {}
        primary = {"Image": image or self.image, **environment, **container}
        self.account.create_model({"ModelName": name, "PrimaryContainer": primary, "ExecutionRoleArn": ROLE})

    def config(self, name: str, *models: str, **changes: Any) -> None:
        variants = [
            {
                "VariantName": "AllTraffic" if len(models) == 1 else model,
                "ModelName": model,
                "InstanceType": "ml.t3.medium",
                "InitialInstanceCount": 1,
                **changes,
            }
            for model in models
        ]
        self.account.create_endpoint_config({"EndpointConfigName": name, "ProductionVariants": variants})

    def deploy(self, name: str, config: str) -> dict[str, Any]:
        self.account.create_endpoint({"EndpointName": name, "EndpointConfigName": config})
        return self.settled(name)

    def endpoint(self, name: str) -> dict[str, Any]:
        return self.account.describe_endpoint({"EndpointName": name})

    def settled(self, name: str) -> dict[str, Any]:
        return until(lambda: self.endpoint(name), lambda found: found["EndpointStatus"] in ("InService", "Failed"), 90)

    def invoke(self, name: str, body: bytes = b"1", **headers: str) -> Invocation:
        found = {"Content-Type": "text/csv", **headers}
        return self.program.http.run(self.account.invoke_endpoint(name, found, body))

    def delete(self, name: str) -> None:
        self.account.delete_endpoint({"EndpointName": name})

        def is_gone() -> bool:
            try:
                self.endpoint(name)
            except InvalidRequest as error:
                assert "Could not find endpoint" in str(error)
                return True
            return False

        until(is_gone, bool, 60)


@pytest.fixture
def cloud(tmp_path: Path, broken_image: str) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "state", broken_image)
    yield made
    made.close()


@pytest.mark.slow
def test_from_training_to_an_answer_to_an_update_to_the_end(cloud: Cloud, sklearn_image: str) -> None:
    cloud.put("train/iris.csv", IRIS)
    cloud.put("batch/iris.csv", b"5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    channels = [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]
    cloud.train("iris", image=sklearn_image, InputDataConfig=channels)
    found = cloud.trained("iris")
    assert found["TrainingJobStatus"] == "Completed", found
    data = found["ModelArtifacts"]["S3ModelArtifacts"]
    for name in ("first", "second"):
        cloud.model(name, image=sklearn_image, ModelDataUrl=data)
        cloud.config(name, name)
    deployed = cloud.deploy("iris", "first")
    assert deployed["EndpointStatus"] == "InService", deployed
    answer = cloud.invoke("iris", b"5.1,3.5,1.4,0.2")
    assert (answer.status, answer.headers["x-amzn-invoked-production-variant"]) == (200, "AllTraffic")
    assert answer.body == b"0\n"

    statuses: Counter[int] = Counter()
    done = threading.Event()

    def hammer() -> None:
        while not done.is_set():
            statuses[cloud.invoke("iris", b"5.1,3.5,1.4,0.2").status] += 1

    client = threading.Thread(target=hammer)
    client.start()
    cloud.account.update_endpoint({"EndpointName": "iris", "EndpointConfigName": "second"})
    updated = cloud.settled("iris")
    time.sleep(0.5)
    done.set()
    client.join()
    assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == ("InService", "second")
    assert set(statuses) == {200}
    assert statuses[200] > 10

    request = {
        "TransformJobName": "iris",
        "ModelName": "first",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/batch/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/transformed", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    cloud.account.create_transform_job(request)
    job = {"TransformJobName": "iris"}
    ended = until(
        lambda: cloud.account.describe_transform_job(job), lambda found: found["TransformJobStatus"] in ENDED, 90
    )
    assert ended["TransformJobStatus"] == "Completed", ended
    with cloud.program.store.open(BUCKET, "transformed/iris.csv.out") as output:
        assert len(output.read().splitlines()) == 2
    cloud.delete("iris")
    groups = {group for group, _ in cloud.logs.streams}
    assert groups == {"/aws/sagemaker/TrainingJobs", "/aws/sagemaker/Endpoints/iris", "/aws/sagemaker/TransformJobs"}


def test_variants_share_by_weight_and_instances_by_turns(cloud: Cloud) -> None:
    """Of 200 requests, the share of a weight of 3 to 1 within five standard deviations."""
    cloud.model("blue", "serves_well")
    cloud.model("green", "serves_well")
    variants = [
        {"VariantName": name, "ModelName": name, "InstanceType": "ml.t3.medium", "InitialInstanceCount": count,
         "InitialVariantWeight": weight}
        for name, count, weight in (("blue", 2, 3.0), ("green", 1, 1.0))
    ]  # fmt: skip
    cloud.account.create_endpoint_config({"EndpointConfigName": "both", "ProductionVariants": variants})
    assert cloud.deploy("both", "both")["EndpointStatus"] == "InService"
    containers = [item for item in cloud.program.launcher.mine() if item.kind == "container"]
    assert len(containers) == 3
    told = Counter(cloud.invoke("both").headers["x-amzn-invoked-production-variant"] for _ in range(200))
    assert abs(told["blue"] / 200 - 0.75) < 5 * (0.75 * 0.25 / 200) ** 0.5
    targeted = {"X-Amzn-SageMaker-Target-Variant": "green"}
    assert {cloud.invoke("both", **targeted).headers["x-amzn-invoked-production-variant"] for _ in range(10)} == {
        "green"
    }
    cloud.delete("both")


def test_a_broken_container_fails_its_endpoint_with_the_platforms_text(cloud: Cloud) -> None:
    cloud.model("broken", "exits_while_starting")
    cloud.config("broken", "broken")
    found = cloud.deploy("broken", "broken")
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", PING)
    assert cloud.program.launcher.mine() == []
    cloud.delete("broken")


def test_a_container_that_ends_on_an_invocation_is_replaced(cloud: Cloud) -> None:
    cloud.model("mortal", "exits_on_invocation")
    cloud.config("mortal", "mortal")
    cloud.deploy("mortal", "mortal")
    assert cloud.invoke("mortal").status == 424
    until(lambda: cloud.invoke("mortal").status, lambda status: status == 424, 30)
    until(lambda: sum(group.endswith("/mortal") for group, _ in cloud.logs.streams), lambda count: count > 1, 30)
    assert cloud.endpoint("mortal")["EndpointStatus"] == "InService"
    cloud.delete("mortal")


def test_an_update_to_a_broken_container_is_rolled_back(cloud: Cloud) -> None:
    for name, fault in (("good", "serves_well"), ("broken", "exits_while_starting")):
        cloud.model(name, fault)
        cloud.config(name, name)
    cloud.deploy("both", "good")
    cloud.account.update_endpoint({"EndpointName": "both", "EndpointConfigName": "broken"})
    found = cloud.settled("both")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "good")
    assert found["FailureReason"] == PING
    assert cloud.invoke("both").status == 200
    cloud.delete("both")


def test_a_stopped_training_job_keeps_what_it_saved(cloud: Cloud) -> None:
    cloud.train("stopped", "saves_on_sigterm")
    until(lambda: any("working" in line for lines in cloud.logs.streams.values() for line in lines), bool, 60)
    cloud.account.stop_training_job({"TrainingJobName": "stopped"})
    found = cloud.trained("stopped")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert cloud.program.store.head(BUCKET, "out/stopped/output/model.tar.gz").size > 0


def test_jobs_wait_for_the_machine_as_pending_and_all_of_them_end(cloud: Cloud) -> None:
    """An instance type with all of the machine's vCPU, so that one runs at a time whatever machine this is."""
    whole = {"ResourceConfig": {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}}
    names = [f"job-{number}" for number in range(4)]
    for name in names:
        cloud.train(name, "trains_well", **whole)
    seen = {cloud.job(name)["SecondaryStatus"] for name in names[1:]}
    found = [cloud.trained(name) for name in names]
    assert "Pending" in seen
    assert {item["TrainingJobStatus"] for item in found} == {"Completed"}
    spans = [(item["TrainingStartTime"], item["TrainingEndTime"]) for item in found]
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    pending = [row["Status"] for item in found[1:] for row in item["SecondaryStatusTransitions"]]
    assert pending.count("Pending") == 3


KILLED = """
import sys
from pathlib import Path
from tests.account.test_real_containers import Cloud
cloud = Cloud(Path(sys.argv[1]), sys.argv[2])
cloud.train("ended", "trains_well")
cloud.trained("ended")
cloud.model("good", "serves_well")
cloud.config("good", "good")
cloud.deploy("endpoint", "good")
cloud.train("ran", "saves_on_sigterm")
from tests.account.bench import until
until(lambda: cloud.job("ran")["SecondaryStatus"], lambda status: status == "Training", 60)
cloud.train("waited", "trains_well", ResourceConfig={"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1,
                                                    "VolumeSizeInGB": 1})
until(lambda: cloud.job("waited")["SecondaryStatus"], lambda status: status == "Pending", 60)
print("ready", cloud.endpoint("endpoint")["CreationTime"].isoformat(), flush=True)
sys.stdin.read()
"""


def test_after_a_kill_the_next_process_has_the_same_account(tmp_path: Path, broken_image: str) -> None:
    words = [sys.executable, "-c", KILLED, str(tmp_path / "state"), broken_image]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert said[:1] == ["ready"]
    cloud = Cloud(tmp_path / "state", broken_image)
    engine = DockerEngine()
    try:
        assert cloud.job("ended")["TrainingJobStatus"] == "Completed"
        ran = cloud.job("ran")
        assert (ran["TrainingJobStatus"], ran["FailureReason"][:50]) == (
            "Failed",
            "InternalServerError: smlocal was ended while the j",
        )
        found = cloud.settled("endpoint")
        assert (found["EndpointStatus"], found["CreationTime"].isoformat()) == ("InService", said[1])
        assert cloud.invoke("endpoint").status == 200
        assert cloud.trained("waited")["TrainingJobStatus"] == "Completed"
        assert of_process(engine, process.pid) == []
    finally:
        cloud.close()
        engine.close()


def test_an_end_in_the_middle_of_everything_leaves_nothing(cloud: Cloud) -> None:
    cloud.model("good", "serves_well")
    cloud.config("good", "good", InitialInstanceCount=2)
    cloud.deploy("endpoint", "good")
    cloud.account.update_endpoint({"EndpointName": "endpoint", "EndpointConfigName": "good"})
    cloud.train("ran", "ignores_sigterm")
    until(lambda: cloud.job("ran")["SecondaryStatus"], lambda status: status == "Training", 60)
    began = time.monotonic()
    cloud.account.close()
    assert time.monotonic() - began < 30
    assert cloud.program.launcher.mine() == []

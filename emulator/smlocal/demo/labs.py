"""The three Iris labs, on real containers: SageMaker's first lessons without an account.

Lab 1 trains and deploys the built-in XGBoost algorithm, Lab 2 runs a batch transform by its model, Lab 3 brings a
scikit-learn image of one's own: built, checked, published, trained, deployed. All of it goes through the library as any
program would use it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import Any

from smlocal.demo.iris import ROWS, agreement, answered, features, split
from smlocal.demo.outcome import Notes, Outcome, Step
from smlocal.demo.own_image import OwnImage, Stepper
from smlocal.errors import JobFailed
from smlocal.images.aws_registries import aws_registries
from smlocal.shipped import iris_csv
from smlocal.training import Observer as TrainingObserver
from smlocal.wiring import Program

_XGBOOST = "1.7-1"
_ROLE = "arn:aws:iam::{account}:role/smlocal-demo"
_INSTANCE = "ml.m5.large"
_PREFIX = "iris"


class Demo:
    """Runs the labs. `on_step` hears of each step when it is done, `on_begin` when it begins; `own_image` makes what
    brings Lab 3's image to its job."""

    def __init__(
        self,
        program: Program,
        *,
        on_begin: Callable[[str, str], None] = lambda lab, name: None,
        on_step: Callable[[Step], None] = lambda step: None,
        on_line: Callable[[str], None] = lambda line: None,
        own_image: Callable[[Program, Stepper], OwnImage] = OwnImage,
    ) -> None:
        self._program = program
        self._on_begin = on_begin
        self._on_step = on_step
        self._on_line = on_line
        self._own_image = own_image
        settings = program.settings
        self._bucket = f"sagemaker-{settings.region}-{settings.account}"
        self._role = _ROLE.format(account=settings.account)
        self._stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d-%H-%M-%S-%f")[:-3]
        self.outcome = Outcome(self._bucket)

    def run(self) -> Outcome:
        """All three labs. Raises JobFailed when a step fails, CannotRun when it cannot be tried."""
        rows = iris_csv().read_text(encoding="ascii").splitlines()
        model = self._lab_1(rows)
        self._lab_2(rows, model)
        self._lab_3(rows)
        mine = self._program.launcher.mine()
        self.outcome.leftovers = tuple(f"{item.kind} {item.name}" for item in mine)
        return self.outcome

    # the labs

    def _lab_1(self, rows: Sequence[str]) -> str:
        lab = "Lab 1"
        train, test = split(rows)
        with self._step(lab, "split and upload") as step:
            for name, part in (("train", train), ("validation", test)):
                step.keys.append(self._put(f"{_PREFIX}/{name}/{name}.csv", part))
            step.result = f"{len(train)} rows to train, {len(test)} to test"
        image = xgboost_uri(self._program.settings.region)
        channels = [self._channel("train"), self._channel("validation")]
        parameters = {"objective": "multi:softmax", "num_class": "3", "num_round": "20", "eta": "0.3"}
        model = self._train(lab, f"iris-xgboost-{self._stamp}", image, channels, parameters)
        self._deploy_and_predict(lab, f"iris-xgboost-{self._stamp}", image, model, test)
        return model

    def _lab_2(self, rows: Sequence[str], model: str) -> None:
        lab = "Lab 2"
        with self._step(lab, "upload 150 rows without labels") as step:
            step.keys.append(self._put(f"{_PREFIX}/batch_input/iris.csv", [features(row) for row in rows]))
        with self._step(lab, "batch transform, split by line") as step:
            name = f"iris-batch-{self._stamp}"
            output = f"{_PREFIX}/batch_output"
            request = {
                "TransformJobName": name,
                "ModelName": f"iris-xgboost-{self._stamp}",
                "TransformInput": {
                    "DataSource": {"S3DataSource": self._source("batch_input")},
                    "ContentType": "text/csv",
                    "SplitType": "Line",
                },
                "TransformOutput": {"S3OutputPath": f"s3://{self._bucket}/{output}", "AssembleWith": "Line"},
                "TransformResources": {"InstanceType": _INSTANCE, "InstanceCount": 1},
            }
            image = xgboost_uri(self._program.settings.region)
            local = self._program.resolve(image).reference
            served = self._program.hosting.model(self._model(f"iris-xgboost-{self._stamp}", image, model), local)
            result = self._program.transform.run(request, served)
            if result.status != "Completed":
                raise JobFailed(f"{name}: {result.description.get('FailureReason')} {result.explanation}")
            key = f"{output}/iris.csv.out"
            step.keys.append(key)
            answer = self._get(key)
            self.outcome.rows = answered(answer)
            self.outcome.accuracies[lab] = agreement(answer, rows)
            step.result = f"{self.outcome.rows} of {ROWS} rows came back, accuracy {self.outcome.accuracies[lab]:.3f}"

    def _lab_3(self, rows: Sequence[str]) -> None:
        lab = "Lab 3"
        test = split(rows)[1]
        with self._step(lab, "build the scikit-learn image") as step:
            built = self._program.image_builder.build(["sklearn"], on_line=self._on_line)[-1]
            step.result = f"{built.reference}, {'built' if built.built else 'up to date'}"
        own = self._own_image(self._program, partial(self._step, lab))
        checked = own.check(built.reference, test[0])
        with own.from_registry(built.reference, checked) as image:
            name = f"iris-sklearn-{self._stamp}"
            model = self._train(lab, name, image, [self._channel("train")], {"n_estimators": "20"})
            self._deploy_and_predict(lab, name, image, model, test)

    # their steps

    def _train(
        self, lab: str, name: str, image: str, channels: list[dict[str, Any]], parameters: dict[str, str]
    ) -> str:
        with self._step(lab, "train") as step:
            request = {
                "TrainingJobName": name,
                "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
                "RoleArn": self._role,
                "HyperParameters": parameters,
                "InputDataConfig": channels,
                "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/{_PREFIX}/output"},
                "ResourceConfig": {"InstanceType": _INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 5},
                "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            }
            local = self._program.resolve(image).reference
            observer = TrainingObserver(on_line=self._on_line)
            result = self._program.training.run(request, local, observer=observer)
            if result.status != "Completed":
                raise JobFailed(f"{name}: {result.description.get('FailureReason', result.status)}")
            model: str = result.description["ModelArtifacts"]["S3ModelArtifacts"]
            step.keys.append(model.removeprefix(f"s3://{self._bucket}/"))
            step.result = f"{name} {result.status}"
        return model

    def _deploy_and_predict(self, lab: str, name: str, image: str, model: str, test: Sequence[str]) -> None:
        local = self._program.resolve(image).reference
        server = self._program.hosting.server(self._model(name, image, model), local, instance_type=_INSTANCE)
        try:
            with self._step(lab, "deploy") as step:
                server.start()
                step.result = "healthy: GET /ping answers 200"
            with self._step(lab, f"predict {len(test)} rows") as step:
                payload = "\n".join(features(row) for row in test).encode()
                answer = server.invoke(payload, {"Content-Type": "text/csv", "Accept": "text/csv"})
                if not answer.ok:
                    raise JobFailed(f"{name}: {answer.body.decode('utf-8', 'replace')}")
                self.outcome.accuracies[lab] = agreement(answer.body, test)
                step.result = f"accuracy {self.outcome.accuracies[lab]:.3f}"
        finally:
            with self._step(lab, "delete the endpoint") as step:
                ended = server.stop()
                step.result = "" if ended is None else f"ended with exit code {ended.code}"

    def _model(self, name: str, image: str, model: str) -> dict[str, Any]:
        return {
            "ModelName": name,
            "PrimaryContainer": {"Image": image, "ModelDataUrl": model},
            "ExecutionRoleArn": self._role,
        }

    def _channel(self, name: str) -> dict[str, Any]:
        return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": self._source(name)}}

    def _source(self, name: str) -> dict[str, str]:
        return {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self._bucket}/{_PREFIX}/{name}/"}

    def _put(self, key: str, rows: Sequence[str]) -> str:
        store = self._program.store
        store.ensure_bucket(self._bucket)
        store.put(self._bucket, key, io.BytesIO("".join(f"{row}\n" for row in rows).encode()))
        return key

    def _get(self, key: str) -> bytes:
        with self._program.store.open(self._bucket, key) as source:
            return source.read()

    @contextmanager
    def _step(self, lab: str, name: str) -> Iterator[Notes]:
        self._on_begin(lab, name)
        began, notes = time.monotonic(), Notes(tell=lambda news: self._on_begin(lab, f"{name}: {news}"))
        yield notes
        step = Step(lab, name, time.monotonic() - began, notes.result, tuple(notes.keys))
        self.outcome.steps.append(step)
        self._on_step(step)


def xgboost_uri(region: str) -> str:
    """AWS's own URI of the built-in XGBoost algorithm in a region."""
    account = aws_registries().xgboost["sagemaker-xgboost"].accounts[region]
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/sagemaker-xgboost:{_XGBOOST}"

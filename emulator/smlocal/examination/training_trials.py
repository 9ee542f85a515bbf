"""The training runs of an examination: the hardest that the platform allows, and what tells why it failed.

One run under all hard conditions at once answers for each of them when it passes. When it fails, the same is tried with
all of them lifted, and then with one lifted at a time: the first that passes names the cause.
"""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from smlocal.engine.interface import Engine
from smlocal.evidence import Conditions, TrainingEvidence, TrainingTrial
from smlocal.examination.bounds import Bounds, Guard, TookTooMuch
from smlocal.examination.interruption import Interruption
from smlocal.examination.plan import Plan
from smlocal.examination.stopping import Stop
from smlocal.settings import MEBIBYTE
from smlocal.storage.interface import ObjectStore
from smlocal.training import Observer, TrainingResult, TrainingRunner

HARD = "hard"
EASY = "easy"
JSON = "json"
BROKEN = "broken data"
STOPPED = "stopped"
RESUMED = "resumed"
TOOLKIT = "toolkit"
LIFTED = {
    "network": Conditions(network=True),
    "no extra channel": Conditions(extra_channel=False),
    TOOLKIT: Conditions(toolkit_variables=True),
    "json alone": Conditions(json_hyperparameters=True),
    "shared memory": Conditions(shared_memory=True),
}
_MOST_TIMES = 10_000  # of lines
_SHARED_MEMORY = 64 * MEBIBYTE  # Docker's default: the platform's is not published, and no request can change it
_LARGE_SHARED_MEMORY = 4096 * MEBIBYTE
_EXTRA = "smlocal-extra"
_EXTRA_ROW = b"a channel that nobody asked for\n"

# What the sagemaker-training toolkit sets and the platform does not. Source: aws/sagemaker-training-toolkit, params.py.
_TOOLKIT = {
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_OUTPUT_DIR": "/opt/ml/output",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_INPUT_DIR": "/opt/ml/input",
    "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
    "SM_CURRENT_HOST": "algo-1",
    "SM_HOSTS": '["algo-1"]',
    "SM_NUM_GPUS": "0",
}


class TrainingTrials:
    """Makes the training runs of one image."""

    def __init__(
        self,
        runner: TrainingRunner,
        store: ObjectStore,
        bucket: str,
        plan: Plan,
        addresses: Mapping[tuple[str, bool], str],
        on_trial: Callable[[str], None],
        stop: Stop,
        engine: Engine,
        bounds: Bounds,
    ) -> None:
        self._runner = runner
        self._store = store
        self._bucket = bucket
        self._plan = plan
        self._addresses = addresses
        self._on_trial = on_trial
        self._stop = stop
        self._engine = engine
        self._bounds = bounds
        self._checkpoints = f"checkpoints/{uuid.uuid4().hex}/"
        self._excess = ""  # of what a run took too much: no other is made then
        self.model: str | None = None  # the address of the first model that was written

    def run(self, image: str) -> dict[str, TrainingTrial]:
        """The trials by name; {} when there is no data to train on."""
        if not self._plan.channels:
            return {}
        made = {HARD: self._trial(image, Conditions())}
        if made[HARD].run.start_error or self._excess:
            return made
        if not made[HARD].good:
            made |= self._counterfactuals(image)
        elif not _left_a_model(made[HARD]) and not self._excess:
            # Who lost its model may have looked for a variable to say where it belongs.
            made[TOOLKIT] = self._trial(image, LIFTED[TOOLKIT])
        easiest = made[HARD] if made[HARD].good else made[EASY]
        if easiest.good:
            if self._plan.plain != self._plan.encoded and not easiest.conditions.json_hyperparameters:
                made[JSON] = self._trial(image, replace(easiest.conditions, json_hyperparameters=True))
            if self._plan.broken:
                made[BROKEN] = self._trial(image, replace(easiest.conditions, broken_data=True))
            made |= self._interrupted(image, easiest.conditions)
        return made

    def _interrupted(self, image: str, conditions: Conditions) -> dict[str, TrainingTrial]:
        """A long run that is stopped half-way, and one that could go on from the checkpoints that it left."""
        if self._plan.long is None:
            return {}
        conditions = replace(conditions, stopped=True)
        found = {STOPPED: self._trial(image, conditions)}
        if found[STOPPED].checkpoints and not self._excess:
            found[RESUMED] = self._trial(image, replace(conditions, resumed=True))
        return found

    def _counterfactuals(self, image: str) -> dict[str, TrainingTrial]:
        easy = Conditions(network=True, extra_channel=False, toolkit_variables=True, shared_memory=True)
        found = {EASY: self._trial(image, easy)}
        if not found[EASY].good and self._plan.plain != self._plan.encoded:
            found[EASY] = self._trial(image, replace(easy, json_hyperparameters=True))
        if not found[EASY].good or self._excess:
            return found
        # What the easy run could not do without is the likeliest cause, and spares the other runs.
        likely = found[EASY].conditions.json_hyperparameters
        for name, conditions in sorted(LIFTED.items(), key=lambda item: item[1].json_hyperparameters != likely):
            if conditions.json_hyperparameters and self._plan.plain == self._plan.encoded:
                continue
            found[name] = self._trial(image, conditions)
            if found[name].good:
                break
        return found

    def _trial(self, image: str, conditions: Conditions) -> TrainingTrial:
        self._on_trial(f"train {conditions}")
        clock = self._runner.monotonic
        began = clock()
        guard = Guard(self._bounds, self._engine, self._stop.event)
        times: list[float] = []
        interruption = self._interruption(conditions, guard.stop)
        observer = _observer(
            guard, lambda: times.append(clock() - began) if len(times) < _MOST_TIMES else None, interruption
        )
        request = self._request(image, conditions)
        with guard.watching(), interruption.pending() if interruption else nullcontext():
            result = self._made(request, image, observer, guard.stop, conditions)
        self._stop.check()
        self._excess = self._excess or guard.why
        if result is None:
            return _broken_off(image, conditions, clock() - began, guard.why, self._runner.settings.scaled)
        if result.status == "Completed" and result.evidence.model_files and self.model is None:
            self.model = str(result.description["ModelArtifacts"]["S3ModelArtifacts"])
        trial = _trial_of(result, conditions, clock() - began, tuple(times), guard.why)
        told = interruption.told if interruption else ""
        return replace(trial, checkpoints=self._kept_checkpoints(conditions), told=told)

    def _interruption(self, conditions: Conditions, stop: threading.Event) -> Interruption | None:
        if self._plan.long is None or not conditions.stopped:
            return None
        return Interruption(self._plan.long, conditions.resumed, stop)

    def _hurry(self, conditions: Conditions) -> threading.Event:
        """A run that has told that it goes on has no more to tell: it gets no time to end by itself."""
        if not conditions.resumed:
            return self._stop.hurry
        at_once = threading.Event()
        at_once.set()
        return at_once

    def _kept_checkpoints(self, conditions: Conditions) -> tuple[str, ...]:
        if not conditions.stopped:
            return ()
        found = self._store.list(self._bucket, self._checkpoints)
        return tuple(item.key.removeprefix(self._checkpoints) for item in found)

    def _made(
        self, request: dict[str, Any], image: str, observer: Observer, stop: threading.Event, conditions: Conditions
    ) -> TrainingResult | None:
        """The job's result; None when it left too much to be read."""
        try:
            return self._runner.run(
                request,
                image,
                observer=observer,
                stop=stop,
                hurry=self._hurry(conditions),
                shared_memory_bytes=_LARGE_SHARED_MEMORY if conditions.shared_memory else _SHARED_MEMORY,
            )
        except TookTooMuch:
            return None

    def _request(self, image: str, conditions: Conditions) -> dict[str, Any]:
        plan = self._plan
        environment = {**(_TOOLKIT if conditions.toolkit_variables else {}), **plan.training_environment}
        if conditions.toolkit_variables:
            names = plan.channels
            environment |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in names}
        request = {
            "TrainingJobName": f"check-{uuid.uuid4().hex[:12]}",
            "AlgorithmSpecification": self._algorithm(image),
            "RoleArn": "arn:aws:iam::000000000000:role/smlocal-check",
            "HyperParameters": self._hyperparameters(conditions),
            "InputDataConfig": self._channels(conditions),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/trained"},
            "ResourceConfig": {"InstanceType": plan.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": plan.max_runtime},
            "EnableNetworkIsolation": not conditions.network,
        }
        if conditions.stopped and plan.long and plan.long.resumes:
            request["CheckpointConfig"] = {"S3Uri": f"s3://{self._bucket}/{self._checkpoints}"}
        return {**request, "Environment": environment} if environment else request

    def _algorithm(self, image: str) -> dict[str, Any]:
        algorithm: dict[str, Any] = {"TrainingImage": image, "TrainingInputMode": "File"}
        definitions = [{"Name": name, "Regex": regex} for name, regex in self._plan.metrics.items()]
        return {**algorithm, "MetricDefinitions": definitions} if definitions else algorithm

    def _hyperparameters(self, conditions: Conditions) -> dict[str, str]:
        plan = self._plan
        if conditions.stopped and plan.long:
            plan = replace(plan, hyperparameters={**plan.hyperparameters, **plan.long.hyperparameters})
        return plan.encoded if conditions.json_hyperparameters else plan.plain

    def _channels(self, conditions: Conditions) -> list[dict[str, Any]]:
        sources = self._plan.broken if conditions.broken_data else {}
        found = []
        for name, source in {**self._plan.channels, **sources}.items():
            address = self._addresses[name, name in sources]
            found.append(_channel(name, address, source.content_type))
        if conditions.extra_channel:
            self._store.put(self._bucket, "extra/row", io.BytesIO(_EXTRA_ROW))
            found.append(_channel(_EXTRA, f"s3://{self._bucket}/extra/", None))
        return found


def _left_a_model(trial: TrainingTrial) -> bool:
    return any(item.kind != "directory" for item in trial.run.model_files)


def _channel(name: str, address: str, content_type: str | None) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": address}}
    channel: dict[str, Any] = {"ChannelName": name, "DataSource": source}
    return {**channel, "ContentType": content_type} if content_type else channel


def _observer(guard: Guard, on_line: Callable[[], None], interruption: Interruption | None) -> Observer:
    def line(text: str) -> None:
        guard.count_line(len(text))
        on_line()
        if interruption:
            interruption.on_line(text)

    def status(name: str, message: str) -> None:
        if interruption:
            interruption.on_status(name, message)

    def passed(transfer: str, total: int) -> None:
        if transfer == "output":
            guard.count_output(total)

    return Observer(on_status=status, on_line=line, on_bytes=passed)


def _trial_of(
    result: TrainingResult, conditions: Conditions, seconds: float, times: tuple[float, ...], excess: str
) -> TrainingTrial:
    return TrainingTrial(
        conditions=conditions,
        status=result.status,
        reason=str(result.description.get("FailureReason", excess)),
        seconds=seconds,
        run=result.evidence,
        line_times=times,
        metrics=tuple(item["MetricName"] for item in result.description.get("FinalMetricDataList", ())),
    )


def _broken_off(image: str, conditions: Conditions, seconds: float, why: str, scaled: tuple[str, ...]) -> TrainingTrial:
    """A run whose output was too much to be read: nothing is known of it but that."""
    run = TrainingEvidence(
        image=image,
        exit_code=None,
        start_error="",
        out_of_memory=False,
        stop_requested="",
        killed_after_grace=False,
        failure_file=None,
        model_files=(),
        output_files=(),
        last_lines=(),
        transitions=(),
        scaled_limits=scaled,
        notes=(),
    )
    return TrainingTrial(conditions, "Failed", why, seconds, run)

"""The training runs of an examination: the hardest that the platform allows, and what tells why it failed.

One run under all hard conditions at once answers for each of them when it passes. When it fails, the same is tried with
all of them lifted, and then with one lifted at a time: the first that passes names the cause. Two things lie beside the
data, and are lifted together when neither alone was enough.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from smlocal.engine.interface import Engine
from smlocal.evidence import Conditions, TrainingEvidence, TrainingTrial
from smlocal.examination.bounds import Bounds, Guard, TookTooMuch
from smlocal.examination.interruption import Interruption
from smlocal.examination.plan import Plan
from smlocal.examination.program_watch import ProgramWatch
from smlocal.examination.stopping import Stop
from smlocal.examination.training_requests import TrainingRequests
from smlocal.settings import MEBIBYTE
from smlocal.storage.interface import ObjectStore
from smlocal.training import Observer, Surroundings, TrainingResult, TrainingRunner

HARD = "hard"
EASY = "easy"
JSON = "json"
BROKEN = "broken data"
UNBUFFERED = "unbuffered"
STOPPED = "stopped"
RESUMED = "resumed"
TOOLKIT = "toolkit"
ANY_JOB = "any job"
# all that some job of the platform has; the toolkit's variables, and channels without manifests, none has
_ANY_JOB = Conditions(network=True, extra_channel=False, shared_memory=True)
LIFTED = {
    "network": Conditions(network=True),
    "no extra channel": Conditions(extra_channel=False),
    "no manifests": Conditions(manifests=False),
    TOOLKIT: Conditions(toolkit_variables=True),
    "json alone": Conditions(json_hyperparameters=True),
    "shared memory": Conditions(shared_memory=True),
    # who counts or reads all that lies beside its channel trips over either
    "data alone": Conditions(extra_channel=False, manifests=False),
}
_TELLING = 0.5  # seconds that a program takes, for that to tell anything
_SHARED_MEMORY = 64 * MEBIBYTE  # Docker's default: the platform's is not published, and no request can change it
_LARGE_SHARED_MEMORY = 4096 * MEBIBYTE


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
        self._requests = TrainingRequests(plan, store, bucket, addresses)
        self._on_trial = on_trial
        self._stop = stop
        self._engine = engine
        self._bounds = bounds
        self._excess = ""  # of what a run took too much: no other is made then
        self.model: str | None = None  # the address of the first model that was written

    def first(self, image: str) -> dict[str, TrainingTrial]:
        """The trials that tell whether it trains, by name; {} when there is no data to train on."""
        if not self._plan.channels:
            return {}
        made = {HARD: self._trial(image, Conditions())}
        if not (made[HARD].good or made[HARD].run.start_error or self._excess):
            made |= self._counterfactuals(image)
        elif made[HARD].good and not _left_a_model(made[HARD]) and not self._excess:
            # Who lost its model may have looked for a variable to say where it belongs.
            made[TOOLKIT] = self._trial(image, LIFTED[TOOLKIT])
        return made

    def others(
        self, image: str, made: Mapping[str, TrainingTrial], unbuffered: bool
    ) -> dict[str, Callable[[], TrainingTrial]]:
        """What else is to be tried with an image that trains, by name. Of none of it does the time matter.

        `unbuffered`: the image has what keeps Python from holding back its output.
        """
        easiest = _easiest(made)
        if easiest is None or self._excess:
            return {}
        wanted = {}
        if self._plan.plain != self._plan.encoded and not easiest.conditions.json_hyperparameters:
            wanted[JSON] = replace(easiest.conditions, json_hyperparameters=True)
        if self._plan.broken:
            wanted[BROKEN] = replace(easiest.conditions, broken_data=True)
        if not unbuffered and easiest.speaks_at_its_end and (easiest.program_seconds or 0) >= _TELLING:
            wanted[UNBUFFERED] = replace(easiest.conditions, unbuffered=True)
        return {name: partial(self._trial, image, conditions) for name, conditions in wanted.items()}

    def interrupted(self, image: str, made: Mapping[str, TrainingTrial]) -> dict[str, TrainingTrial]:
        """A long run that is stopped half-way, and one that could go on from the checkpoints that it left."""
        easiest = _easiest(made)
        if self._plan.long is None or easiest is None or self._excess:
            return {}
        conditions = replace(easiest.conditions, stopped=True)
        found = {STOPPED: self._trial(image, conditions)}
        if found[STOPPED].checkpoints and not self._excess:
            found[RESUMED] = self._trial(image, replace(conditions, resumed=True))
        return found

    def _counterfactuals(self, image: str) -> dict[str, TrainingTrial]:
        easy = Conditions(
            network=True, extra_channel=False, manifests=False, toolkit_variables=True, shared_memory=True
        )
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
                return found
        found[ANY_JOB] = self._trial(image, replace(_ANY_JOB, json_hyperparameters=likely))
        return found

    def _trial(self, image: str, conditions: Conditions) -> TrainingTrial:
        self._on_trial(f"train {conditions}")
        watch = ProgramWatch(self._runner.monotonic)
        guard = Guard(self._bounds, self._engine, self._stop)
        interruption = self._interruption(conditions, guard.stop)
        observer = _observer(guard, watch, interruption)
        request = self._requests.of(image, conditions)
        with guard.watching(), interruption.pending() if interruption else nullcontext():
            result = self._made(request, image, observer, guard, conditions)
        self._stop.check()
        self._excess = self._excess or guard.why  # a run beside this one may have been first
        if result is None:
            return _broken_off(image, conditions, watch.seconds(), guard.why, self._runner.settings.scaled)
        if result.status == "Completed" and result.evidence.model_files and self.model is None:
            self.model = str(result.description["ModelArtifacts"]["S3ModelArtifacts"])
        trial = _trial_of(result, conditions, watch, guard.why)
        told = interruption.told if interruption else ""
        return replace(trial, checkpoints=self._kept_checkpoints(conditions), told=told)

    def _interruption(self, conditions: Conditions, stop: threading.Event) -> Interruption | None:
        if self._plan.long is None or not conditions.stopped:
            return None
        return Interruption(self._plan.long, conditions.resumed, stop)

    def _hurry(self, conditions: Conditions, guard: Guard) -> threading.Event:
        """A run that has told that it goes on has no more to tell: it gets no time to end by itself."""
        if not conditions.resumed:
            return guard.hurry
        at_once = threading.Event()
        at_once.set()
        return at_once

    def _kept_checkpoints(self, conditions: Conditions) -> tuple[str, ...]:
        if not conditions.stopped:
            return ()
        found = self._store.list(self._bucket, self._requests.checkpoints)
        return tuple(item.key.removeprefix(self._requests.checkpoints) for item in found)

    def _made(
        self, request: dict[str, Any], image: str, observer: Observer, guard: Guard, conditions: Conditions
    ) -> TrainingResult | None:
        """The job's result; None when it left too much to be read."""
        try:
            return self._runner.run(
                request,
                image,
                observer=observer,
                stop=guard.stop,
                hurry=self._hurry(conditions, guard),
                surroundings=Surroundings(
                    shared_memory_bytes=_LARGE_SHARED_MEMORY if conditions.shared_memory else _SHARED_MEMORY,
                    manifests=conditions.manifests,
                ),
            )
        except TookTooMuch:
            return None


def _left_a_model(trial: TrainingTrial) -> bool:
    return any(item.kind != "directory" for item in trial.run.model_files)


def _easiest(made: Mapping[str, TrainingTrial]) -> TrainingTrial | None:
    """The run that passed with everything that can be lifted lifted, or, better, with nothing; None: none did."""
    return next((made[name] for name in (HARD, EASY) if name in made and made[name].good), None)


def _observer(guard: Guard, watch: ProgramWatch, interruption: Interruption | None) -> Observer:
    def line(text: str) -> None:
        guard.count_line(len(text))
        watch.on_line()
        if interruption:
            interruption.on_line(text)

    def status(name: str, message: str) -> None:
        watch.on_status(name)
        if interruption:
            interruption.on_status(name, message)

    def passed(transfer: str, total: int) -> None:
        if transfer == "output":
            guard.count_output(total)

    return Observer(on_status=status, on_line=line, on_bytes=passed, on_exit=watch.on_exit)


def _trial_of(result: TrainingResult, conditions: Conditions, watch: ProgramWatch, excess: str) -> TrainingTrial:
    return TrainingTrial(
        conditions=conditions,
        status=result.status,
        reason=str(result.description.get("FailureReason", excess)),
        seconds=watch.seconds(),
        run=result.evidence,
        line_times=tuple(watch.line_times),
        program_began=watch.began,
        program_ended=watch.ended,
        written_elsewhere=watch.written_elsewhere,
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

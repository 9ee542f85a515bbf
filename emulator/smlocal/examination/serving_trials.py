"""The serving runs of an examination: which are made, of an image that came up or did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from smlocal.evidence import Conditions, ImageEvidence, ServingTrial, hardest_that_answers
from smlocal.examination.plan import Plan
from smlocal.examination.probes import SAMPLE
from smlocal.examination.serving_run import Models, ServingRuns
from smlocal.hosting import PORT, on_loopback_only

HARD = "hard"
EASY = "easy"
WRITABLE = "writable model"
BATCH_RUN = "batch"
EMPTY_MODEL = "empty model"
OTHER_PORT_RUN = "other port"
MULTI_MODEL_RUN = "multi-model"
_PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"

Trials = dict[str, ServingTrial]


class ServingTrials:
    """Makes the serving runs of one image, of which these are the facts."""

    def __init__(self, runs: ServingRuns, plan: Plan, models: Models, facts: ImageEvidence) -> None:
        self._runs = runs
        self._plan = plan
        self._models = models
        self._facts = facts

    def first(self, image: str) -> Trials:
        """The trials that tell whether it comes up and what it answers, by name. A second one tells whether it was the
        network that the first one lacked, to come up or to answer; a third, of what ends by itself, whether it was a
        model that can be changed, as no endpoint's can."""
        made = {HARD: self._runs.run(image, Conditions())}
        hard = made[HARD].run
        listens_elsewhere = on_loopback_only(hard.listening or (), PORT)  # no network helps there
        if not made[HARD].healthy and not (hard.start_error or listens_elsewhere or self._runs.lacks_model):
            made[EASY] = self._runs.run(image, Conditions(network=True))
            if not made[EASY].healthy and made[EASY].run.exited_by_itself and self._models.usual is not None:
                made[WRITABLE] = self._runs.run(image, Conditions(network=True, writable_model=True))
        elif made[HARD].exchanges and not (made[HARD].answers or made[HARD].cause):
            made[EASY] = self._runs.run(image, Conditions(network=True), hard)
        return made

    def others(self, image: str, made: Mapping[str, ServingTrial]) -> list[Callable[[], Trials]]:
        """What else is to be tried with an image that comes up.

        As a batch transform would run it, when it answers the records; as a multi-model endpoint would, when it bears
        the label for that, and has a model; with a model of which nothing can come, when it answers with a good one,
        and is not of those that are healthy before they have any.
        """
        last = hardest_that_answers(made.values())
        if last is None or last.cause or last.conditions.writable_model:
            return []
        wanted: list[Callable[[], Trials]] = []
        if self._answers_records(last):
            wanted.append(partial(self._batch, image, last))
        if self._models.usual is not None and self._facts.holds_models:
            conditions = replace(last.conditions, multi_model=True)
            wanted.append(partial(self._one, MULTI_MODEL_RUN, image, conditions, last))
        elif self._models.usual is not None and last.exchanges and last.exchanges[0].good:
            conditions = replace(last.conditions, empty_model=True)
            wanted.append(partial(self._one, EMPTY_MODEL, image, conditions, last))
        return wanted

    def _one(self, name: str, image: str, conditions: Conditions, last: ServingTrial) -> Trials:
        return {name: self._runs.run(image, conditions, last.run)}

    def _batch(self, image: str, last: ServingTrial) -> Trials:
        """The container of a batch transform. Who says that it listens where it is told is told another port, as in a
        pipeline; when that does not come up, the usual one tells whether it was for the port."""
        conditions = replace(last.conditions, batch=True)
        if not self._facts.takes_port or _PORT_VARIABLE in self._plan.serving_environment:
            return self._one(BATCH_RUN, image, conditions, last)
        elsewhere = self._runs.run(image, replace(conditions, other_port=True), last.run)
        if elsewhere.healthy:
            return {BATCH_RUN: elsewhere}
        return {OTHER_PORT_RUN: elsewhere, **self._one(BATCH_RUN, image, conditions, last)}

    def _answers_records(self, trial: ServingTrial) -> bool:
        samples, work = trial.of(SAMPLE), self._runs.work
        if work is None or not samples:
            return False
        return samples[self._plan.samples.index(work.sample)].good

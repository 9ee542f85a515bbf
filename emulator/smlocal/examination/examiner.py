"""One image, the runs that it takes to know it, frozen as evidence.

What is judged by the time that it takes runs alone on the machine; the other runs are made several at a time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from smlocal.engine.interface import Engine
from smlocal.evidence import Asked, Examination, ImageEvidence, ServingTrial, TrainingTrial
from smlocal.examination.batch_probes import first_by_lines
from smlocal.examination.bounds import Bounds
from smlocal.examination.image_facts import ImageExaminer
from smlocal.examination.plan import Plan
from smlocal.examination.published import published_manifest
from smlocal.examination.serving_run import Models, ServingRuns, empty_archive
from smlocal.examination.serving_trials import ServingTrials
from smlocal.examination.stopping import Stop
from smlocal.examination.training_trials import TrainingTrials
from smlocal.hosting import ModelHost
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.registry.interface import Repository
from smlocal.registry.reference import RegistryReference
from smlocal.settings import MEBIBYTE, Settings
from smlocal.storage.interface import ObjectStore
from smlocal.training import TrainingRunner

BUCKET = "check"
_EMPTY_MODEL = "empty/model.tar.gz"
_GIBIBYTE = 1024 * MEBIBYTE


class Examiner:
    """Examines images. The store, the records and the runs are the examination's own; constructed by wiring."""

    def __init__(
        self,
        *,
        engine: Engine,
        launcher: Launcher,
        training: TrainingRunner,
        hosting: ModelHost,
        http: HttpClient,
        store: ObjectStore,
        settings: Settings,
        repository: Callable[[RegistryReference], Repository],
    ) -> None:
        self._engine = engine
        self._launcher = launcher
        self._training = training
        self._hosting = hosting
        self._http = http
        self._store = store
        self._settings = settings
        self._repository = repository

    def look(self, image: str) -> ImageEvidence:
        """What the image shows without being run. Raises ImageNotFound."""
        return ImageExaminer(self._engine, self._launcher).examine(image)

    def examine(
        self,
        image: str,
        plan: Plan,
        addresses: Mapping[tuple[str, bool], str],
        model: str | None = None,
        on_trial: Callable[[str], None] = lambda trial: None,
        stop: Stop | None = None,
        bounds: Bounds | None = None,
        too_big: str | None = None,
    ) -> Examination:
        """Make the runs. `addresses` says where the data of a channel lies: (name, whether it is the broken data);
        `model` and `too_big` where the plan's models lie.

        Raises CannotRun when the engine or the store fails, ImageNotFound, Stopped. What the image does is evidence.
        """
        stop, bounds = stop or Stop(), bounds or Bounds()
        self._store.ensure_bucket(BUCKET)
        on_trial("look at the image")
        facts = self.look(image)
        image = facts.id  # the name may come to mean another image while this one is examined
        if plan.manifest is not None:
            facts = replace(facts, manifest=plan.manifest)
        if plan.published is not None:
            facts = replace(facts, manifest=published_manifest(self._repository, plan.published))
        trials = TrainingTrials(
            self._training, self._store, BUCKET, plan, addresses, on_trial, stop, self._engine, bounds
        )
        trained = trials.first(image) if plan.train and _can_start(facts, "train") else {}
        served: dict[str, ServingTrial] = {}
        also: list[Callable[[], dict[str, ServingTrial]]] = []
        if plan.serve and _can_start(facts, "serve"):
            models = Models(model or trials.model, self._empty_model(), too_big)
            serving = ServingTrials(self._runs(plan, models, on_trial, stop, bounds), plan, models, facts)
            served = serving.first(image)
            also = serving.others(image, served)
        others = trials.others(image, trained, bool(facts.environment.get("PYTHONUNBUFFERED")))
        more_trained, more_served = _beside_each_other(stop, self._at_a_time(plan), others, also)
        trained |= {**more_trained, **trials.interrupted(image, trained)}
        return Examination(self._asked(plan, model), facts, trained, {**served, **more_served})

    def _at_a_time(self, plan: Plan) -> int:
        """How many runs this machine has room for: one more than it has processors, since each waits now and then for
        something else, and each with the instance's memory, in whole GiB: like an instance's, a machine's memory is
        a little less than its name says."""
        facts, granted = self._engine.facts(), self._launcher.grant(plan.instance_type)
        room = round(facts.memory_bytes / _GIBIBYTE) // max(1, round(granted.memory_bytes / _GIBIBYTE))
        return max(1, min(facts.cpus + 1, room))

    def _runs(
        self, plan: Plan, models: Models, on_trial: Callable[[str], None], stop: Stop, bounds: Bounds
    ) -> ServingRuns:
        return ServingRuns(
            self._hosting, self._http, self._settings, plan, models, on_trial, stop, self._engine, bounds
        )

    def _empty_model(self) -> str:
        """Where an archive lies that no program can have trained."""
        self._store.put(BUCKET, _EMPTY_MODEL, io.BytesIO(empty_archive()))
        return f"s3://{BUCKET}/{_EMPTY_MODEL}"

    def _asked(self, plan: Plan, model: str | None) -> Asked:
        return Asked(
            architecture=plan.architecture,
            instance_type=plan.instance_type,
            isolated=plan.network_isolation,
            training=plan.train,
            serving=plan.serve,
            channels=tuple(plan.channels),
            broken_data=bool(plan.broken),
            hyperparameters=plan.plain,
            encodings_differ=plan.plain != plan.encoded,
            long_run=plan.long is not None,
            resumes=bool(plan.long and plan.long.resumes),
            metrics=tuple(plan.metrics),
            asynchronous=plan.asynchronous,
            soak=plan.soak,
            samples=len(plan.samples),
            records=first_by_lines(plan.samples) is not None,
            too_big=plan.too_big is not None,
            model_given=model is not None,
            serverless=plan.serverless,
            serverless_image_bytes=self._settings.limits.serverless_image_bytes,
            relayed=not self._engine.facts().shares_this_machine,
            scaled_limits=self._settings.scaled,
        )


def _beside_each_other(
    stop: Stop,
    at_a_time: int,
    trainings: Mapping[str, Callable[[], TrainingTrial]],
    servings: Sequence[Callable[[], Mapping[str, ServingTrial]]],
) -> tuple[dict[str, TrainingTrial], dict[str, ServingTrial]]:
    """The runs of which the time matters to nobody, made so many at a time."""
    with ThreadPoolExecutor(at_a_time) as pool, stopping(stop, pool):
        served = [pool.submit(make) for make in servings]  # the longer ones first
        trained = {name: pool.submit(make) for name, make in trainings.items()}
        runs: list[Future[Any]] = [*served, *trained.values()]
        for run in wait(runs, return_when=FIRST_EXCEPTION).done:
            run.result()
    alone = at_a_time == 1 or len(runs) == 1
    found = [item for made in served for item in made.result().items()]
    return (
        {name: replace(made.result(), alone=alone) for name, made in trained.items()},
        {name: replace(trial, alone=alone) for name, trial in found},
    )


@contextmanager
def stopping(stop: Stop, pool: ThreadPoolExecutor) -> Iterator[None]:
    """What goes wrong in one run, or with whoever waits for them, ends the others, and none of the rest begins."""
    try:
        yield
    except BaseException:
        stop.event.set()
        stop.hurry.set()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _can_start(facts: ImageEvidence, word: str) -> bool:
    """Whether it is worth a run: a program that is not there cannot be started, and the facts say so already."""
    return facts.programs[word].kind != "missing"

"""One image, the runs that it takes to know it, frozen as evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smlocal.engine.interface import Engine
from smlocal.evidence import Asked, Examination, ImageEvidence
from smlocal.examination.batch_probes import first_by_lines
from smlocal.examination.bounds import Bounds
from smlocal.examination.image_facts import ImageExaminer
from smlocal.examination.plan import Plan
from smlocal.examination.serving_trials import ServingTrials
from smlocal.examination.stopping import Stop
from smlocal.examination.training_trials import TrainingTrials
from smlocal.hosting import ModelHost
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore
from smlocal.training import TrainingRunner

BUCKET = "check"


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
    ) -> None:
        self._engine = engine
        self._launcher = launcher
        self._training = training
        self._hosting = hosting
        self._http = http
        self._store = store
        self._settings = settings

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
    ) -> Examination:
        """Make the runs. `addresses` says where the data of a channel lies: (name, whether it is the broken data).

        Raises CannotRun when the engine or the store fails, ImageNotFound, Stopped. What the image does is evidence.
        """
        stop, bounds = stop or Stop(), bounds or Bounds()
        self._store.ensure_bucket(BUCKET)
        on_trial("look at the image")
        facts = self.look(image)
        trials = TrainingTrials(
            self._training, self._store, BUCKET, plan, addresses, on_trial, stop, self._engine, bounds
        )
        trained = trials.run(image) if plan.train and _can_start(facts, "train") else {}
        served = {}
        if plan.serve and _can_start(facts, "serve"):
            given = model or trials.model
            served = ServingTrials(
                self._hosting, self._http, self._settings, plan, given, on_trial, stop, self._engine, bounds
            ).run(image)
        return Examination(self._asked(plan, model), facts, trained, served)

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
            samples=len(plan.samples),
            records=first_by_lines(plan.samples) is not None,
            model_given=model is not None,
            scaled_limits=self._settings.scaled,
        )


def _can_start(facts: ImageEvidence, word: str) -> bool:
    """Whether it is worth a run: a program that is not there cannot be started, and the facts say so already."""
    return facts.programs[word].kind != "missing"

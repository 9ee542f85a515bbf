"""One training job: read the channels, grow the model, print its accuracy, save it, and stop when told to."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from iris import estimator, hyperparameters, model
from iris.optml import JobError, OptML
from iris.training_data import Rows, read_channel

TRAIN_CHANNELS = ("train", "training")
REPORTS = 10
# SageMaker kills the container 120 s after SIGTERM; what one round of growing takes must fit well inside.
SECONDS_TO_FINISH_A_ROUND = 60.0


@dataclass
class Fit:
    """A fit under way in a thread: asked to stop by `stop`, over when `done` is set."""

    classifier: ClassifierMixin
    train: Rows
    validation: Rows | None
    stop: threading.Event
    done: threading.Event = field(default_factory=threading.Event)
    fitted: bool = False
    error: BaseException | None = None

    def run(self) -> None:
        """Fit to the end or to the round in which `stop` was set; errors are kept for the main thread."""
        try:
            # A number too large for the learner's own type ends in its ValueError; the warning before it says less.
            with np.errstate(over="ignore"):
                self._fit()
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def _fit(self) -> None:
        if grows(self.classifier):
            self._grow()
            return
        self.classifier.fit(*self.train)
        self.fitted = True
        self._report("")

    def _grow(self) -> None:
        size = self.classifier.n_estimators
        self.classifier.set_params(warm_start=True)
        for count in range(1, size + 1):
            if self.stop.is_set():
                return
            self.classifier.set_params(n_estimators=count)
            self.classifier.fit(*self.train)
            self.fitted = True
            if count == size or count % max(1, size // REPORTS) == 0:
                self._report(f"[{count}/{size}] ")

    def _report(self, progress: str) -> None:
        metrics = [f"train:accuracy={self.classifier.score(*self.train):.6f}"]
        if self.validation:
            metrics.append(f"validation:accuracy={self.classifier.score(*self.validation):.6f}")
        print(progress + " ".join(metrics), flush=True)


def grows(classifier: ClassifierMixin) -> bool:
    """Whether a classifier can be fitted a few members at a time."""
    parameters = classifier.get_params(deep=False)
    return {"warm_start", "n_estimators"} <= set(parameters)


def run(optml: OptML, stop: threading.Event) -> None:
    """Train and save the model; a set `stop` ends it soon, saving what has been grown. Raises JobError."""
    values = hyperparameters.read(optml.config("hyperparameters"), estimator.HYPERPARAMETERS)
    _check_channels(optml.config("inputdataconfig"))
    train = _training_rows(optml)
    folder = optml.channel("validation")
    validation = read_channel(folder) if folder else None
    _check_columns(train, validation)
    print(f"Training on {len(train[1])} rows of {train[0].shape[1]} features with {values}.", flush=True)
    fit = Fit(estimator.build(values), train, validation, stop)
    _await(fit)
    if not fit.fitted:
        print("Stopped before there was a model; nothing is saved.", file=sys.stderr, flush=True)
        return
    model.save(fit.classifier, optml.model_file)
    print(f"Saved {optml.model_file}{' as it was when stopped' if stop.is_set() else ''}.", flush=True)


def _await(fit: Fit) -> None:
    # Fitting happens beside the main thread, because Python runs signal handlers in the main thread only, and not
    # while it is inside a long computation of a library.
    threading.Thread(target=fit.run, daemon=True).start()
    while not fit.done.wait(0.05):
        if fit.stop.is_set():
            fit.done.wait(SECONDS_TO_FINISH_A_ROUND if grows(fit.classifier) else 0.0)
            break
    if fit.error:
        if isinstance(fit.error, ValueError):
            raise JobError(f"The model cannot be fitted: {fit.error}") from fit.error
        raise fit.error


def _training_rows(optml: OptML) -> Rows:
    for name in TRAIN_CHANNELS:
        channel = optml.channel(name)
        if channel:
            return read_channel(channel)
    raise JobError("The job has no channel 'train' or 'training'.")


def _check_channels(config: Mapping[str, Any]) -> None:
    for name, channel in config.items():
        if not isinstance(channel, dict) or name not in (*TRAIN_CHANNELS, "validation"):
            continue
        if channel.get("TrainingInputMode") == "Pipe":
            raise JobError(f"Channel {name!r} comes in Pipe mode; this image reads File mode.")
        content_type = str(channel.get("ContentType") or "text/csv").partition(";")[0].strip().lower()
        if content_type not in ("text/csv", "csv"):
            raise JobError(f"Channel {name!r} has content type {content_type!r}; this image reads text/csv.")


def _check_columns(train: Rows, validation: Rows | None) -> None:
    if validation and validation[0].shape[1] != train[0].shape[1]:
        raise JobError(
            f"Channel 'validation' has {validation[0].shape[1]} features, the training channel {train[0].shape[1]}."
        )
    if validation and validation[1].dtype.kind != train[1].dtype.kind:
        raise JobError("The labels of channel 'validation' are not of the kind that the training channel has.")

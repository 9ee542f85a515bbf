"""The fitted classifier on disk and in use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin


class ModelUnavailable(Exception):
    """There is no usable model; the text is one sentence that says why."""


class UnfitRecords(ValueError):
    """The records are readable but not what the model was fitted on; the text is one sentence for the caller."""


@dataclass(frozen=True)
class Predictions:
    """What the model says of each record: its label and, where the classifier has them, the classes' scores."""

    labels: list[Any]
    scores: list[list[float]] | None


def save(classifier: ClassifierMixin, path: Path) -> None:
    """Write the classifier whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    joblib.dump(classifier, draft)
    draft.replace(path)


class Model:
    """A loaded classifier."""

    def __init__(self, classifier: ClassifierMixin) -> None:
        self._classifier = classifier

    @classmethod
    def load(cls, path: Path) -> Model:
        """The model in a file; raises ModelUnavailable when it is missing or cannot be read."""
        try:
            classifier = joblib.load(path)
        except FileNotFoundError:
            raise ModelUnavailable(f"There is no model at {path}.") from None
        except Exception as error:  # unpickling raises whatever the classes it names raise
            raise ModelUnavailable(f"The model at {path} cannot be loaded: {type(error).__name__}: {error}") from error
        if not hasattr(classifier, "predict"):
            raise ModelUnavailable(f"The model at {path} is a {type(classifier).__name__}, not a classifier.")
        return cls(classifier)

    def predict(self, records: npt.NDArray[np.float64], *, with_scores: bool) -> Predictions:
        """Labels (and scores) in the order of the records (rows x columns); raises UnfitRecords."""
        wanted = getattr(self._classifier, "n_features_in_", records.shape[1])
        if records.shape[1] != wanted:
            raise UnfitRecords(f"Each record needs {wanted} features; these have {records.shape[1]}.")
        try:
            with np.errstate(over="ignore"):  # too large a number ends in a ValueError that says so
                return self._predict(records, with_scores)
        except ValueError as error:
            raise UnfitRecords(f"The model refuses the records: {error}") from error

    def _predict(self, records: npt.NDArray[np.float64], with_scores: bool) -> Predictions:
        if with_scores and hasattr(self._classifier, "predict_proba"):
            scores = self._classifier.predict_proba(records)
            labels = self._classifier.classes_[scores.argmax(axis=1)]
            return Predictions(labels.tolist(), scores.tolist())
        return Predictions(self._classifier.predict(records).tolist(), None)

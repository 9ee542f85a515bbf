"""The evaluation metrics that the container computes itself, because xgboost has none of that name.

AWS's 3.x images threshold probabilities at 0 and so report wrong figures for binary objectives; here labels are
taken as the objective defines them: 0.5 for probabilities, 0 for margins, the largest of a row for softprob.

Source: names and averages from aws/sagemaker-xgboost-container; definitions from scikit-learn's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import xgboost as xgb

from smlocal_xgboost.errors import UserError

Metric = Callable[[np.ndarray, np.ndarray], float]

MARGIN_OBJECTIVES = ("binary:logitraw",)


@dataclass(frozen=True)
class _Scores:
    """Precision and recall per class; a class that is never predicted or never there scores 0."""

    precision: np.ndarray
    recall: np.ndarray

    @property
    def f1(self) -> np.ndarray:
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0)


def _scores(truth: np.ndarray, labels: np.ndarray) -> _Scores:
    classes = np.union1d(truth, labels)
    is_true, is_given = truth[:, None] == classes, labels[:, None] == classes
    hits = (is_true & is_given).sum(axis=0).astype(float)
    return _Scores(_ratio(hits, is_given.sum(axis=0)), _ratio(hits, is_true.sum(axis=0)))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _accuracy(truth: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(truth == labels))


def _balanced_accuracy(truth: np.ndarray, labels: np.ndarray) -> float:
    recalls = [float(np.mean(labels[truth == name] == name)) for name in np.unique(truth)]
    return float(np.mean(recalls))


def _binary(pick: Callable[[_Scores], np.ndarray]) -> Metric:
    def score(truth: np.ndarray, labels: np.ndarray) -> float:
        if len(np.union1d(truth, labels)) > 2:
            raise UserError("Target is multiclass but average='binary'")
        positive = np.union1d(truth, labels) == 1
        return float(pick(_scores(truth, labels))[positive].sum())

    return score


def _macro(pick: Callable[[_Scores], np.ndarray]) -> Metric:
    return lambda truth, labels: float(np.mean(pick(_scores(truth, labels))))


def _mse(truth: np.ndarray, values: np.ndarray) -> float:
    return float(np.mean((truth - values) ** 2))


def _rmse(truth: np.ndarray, values: np.ndarray) -> float:
    return float(np.sqrt(_mse(truth, values)))


def _mae(truth: np.ndarray, values: np.ndarray) -> float:
    return float(np.mean(np.abs(truth - values)))


def _r2(truth: np.ndarray, values: np.ndarray) -> float:
    spread = float(np.sum((truth - truth.mean()) ** 2))
    rest = float(np.sum((truth - values) ** 2))
    if spread == 0:
        return 1.0 if rest == 0 else 0.0
    return 1.0 - rest / spread


ON_LABELS: dict[str, Metric] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _macro(lambda scores: scores.f1),
    "f1_binary": _binary(lambda scores: scores.f1),
    "f1_macro": _macro(lambda scores: scores.f1),
    "precision": _binary(lambda scores: scores.precision),
    "precision_macro": _macro(lambda scores: scores.precision),
    "precision_micro": _accuracy,
    "recall": _binary(lambda scores: scores.recall),
    "recall_macro": _macro(lambda scores: scores.recall),
    "recall_micro": _accuracy,
}
ON_VALUES: dict[str, Metric] = {"mse": _mse, "rmse": _rmse, "mae": _mae, "r2": _r2}

NAMES = (*ON_LABELS, *ON_VALUES)


def labels_of(predictions: np.ndarray, objective: str) -> np.ndarray:
    """The labels that predictions of an objective stand for."""
    if predictions.ndim > 1:
        return np.argmax(predictions, axis=1)
    if objective in ("multi:softmax", "binary:hinge"):
        return predictions
    if objective in MARGIN_OBJECTIVES:
        return (predictions > 0).astype(int)
    return (predictions > 0.5).astype(int)


def evaluator(
    names: Iterable[str], objective: str
) -> Callable[[np.ndarray, xgb.DMatrix], list[tuple[str, float]]] | None:
    """What xgboost calls each round for the container's metrics, in the order given; None when there are none."""
    chosen = list(names)
    if not chosen:
        return None

    def evaluate(predictions: np.ndarray, matrix: xgb.DMatrix) -> list[tuple[str, float]]:
        truth = matrix.get_label()
        labels = labels_of(predictions, objective)
        values = labels if predictions.ndim > 1 else predictions
        return [
            (name, ON_LABELS[name](truth, labels) if name in ON_LABELS else ON_VALUES[name](truth, values))
            for name in chosen
        ]

    return evaluate

"""A logistic regression on scaled features, in place of the random forest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from iris.hyperparameters import Hyperparameter, whole_number
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def positive(value: Any) -> float:
    """A number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError("a number above 0")
    return float(value)


HYPERPARAMETERS: Mapping[str, Hyperparameter] = {
    "C": Hyperparameter(1.0, positive, "inverse of the regularization's strength"),
    "max_iter": Hyperparameter(200, whole_number(1), "steps of the solver, at most"),
}


def build(values: Mapping[str, Any]) -> ClassifierMixin:
    """An unfitted pipeline: what happens to the features in training also happens to them in serving."""
    return make_pipeline(StandardScaler(), LogisticRegression(**values))

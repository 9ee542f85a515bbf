"""The learner, and the one file to replace to make this image train another one.

An image that builds on this one puts its own `estimator.py` over it (see `examples/extended`). It must have

- `HYPERPARAMETERS`: each hyperparameter's name with its default, parser and meaning;
- `build(values)`: an unfitted scikit-learn classifier, or a pipeline with steps before it.

A classifier that has both `warm_start` and `n_estimators` is grown in steps, so that a stopped job keeps what it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier

from iris.hyperparameters import Hyperparameter, one_of, whole_number

HYPERPARAMETERS: Mapping[str, Hyperparameter] = {
    "n_estimators": Hyperparameter(10, whole_number(1), "number of trees"),
    "max_leaf_nodes": Hyperparameter(None, whole_number(2, optional=True), "leaves of one tree, at most"),
    "max_depth": Hyperparameter(None, whole_number(1, optional=True), "depth of one tree, at most"),
    "min_samples_leaf": Hyperparameter(1, whole_number(1), "samples in one leaf, at least"),
    "criterion": Hyperparameter("gini", one_of(("gini", "entropy", "log_loss")), "how a split is judged"),
    "random_state": Hyperparameter(0, whole_number(0), "seed; the same seed gives the same model"),
}


def build(values: Mapping[str, Any]) -> ClassifierMixin:
    """An unfitted random forest with the given hyperparameters."""
    return RandomForestClassifier(**values)

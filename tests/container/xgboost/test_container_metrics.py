"""The metrics that the container computes, against scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from smlocal_xgboost import container_metrics, evaluation
from smlocal_xgboost.errors import UserError

MANY = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30)
TWO = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=30)
EIGHTHS = st.integers(-72, 72).map(lambda number: number / 8)
VALUES = st.lists(st.tuples(EIGHTHS, EIGHTHS), min_size=2, max_size=30)

REFERENCE: dict[str, tuple[Any, Callable[..., float]]] = {
    "accuracy": (MANY, metrics.accuracy_score),
    "balanced_accuracy": (MANY, partial(metrics.recall_score, average="macro", zero_division=0)),
    "f1": (MANY, partial(metrics.f1_score, average="macro", zero_division=0)),
    "f1_macro": (MANY, partial(metrics.f1_score, average="macro", zero_division=0)),
    "f1_binary": (TWO, partial(metrics.f1_score, zero_division=0)),
    "precision": (TWO, partial(metrics.precision_score, zero_division=0)),
    "precision_macro": (MANY, partial(metrics.precision_score, average="macro", zero_division=0)),
    "precision_micro": (MANY, partial(metrics.precision_score, average="micro", zero_division=0)),
    "recall": (TWO, partial(metrics.recall_score, zero_division=0)),
    "recall_macro": (MANY, partial(metrics.recall_score, average="macro", zero_division=0)),
    "recall_micro": (MANY, partial(metrics.recall_score, average="micro", zero_division=0)),
    "mse": (VALUES, metrics.mean_squared_error),
    "rmse": (VALUES, metrics.root_mean_squared_error),
    "mae": (VALUES, metrics.mean_absolute_error),
    "r2": (VALUES, metrics.r2_score),
}


def test_every_metric_has_its_reference() -> None:
    assert set(REFERENCE) == set(container_metrics.NAMES)


@pytest.mark.parametrize("name", container_metrics.NAMES)
def test_a_metric_agrees_with_scikit_learn(name: str) -> None:
    pairs, reference = REFERENCE[name]
    compute = {**container_metrics.ON_LABELS, **container_metrics.ON_VALUES}[name]

    @settings(max_examples=40, deadline=None)
    @given(pairs)
    def agrees(rows: list[tuple[float, float]]) -> None:
        truth, given_labels = (np.array(column) for column in zip(*rows, strict=True))
        if name == "balanced_accuracy":
            given_labels = np.where(np.isin(given_labels, truth), given_labels, truth[0])
        assert compute(truth, given_labels) == pytest.approx(reference(truth, given_labels))

    agrees()


@pytest.mark.parametrize(
    ("objective", "predictions", "labels"),
    [
        ("binary:logistic", [0.2, 0.7], [0, 1]),
        ("binary:logitraw", [-0.2, 0.1], [0, 1]),
        ("binary:hinge", [0.0, 1.0], [0, 1]),
        ("multi:softmax", [0.0, 2.0], [0, 2]),
        ("multi:softprob", [[0.1, 0.9, 0.0], [0.4, 0.3, 0.3]], [1, 0]),
    ],
)
def test_labels_are_taken_as_the_objective_means_them(objective: str, predictions: Any, labels: list[int]) -> None:
    assert container_metrics.labels_of(np.array(predictions), objective).tolist() == labels


def test_a_binary_metric_refuses_three_classes() -> None:
    with pytest.raises(UserError, match="Target is multiclass but average='binary'"):
        container_metrics.ON_LABELS["f1_binary"](np.array([0, 1, 2]), np.array([0, 1, 1]))


def test_metrics_are_given_in_the_order_asked_for() -> None:
    evaluate = container_metrics.evaluator(["mse", "accuracy"], "binary:logistic")
    assert evaluate is not None
    matrix = xgb.DMatrix(np.zeros((2, 1)), label=[0, 1])
    assert evaluate(np.array([0.0, 0.0]), matrix) == [("mse", 0.5), ("accuracy", 0.5)]


@pytest.mark.parametrize(
    ("config", "own", "container", "watched"),
    [
        ({}, [], [], None),
        ({"eval_metric": ["logloss", "f1", "auc"]}, ["logloss", "auc"], ["f1"], "auc"),
        ({"_tuning_objective_metric": "validation:f1"}, [], ["f1"], "f1"),
        (
            {"eval_metric": ["logloss", "error"], "_tuning_objective_metric": "validation:auc"},
            ["auc", "error", "logloss"], [], "auc",
        ),
        ({"eval_metric": ["error@0.50"]}, ["error@0.50"], [], "error"),
        ({"eval_metric": ["error@0.30"]}, ["error@0.30"], [], "error@0.3"),
    ],
)  # fmt: skip
def test_the_metrics_of_a_job_are_sorted(
    config: Any, own: list[str], container: list[str], watched: str | None
) -> None:
    chosen = evaluation.choose(config)
    assert (chosen.own, chosen.container, chosen.watched_name) == (own, container, watched)

"""How rows are dealt into folds for cross validation, and the predictions that are made on them.

Source: AWS's k-fold hyperparameters `_kfold` and `_num_cv_round`: stratified for classification, random otherwise;
predictions.csv as observed in aws/sagemaker-xgboost-container 1.7-1 and 3.0-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xgboost as xgb

from smlocal_xgboost import container_metrics

PREDICTIONS_FILE = "predictions.csv"


def is_classification(objective: str) -> bool:
    return objective.startswith(("binary:", "multi:"))


def deal(labels: np.ndarray, count: int, stratified: bool, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the rows of each fold: every row once, and with `stratified` each label as evenly as it goes."""
    order = random.permutation(len(labels))
    if stratified:
        order = order[np.argsort(labels[order], kind="stable")]
    for fold in range(count):
        yield np.sort(order[fold::count])


def join(first: xgb.DMatrix, second: xgb.DMatrix | None) -> xgb.DMatrix:
    """Both channels as one matrix, labels and weights with them."""
    if second is None:
        return first
    from scipy.sparse import vstack

    width = max(first.num_col(), second.num_col())
    blocks = []
    for matrix in (first, second):
        block = matrix.get_data()
        block.resize((matrix.num_row(), width))
        blocks.append(block)
    weights = [matrix.get_weight() for matrix in (first, second)]
    weighted = all(len(weight) for weight in weights)
    return xgb.DMatrix(
        vstack(blocks, format="csr"),
        label=np.concatenate([first.get_label(), second.get_label()]),
        weight=np.concatenate(weights) if weighted else None,
    )


class Predictions:
    """Collects what each fold's model says of the rows that it has not seen."""

    def __init__(self, labels: np.ndarray, objective: str) -> None:
        self._labels = labels
        self._objective = objective
        self._values: list[list[float]] = [[] for _ in labels]
        self._names: list[list[float]] = [[] for _ in labels]

    def record(self, rows: np.ndarray, predictions: np.ndarray) -> None:
        names = container_metrics.labels_of(predictions, self._objective)
        values = predictions.max(axis=1) if predictions.ndim > 1 else predictions
        for row, value, name in zip(rows, values, names, strict=True):
            self._values[row].append(float(value))
            self._names[row].append(float(name))

    def save(self, folder: Path) -> None:
        """Write predictions.csv: label and mean value, and for classification the label predicted most often."""
        columns = [self._labels, np.array([np.mean(values) for values in self._values])]
        if is_classification(self._objective):
            columns.append(np.array([_most_frequent(names) for names in self._names]))
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / PREDICTIONS_FILE, np.column_stack(columns), delimiter=",", fmt="%f")


def _most_frequent(values: list[float]) -> float:
    names, counts = np.unique(values, return_counts=True)
    return float(names[np.argmax(counts)])

"""Selectable inference: the fields that SAGEMAKER_INFERENCE_OUTPUT names, per row.

A field that the objective does not have, or that nobody knows, is NaN. The raw scores of multi:softmax are `[1-x,
x]`, which means nothing, and are kept so because AWS's image answers so.

Source: AWS developer guide, xgboost inference output; aws/sagemaker-xgboost-container, observed in all versions.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import recordio
from smlocal_xgboost.serving import accepts

logger = logging.getLogger(__name__)

ORDER = (
    "predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores", "predicted_score",
)  # fmt: skip

_SCORE_ONLY = ("predicted_score",)
_LABELS_AND_RAW = ("predicted_label", "labels", "raw_score", "raw_scores")
_ALL_BUT_SCORE = ORDER[:-1]

VALID: dict[str, tuple[str, ...]] = {
    "reg:squarederror": _SCORE_ONLY,
    "reg:logistic": _SCORE_ONLY,
    "reg:gamma": _SCORE_ONLY,
    "reg:absoluteerror": _SCORE_ONLY,
    "reg:tweedie": _SCORE_ONLY,
    "binary:logistic": _ALL_BUT_SCORE,
    "binary:logitraw": _LABELS_AND_RAW,
    "binary:hinge": _LABELS_AND_RAW,
    "multi:softmax": _LABELS_AND_RAW,
    "multi:softprob": _ALL_BUT_SCORE,
}

Row = dict[str, Any]


def select(predictions: np.ndarray, keys: Sequence[str], objective: str, num_class: int) -> list[Row]:
    """The fields of each row, in the order asked for; raises UserError for an objective that has none."""
    if objective not in VALID:
        raise UserError(f"Objective `{objective}` unsupported for selectable inference predictions.")
    for key in keys:
        if key not in VALID[objective]:
            logger.warning("Selected key %s is not valid for objective %s: its value is NaN.", key, objective)
    rows = []
    for prediction in predictions.tolist():
        known = _fields(prediction, objective, num_class)
        rows.append({key: known[key] if key in VALID[objective] else math.nan for key in keys})
    return rows


def _fields(prediction: Any, objective: str, num_class: int) -> Row:
    if isinstance(prediction, list):
        best = int(np.argmax(prediction))
        label: float = best
        score, scores = prediction[best], prediction
    else:
        label = _label(prediction, objective)
        score, scores = prediction, [1 - prediction, prediction]
    return {
        "predicted_label": label,
        "labels": list(range(num_class or 2)),
        "probability": score,
        "probabilities": scores,
        "raw_score": score,
        "raw_scores": scores,
        "predicted_score": prediction,
    }


def _label(prediction: float, objective: str) -> float:
    if objective == "binary:logistic":
        return int(prediction > 0.5)
    return int(prediction > 0) if objective == "binary:logitraw" else prediction


def render(rows: Sequence[Row], accept: str, objective: str, batch: bool) -> bytes:
    """The body of the answer in one of the four forms."""
    if accept == accepts.CSV:
        return _csv(rows, batch)
    ordered = [_in_order(row, objective) for row in rows]
    if accept == accepts.JSON:
        return json.dumps({"predictions": ordered}).encode()
    if accept == accepts.JSON_LINES:
        return "".join(f"{json.dumps(row)}\n" for row in ordered).encode()
    return b"".join(recordio.encode_labels({key: _as_list(value) for key, value in row.items()}) for row in ordered)


def _in_order(row: Row, objective: str) -> Row:
    """The valid keys in the contract's order, the others after them as they were asked for."""
    valid = [key for key in ORDER if key in row and key in VALID[objective]]
    return {key: row[key] for key in [*valid, *(key for key in row if key not in valid)]}


def _as_list(value: Any) -> Iterable[float]:
    return value if isinstance(value, list) else [value]


def _csv(rows: Sequence[Row], batch: bool) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(row.values() for row in rows)
    return (out.getvalue() if batch else out.getvalue().removesuffix("\n")).encode()

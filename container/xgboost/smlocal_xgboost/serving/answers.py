"""The body of an ordinary answer: all scores of all rows.

CSV has one line per row, the last included; JSON is one line without an end. In a batch transform every row is
the text of its Python value, whatever the client accepts. JSON Lines and RecordIO exist for selectable output
only.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import json

import numpy as np

from smlocal_xgboost.serving import accepts


class NotOffered(Exception):
    """The type is advertised but not written without selectable output; AWS's image answers 500."""


def render(predictions: np.ndarray, accept: str, batch: bool) -> bytes:
    rows = predictions.tolist()
    if batch:
        return "".join(f"{row}\n" for row in rows).encode()
    if accept == accepts.CSV:
        return "".join(f"{_cells(row)}\n" for row in rows).encode()
    if accept == accepts.JSON:
        return json.dumps({"predictions": [{"score": row} for row in rows]}).encode()
    raise NotOffered(f"{accept} is written only when SAGEMAKER_INFERENCE_OUTPUT is set")


def _cells(row: float | list[float]) -> str:
    return ",".join(map(str, row)) if isinstance(row, list) else str(row)

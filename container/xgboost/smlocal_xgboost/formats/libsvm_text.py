"""libsvm: `label[:weight] index:value ...`, indices from 0, taken as they are.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1 and 3.0-5. 3.2-0 shifts indices that begin at 1 when
serving but not when training, a bug that is not copied.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import xgboost as xgb
from scipy.sparse import csr_matrix

from smlocal_xgboost.errors import UserError

logger = logging.getLogger(__name__)


def read_folder(folder: Path, names: list[str]) -> xgb.DMatrix:
    """Read a flat folder of libsvm files; `names` are the files' own names, for the messages."""
    for path, name in zip(sorted(folder.iterdir()), names, strict=True):
        _check_file(path, name)
    try:
        return xgb.DMatrix(f"{folder}?format=libsvm")
    except xgb.core.XGBoostError as cause:
        raise UserError(f"Failed to load libsvm data with exception:\n{cause}") from cause


def _check_file(path: Path, name: str) -> None:
    """Look at the lines up to the first that has features; raises UserError if they are not libsvm."""
    with path.open(encoding="utf-8", errors="ignore") as handle:
        for line in handle:
            features = _count_features(line)
            if features is None:
                raise UserError(
                    f"First line '{line[:50]}...' of file '{name}' is not 'LIBSVM' format. "
                    "Please ensure the file is in 'LIBSVM' format."
                )
            if features:
                return
    logger.warning("File %s has no features.", name)


def _count_features(line: str) -> int | None:
    """How many features a line has; None when it is not a libsvm line."""
    if not line.strip():
        return 0
    label, *features = line.split()
    parts = label.split(":")
    if len(parts) > 2 or not all(_is_number(part) for part in parts):
        return None
    return len(features) if all(len(feature.split(":")) == 2 for feature in features) else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_body(text: str) -> xgb.DMatrix:
    """Read a request body; a label is allowed and ignored. Raises ValueError."""
    rows, columns, values = [], [], []
    for number, line in enumerate(text.split("\n")):
        for item in line.split():
            if ":" in item:
                column, value = item.split(":")[:2]
                rows.append(number)
                columns.append(column)
                values.append(value)
    cells = np.array(values).astype(np.float64)
    places = (np.array(rows), np.array(columns).astype(np.int64))
    return xgb.DMatrix(csr_matrix((cells, places)))

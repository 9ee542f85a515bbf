"""Parquet: the first column is the label, all columns are numbers.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from smlocal_xgboost.errors import UserError


def read_folder(folder: Path) -> xgb.DMatrix:
    """Read a flat folder of Parquet files; raises UserError when one cannot be read or holds no numbers."""
    try:
        tables = [pq.ParquetFile(path).read() for path in sorted(folder.iterdir())]
        data = np.vstack([_numbers(table) for table in tables])
    except (pa.ArrowException, ValueError, TypeError, OSError) as cause:
        raise UserError(f"Failed to load parquet data with exception:\n{cause}") from cause
    return xgb.DMatrix(data[:, 1:], label=data[:, 0])


def _numbers(table: pa.Table) -> np.ndarray:
    return np.column_stack([column.to_numpy().astype(np.float64) for column in table.columns])

"""CSV: no header, the label first, the delimiter found by looking at the first line.

Training files are read by xgboost's own reader, as in AWS's image: text that is no number reads as 0 or NaN there. A
request body is read here, and text that is no number is refused.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import numpy as np
import xgboost as xgb

from smlocal_xgboost.errors import UserError

logger = logging.getLogger(__name__)

SAMPLE_CHARACTERS = 512


def delimiter_of_line(line: str) -> str:
    """The delimiter of a training file's line; raises UserError when none can be told."""
    try:
        delimiter = csv.Sniffer().sniff(line).delimiter
    except csv.Error as cause:
        raise UserError(f"Could not determine delimiter on line {line[:50]}:\n{cause}") from cause
    logger.info("Determined delimiter of CSV input is '%s'", delimiter)
    return delimiter


def read_folder(folder: Path, weights: bool) -> xgb.DMatrix:
    """Read a flat folder of CSV files; with `weights` the second column is the weight of the row."""
    delimiters = [delimiter_of_line(_first_line(path)) for path in sorted(folder.iterdir())]
    location = f"{folder}?format=csv&label_column=0&delimiter={delimiters[0]}"
    try:
        return xgb.DMatrix(location + ("&weight_column=1" if weights else ""))
    except xgb.core.XGBoostError as cause:
        raise UserError(f"Failed to load csv data with exception:\n{cause}") from cause


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="ignore") as handle:
        return handle.readline()


def read_body(text: str) -> xgb.DMatrix:
    """Read a request body of rows without labels; an empty cell is a missing value. Raises ValueError or csv.Error.

    A letter or a digit is never taken for the delimiter; but a body of one column such as `5.8` is read with `.` as
    delimiter, in AWS's image as here.
    """
    lines = text.split("\n")
    sniffed = csv.Sniffer().sniff(lines[0][:SAMPLE_CHARACTERS]).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    logger.info("Determined delimiter of CSV input is '%s'", delimiter)
    rows = [[cell or "nan" for cell in line.rstrip("\r").split(delimiter)] for line in lines]
    return xgb.DMatrix(np.array(rows).astype(np.float64))

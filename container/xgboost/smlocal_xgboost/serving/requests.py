"""Reading an invocation: which format its content type names, and its body as a matrix.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import csv

import xgboost as xgb

from smlocal_xgboost import content_types
from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import csv_text, libsvm_text, recordio


def read(body: bytes, content_type: str | None) -> xgb.DMatrix:
    """The rows of a body; raises UserError with the text of a 415 answer."""
    data_format = content_types.format_of(content_type)
    if data_format == content_types.PARQUET:
        raise UserError(f"Content-type {content_type} is not supported.")
    try:
        return _parse(body, data_format)
    except (ValueError, KeyError, csv.Error, xgb.core.XGBoostError) as cause:
        raise UserError(
            f"Loading {data_format} data failed with Exception, please ensure data is in {data_format} format:\n"
            f" {type(cause)}\n {cause}"
        ) from cause


def _parse(body: bytes, data_format: str) -> xgb.DMatrix:
    if data_format == content_types.RECORDIO:
        return recordio.read_body(body)
    text = body.decode("utf-8").strip()
    return csv_text.read_body(text) if data_format == content_types.CSV else libsvm_text.read_body(text)

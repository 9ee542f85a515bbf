"""Request bodies as matrices, for serving scripts."""

from __future__ import annotations

from typing import Any

import xgboost as xgb
from smlocal_xgboost.formats import csv_text, libsvm_text, recordio
from smlocal_xgboost.script_mode.hooks import default_input


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> xgb.DMatrix:
    """Rows without labels; raises ValueError."""
    return csv_text.read_body(_text(input))


def libsvm_to_dmatrix(string_like: str | bytes) -> xgb.DMatrix:
    return libsvm_text.read_body(_text(string_like))


def recordio_protobuf_to_dmatrix(string_like: bytes) -> xgb.DMatrix:
    return recordio.read_body(bytes(string_like))


def decode(obj: str | bytes, content_type: str) -> xgb.DMatrix:
    """Any of the three; raises UserError for another content type."""
    return default_input(obj, content_type)


def _text(content: str | bytes) -> str:
    return content.decode("utf-8") if isinstance(content, bytes) else content

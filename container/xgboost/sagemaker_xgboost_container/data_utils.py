"""Reading data as AWS's image does, for training scripts."""

from __future__ import annotations

import os
from pathlib import Path

import xgboost as xgb
from smlocal_xgboost import content_types, datasets
from smlocal_xgboost.errors import UserError

get_content_type = content_types.format_of


def get_dmatrix(
    data_path: str | os.PathLike[str], content_type: str | None, csv_weights: int = 0, is_pipe: bool = False
) -> xgb.DMatrix | None:
    """The data of a folder or a file; None when there is none. Raises UserError when it cannot be read."""
    if is_pipe:
        raise UserError("Pipe mode is not supported by this local stand-in. Please use File mode.")
    path = Path(data_path)
    if not path.exists():
        return None
    return datasets.read_path(path, content_types.format_of(content_type), csv_weights == 1)

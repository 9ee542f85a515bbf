"""The training and the validation data of a job, as xgboost's matrices.

The validation channel is read in the format of the training channel; its own content type is checked but not used.

Source: aws/sagemaker-xgboost-container 3.0-5, observed.
"""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import xgboost as xgb

from smlocal_xgboost import content_types, data_files
from smlocal_xgboost.errors import UserError
from smlocal_xgboost.formats import csv_text, libsvm_text, recordio

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """What there is to train on; `validation` is None when the job has no such channel."""

    train: xgb.DMatrix
    validation: xgb.DMatrix | None


def load(train: Path, validation: Path | None, data_format: str, weights: bool) -> Dataset:
    """Read both channels; raises UserError when one holds no data or cannot be read."""
    train_files = data_files.find(train)
    validation_files = data_files.find(validation) if validation else []
    data_files.warn_of_twins(train_files, validation_files)
    if not train_files:
        raise UserError(f"No data in training channel path {train}")
    train_matrix = _read_files(train_files, data_format, weights)
    if validation is None:
        return Dataset(train_matrix, None)
    if not validation_files:
        raise UserError(f"No data in validation channel path {validation}")
    return Dataset(train_matrix, _read_files(validation_files, data_format, weights))


def read_path(path: Path, data_format: str, weights: bool = False) -> xgb.DMatrix | None:
    """Read a folder or a file; None when there is no data in it."""
    files = data_files.find(path)
    return _read_files(files, data_format, weights) if files else None


def _read_files(files: list[Path], data_format: str, weights: bool) -> xgb.DMatrix:
    logger.info("files path: %s", files[0].parent)
    with tempfile.TemporaryDirectory(prefix="sagemaker_xgboost_input_data") as scratch:
        folder = data_files.gather(files, Path(scratch) / "files")
        if data_format == content_types.CSV:
            return csv_text.read_folder(folder, weights)
        if data_format == content_types.LIBSVM:
            return libsvm_text.read_folder(folder, [path.name for path in files])
        if data_format == content_types.PARQUET:
            return _read_parquet(folder)
        return recordio.read_folder(folder)


def _read_parquet(folder: Path) -> xgb.DMatrix:
    # pyarrow takes as long to import as all the rest, and few jobs need it.
    from smlocal_xgboost.formats import parquet

    return parquet.read_folder(folder)

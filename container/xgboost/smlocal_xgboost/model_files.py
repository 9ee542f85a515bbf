"""Model files: written as stock xgboost writes them (UBJSON), read in every format that it reads.

Reads UBJSON, JSON and the binary format `binf` of AWS's images up to 1.7-1. A pickle runs code when it is loaded,
so it is refused unless SMLOCAL_XGBOOST_ALLOW_PICKLE=true.

Source: aws/sagemaker-xgboost-container: `xgboost-model`, no extension, UBJSON since 3.0-5.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import xgboost as xgb

from smlocal_xgboost.errors import UserError

NAME = "xgboost-model"
PICKLE_OPT_IN = "SMLOCAL_XGBOOST_ALLOW_PICKLE"
_PICKLE_START = b"\x80"


def save(model: xgb.Booster, path: Path) -> None:
    """Write a model whole or not at all: a reader or a signal never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.sagemaker-ignore")
    unfinished.write_bytes(model.save_raw("ubj"))
    unfinished.replace(path)


def load(path: Path, environ: Mapping[str, str] = os.environ) -> xgb.Booster:
    """Read a model file; raises UserError, with the file's name, when it is none that may be read."""
    content = path.read_bytes()
    if content.startswith(_PICKLE_START):
        return _unpickle(path, content, environ)
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(content))
    except (xgb.core.XGBoostError, ValueError) as cause:
        reason = str(cause).split("\n", 1)[0]
        raise UserError(f"File {path.name} is not an XGBoost model: {reason}") from cause
    return booster


def _unpickle(path: Path, content: bytes, environ: Mapping[str, str]) -> xgb.Booster:
    if environ.get(PICKLE_OPT_IN) != "true":
        raise UserError(
            f"File {path.name} is a pickle, which can run code when it is loaded; set {PICKLE_OPT_IN}=true to allow it"
        )
    try:
        model = pickle.loads(content)
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, xgb.core.XGBoostError) as cause:
        raise UserError(f"File {path.name} is a pickle that cannot be read: {cause}") from cause
    booster = model.get_booster() if hasattr(model, "get_booster") else model
    if not isinstance(booster, xgb.Booster):
        raise UserError(f"File {path.name} is a pickle of {type(model).__name__}, not of an XGBoost model")
    return booster


def find(folder: Path) -> list[Path]:
    """The model files of a folder: every file at its top whose name does not begin with a dot."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))

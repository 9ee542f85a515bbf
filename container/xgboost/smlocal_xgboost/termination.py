"""Stopping early without losing the model: `save_model_on_termination` and SIGTERM.

The model is rewritten after every round, and SIGTERM ends the process with code 0, leaving only model files in
the model folder. Without the hyperparameter nothing is done: as the container's first process we then ignore
SIGTERM, as AWS's image does, until SIGKILL.

Source: aws/sagemaker-xgboost-container 3.0-5, observed.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

import xgboost as xgb
from xgboost.callback import TrainingCallback

from smlocal_xgboost import model_files
from smlocal_xgboost.rounds import EvalsLog


class SaveModel(TrainingCallback):
    """Rewrites one model file after each round."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: EvalsLog) -> bool:
        model_files.save(model, self._path)
        return False


def exit_on_sigterm(model_folder: Path) -> None:
    """From now on SIGTERM removes what is no model from the model folder and exits 0."""

    def leave(signum: int, frame: FrameType | None) -> None:
        for path in model_folder.iterdir() if model_folder.is_dir() else ():
            if path.is_file() and not path.name.startswith(model_files.NAME):
                path.unlink(missing_ok=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)

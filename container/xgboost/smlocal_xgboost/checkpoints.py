"""Checkpoints: one after each round, the newest five kept, and a run that resumes after the last.

A file is `xgboost-checkpoint.<round>`; while SageMaker uploads it the platform puts `<file>.sagemaker-uploading`
beside it, and such a file is not deleted. AWS's images since 1.3-1 write only the first checkpoint and never
resume; that bug is not copied.

Source: aws/sagemaker-xgboost-container up to 1.2-2, names, texts and markers; AWS developer guide,
model-checkpoints.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import xgboost as xgb
from xgboost.callback import TrainingCallback

from smlocal_xgboost import model_files
from smlocal_xgboost.rounds import EvalsLog

logger = logging.getLogger(__name__)

KEPT = 5
_NAME = re.compile(r"xgboost-checkpoint\.(\d+)")


def found(folder: Path) -> list[tuple[int, Path]]:
    """(round, file) of each checkpoint, in order of rounds."""
    if not folder.is_dir():
        return []
    matches = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in matches if match)


def load(folder: Path) -> tuple[xgb.Booster | None, int]:
    """The newest checkpoint's model and how many rounds it has; (None, 0) when there is none."""
    checkpoints = found(folder)
    if not checkpoints:
        return None, 0
    last, path = checkpoints[-1]
    model = model_files.load(path)
    logger.info("Checkpoint loaded from %s", path)
    logger.info("Resuming from iteration %s", last + 1)
    return model, last + 1


class SaveCheckpoint(TrainingCallback):
    """Writes a checkpoint after each round and deletes those that are too old and not being uploaded."""

    def __init__(self, folder: Path, start: int = 0, kept: int = KEPT) -> None:
        super().__init__()
        self._folder, self._start, self._kept = folder, start, kept

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: EvalsLog) -> bool:
        model_files.save(model, self._folder / f"xgboost-checkpoint.{epoch + self._start}")
        for _, path in found(self._folder)[: -self._kept]:
            if not path.with_name(f"{path.name}.sagemaker-uploading").exists():
                path.unlink(missing_ok=True)
                path.with_name(f"{path.name}.sagemaker-uploaded").unlink(missing_ok=True)
        return False

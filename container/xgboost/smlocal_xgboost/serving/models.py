"""The models being served: every file of the model folder, asked together.

Several models are an ensemble: their mean, or for labels (multi:softmax, binary:hinge) their majority vote.

Source: aws/sagemaker-xgboost-container 1.7-1 and 3.0-5, observed; the vote that fails in 3.0-5 is made to work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb

from smlocal_xgboost import model_files
from smlocal_xgboost.errors import PlatformError

VOTING_OBJECTIVES = ("multi:softmax", "binary:hinge")


@dataclass(frozen=True)
class Models:
    """Loaded boosters with the objective and number of classes of the first."""

    boosters: Sequence[xgb.Booster]
    objective: str
    num_class: int

    def predict(self, matrix: xgb.DMatrix) -> np.ndarray:
        """One prediction, or one vector, per row; raises xgboost.core.XGBoostError or ValueError."""
        answers = [_predict_one(booster, matrix) for booster in self.boosters]
        if len(answers) == 1:
            return answers[0]
        if self.objective in VOTING_OBJECTIVES:
            return np.array([_vote(votes) for votes in np.column_stack(answers)], dtype=np.float32)
        return np.mean(answers, axis=0)


def load(folder: Path, ensemble: bool, environ: Mapping[str, str]) -> Models:
    """Load the models of a folder; raises PlatformError when there is none, UserError when one cannot be read."""
    files = model_files.find(folder)
    if not files:
        raise PlatformError(f"No model file found in {folder}")
    boosters = [model_files.load(path, environ) for path in (files if ensemble else files[:1])]
    for booster in boosters:
        booster.set_param({"nthread": 1})
    learner = json.loads(boosters[0].save_config())["learner"]
    return Models(boosters, learner["objective"]["name"], int(learner["learner_model_param"]["num_class"]))


def _predict_one(booster: xgb.Booster, matrix: xgb.DMatrix) -> np.ndarray:
    best = booster.attr("best_iteration")
    until = (0, int(best) + 1) if best is not None else (0, 0)
    return booster.predict(matrix, iteration_range=until, validate_features=False)


def _vote(votes: np.ndarray) -> float:
    labels, counts = np.unique(votes, return_counts=True)
    return float(labels[np.argmax(counts)])

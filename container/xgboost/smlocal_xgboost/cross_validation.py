"""K-fold cross validation: `_kfold` folds, `_num_cv_round` times, and every fold's model kept.

The metrics of a fold are measured on the fold itself. (AWS's images since 1.7-1 measure them on the whole channels,
rows that the model was trained on included.)

Source: aws/sagemaker-xgboost-container 3.0-5, observed: log texts, model names, the summary lines.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from xgboost.callback import TrainingCallback

from smlocal_xgboost import folds, model_files
from smlocal_xgboost.boosting import boost
from smlocal_xgboost.datasets import Dataset
from smlocal_xgboost.evaluation import Evaluation
from smlocal_xgboost.rounds import EvalsLog, MetricLine, early_stopping

logger = logging.getLogger(__name__)

LastFigures = dict[str, dict[str, float]]


def run(
    config: Mapping[str, Any], evaluation: Evaluation, data: Dataset, model_folder: Path, output_folder: Path
) -> None:
    """Train `_kfold` x `_num_cv_round` models; writes them and the predictions of unseen rows."""
    count, repeats = config["_kfold"], config.get("_num_cv_round", 1)
    rows = folds.join(data.train, data.validation)
    logger.info("Read both train and validation data into one DMatrix")
    logger.info("Run %d-round of %d-fold cross validation with %d rows", repeats, count, rows.num_row())
    labels = rows.get_label()
    objective = config.get("objective", "")
    predictions = folds.Predictions(labels, objective)
    random = np.random.default_rng(abs(config.get("seed", 0)))
    figures: list[LastFigures] = []
    for repeat in range(repeats):
        dealt = list(folds.deal(labels, count, folds.is_classification(objective), random))
        for number, held_out in enumerate(dealt):
            logger.info("Train cross validation fold %d", number + 1)
            model, history = _train_fold(config, evaluation, rows, held_out)
            model_files.save(model, model_folder / f"{model_files.NAME}-{repeat * count + number}")
            predictions.record(held_out, model.predict(rows.slice(held_out)))
            figures.append(_last_figures(history))
        logger.info("The metrics of round %d cross validation", repeat + 1)
        print_summary(config["num_round"], figures[-count:])
    if repeats > 1:
        logger.info("The overall metrics of %d-round cross validation", repeats)
        print_summary(config["num_round"], figures)
    predictions.save(output_folder)


def _train_fold(
    config: Mapping[str, Any], evaluation: Evaluation, rows: xgb.DMatrix, held_out: np.ndarray
) -> tuple[xgb.Booster, EvalsLog]:
    kept = np.setdiff1d(np.arange(rows.num_row()), held_out)
    callbacks: list[TrainingCallback] = [MetricLine()]
    if config.get("early_stopping_rounds") and evaluation.watched_name:
        stop = early_stopping(config["early_stopping_rounds"], evaluation.watched_name, evaluation.maximized)
        callbacks.append(stop)
    return boost(config, evaluation, [(rows.slice(kept), "train"), (rows.slice(held_out), "validation")], callbacks)


def _last_figures(history: EvalsLog) -> LastFigures:
    return {
        channel: {metric: float(np.ravel(values[-1])[0]) for metric, values in metrics.items()}
        for channel, metrics in history.items()
    }


def print_summary(num_round: int, figures: Sequence[LastFigures]) -> None:
    """Print the mean of the last figures of some folds as one metric line, which a tuning job reads."""
    fields = "".join(
        f"\t{channel}-{metric}:{np.mean([one[channel][metric] for one in figures]):.5f}"
        for channel, metrics in figures[0].items()
        for metric in metrics
    )
    print(f"[{num_round}]{fields}", flush=True)

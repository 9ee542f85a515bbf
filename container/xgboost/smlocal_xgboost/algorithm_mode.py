"""Training with the built-in algorithm: hyperparameters and channels in, `xgboost-model` out.

Source: aws/sagemaker-xgboost-container 3.0-5, observed: the order of checks and of log lines.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xgboost.callback import TrainingCallback

from smlocal_xgboost import (
    channels,
    checkpoints,
    content_types,
    cross_validation,
    datasets,
    hyperparameters,
    model_files,
    termination,
)
from smlocal_xgboost import evaluation as evaluations
from smlocal_xgboost.boosting import boost
from smlocal_xgboost.datasets import Dataset
from smlocal_xgboost.errors import PlatformError, UserError
from smlocal_xgboost.evaluation import Evaluation
from smlocal_xgboost.optml import OptMl
from smlocal_xgboost.rounds import MetricLine, early_stopping

logger = logging.getLogger(__name__)


def train(tree: OptMl, given: Mapping[str, Any], inputs: Mapping[str, dict[str, Any]]) -> None:
    """Run one training job; raises UserError, AlgorithmError or PlatformError."""
    logger.info("Running XGBoost Sagemaker in algorithm mode")
    config = hyperparameters.validate(given)
    entries = channels.validate(inputs)
    for entry in entries.values():
        if entry["ContentType"] in content_types.FORMATS:
            channels.refuse_pipe(entry)
    logger.info("Determined 0 GPU(s) available on the instance.")
    _refuse_gpu(config)
    data = _load(tree, config, entries)
    _refuse_many_hosts(tree.read_config("resourceconfig"))
    logger.info("Single node training.")
    logger.info("Train matrix has %d rows and %d columns", data.train.num_row(), data.train.num_col())
    if data.validation is not None:
        logger.info("Validation matrix has %d rows", data.validation.num_row())
    evaluation = evaluations.choose(config)
    if config.get("_kfold"):
        cross_validation.run(config, evaluation, data, tree.model, tree.output_data)
    else:
        _train_one(tree, config, evaluation, data)


def _load(tree: OptMl, config: Mapping[str, Any], entries: Mapping[str, dict[str, Any]]) -> Dataset:
    data_format = content_types.format_of(entries[channels.TRAIN]["ContentType"])
    validation = tree.channel(channels.VALIDATION) if channels.VALIDATION in entries else None
    weights = config.get("csv_weights") == 1
    return datasets.load(tree.channel(channels.TRAIN), validation, data_format, weights)


def _refuse_gpu(config: Mapping[str, Any]) -> None:
    if config.get("use_dask_gpu_training") == "true":
        raise UserError(
            "Some configurations unsuitable for Dask GPU training were found: no GPU is available on the instance."
        )


def _refuse_many_hosts(resources: Mapping[str, Any]) -> None:
    hosts: Sequence[str] = resources.get("hosts") or []
    if not hosts:
        raise PlatformError("Number of hosts should be an int greater than or equal to 1")
    if len(hosts) > 1:
        raise UserError(
            f"Distributed training with {len(hosts)} hosts is not supported by this local stand-in: "
            "set InstanceCount to 1"
        )


def _train_one(tree: OptMl, config: Mapping[str, Any], evaluation: Evaluation, data: Dataset) -> None:
    model_path = tree.model / model_files.NAME
    local_path = tree.read_optional_config("checkpointconfig").get("LocalPath")
    checkpoint_folder = Path(local_path) if local_path else None
    resume = checkpoints.load(checkpoint_folder) if checkpoint_folder else (None, 0)
    callbacks: list[TrainingCallback] = [MetricLine(resume[1])]
    if checkpoint_folder:
        callbacks.append(checkpoints.SaveCheckpoint(checkpoint_folder, resume[1]))
    if config.get("save_model_on_termination") == "true":
        termination.exit_on_sigterm(tree.model)
        callbacks.append(termination.SaveModel(model_path))
    if config.get("early_stopping_rounds") and data.validation is not None and evaluation.watched_name:
        stop = early_stopping(config["early_stopping_rounds"], evaluation.watched_name, evaluation.maximized)
        callbacks.append(stop)
    watched = [(data.train, "train")]
    if data.validation is not None:
        watched.append((data.validation, "validation"))
    booster, _ = boost(config, evaluation, watched, callbacks, resume)
    model_files.save(booster, model_path)

"""The program `train`: decides between algorithm mode and script mode, and turns any failure into the failure file.

Script mode when the environment has SAGEMAKER_PROGRAM or the hyperparameters have `sagemaker_program`.

Source: aws/sagemaker-xgboost-container and sagemaker-containers 2.8.6.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from smlocal_xgboost import cpus, failure, log
from smlocal_xgboost.optml import OptMl

logger = logging.getLogger(__name__)


def main() -> None:
    """Console script: train, and exit 0, or with the failure's code."""
    # A quota does not show in the number of CPUs that OpenMP counts: too many threads would wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(cpus.available()))
    log.set_up()
    sys.exit(run(os.environ))


def run(environ: Mapping[str, str]) -> int:
    """Run the job that the /opt/ml tree describes; returns the exit code."""
    tree = OptMl.of(environ)
    try:
        logger.info("Imported framework sagemaker_xgboost_container.training")
        given = tree.read_config("hyperparameters")
        if environ.get("SAGEMAKER_PROGRAM") or "sagemaker_program" in given:
            _train_with_script(tree, given, environ)
        else:
            _train_with_algorithm(tree, given)
    except Exception as error:
        return failure.report(error, tree)
    return 0


def _train_with_algorithm(tree: OptMl, given: Mapping[str, Any]) -> None:
    # The import takes a second, which script mode should not pay.
    from smlocal_xgboost import algorithm_mode

    for name, text in given.items():
        _log_if_not_json(name, text)
    logger.info("No GPUs detected (normal if no gpus installed)")
    algorithm_mode.train(tree, given, tree.read_config("inputdataconfig"))


def _log_if_not_json(name: str, text: Any) -> None:
    try:
        json.loads(str(text))
    except ValueError:
        logger.info("Failed to parse hyperparameter %s value %s to Json.", name, text)
        logger.info("Returning the value itself")


def _train_with_script(tree: OptMl, given: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    from smlocal_xgboost.script_mode import training

    training.run(tree, given, environ)

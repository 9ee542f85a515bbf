"""One call of xgboost: parameters in, a booster out, and xgboost's errors told as the customer's or the algorithm's.

Source: aws/sagemaker-xgboost-container: ten texts of xgboost are known mistakes of the customer (UserError),
every other error is `XGB train call failed with exception:` (AlgorithmError).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xgboost as xgb
from xgboost.callback import TrainingCallback

from smlocal_xgboost import container_metrics
from smlocal_xgboost.errors import AlgorithmError, UserError
from smlocal_xgboost.evaluation import Evaluation
from smlocal_xgboost.rounds import EvalsLog, InOrder

# These steer the container; xgboost would warn that it does not use them.
NOT_FOR_XGBOOST = (
    "num_round", "csv_weights", "early_stopping_rounds", "eval_metric", "save_model_on_termination",
    "use_dask_gpu_training", "_kfold", "_num_cv_round", "_tuning_objective_metric",
)  # fmt: skip

CUSTOMER_MISTAKES = (
    "label must be in [0,1] for logistic regression",
    "label must be in [0, num_class)",
    "Target is multiclass but average='binary'",
    "feature_names mismatch",
    "Check failed: preds.size() == info.labels_.size()",
    "Check failed: !auc_error AUC: the dataset only contains pos or neg samples",
    "Check failed: base_score > 0.0f && base_score < 1.0f base_score must be in (0,1) for logistic loss",
    "Check failed: label_correct PoissonRegression: label must be nonnegative",
    "Check failed: label_correct TweedieRegression: label must be nonnegative",
    "Parameter reg_lambda should be greater equal to 0",
)


def parameters(config: Mapping[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    """What is handed to xgboost of a job's validated hyperparameters."""
    passed = {name: value for name, value in config.items() if name not in NOT_FOR_XGBOOST}
    if "updater" in passed:
        passed["updater"] = ",".join(passed["updater"])
    if evaluation.own:
        passed["eval_metric"] = evaluation.own
    return passed


def boost(
    config: Mapping[str, Any],
    evaluation: Evaluation,
    watched: Sequence[tuple[xgb.DMatrix, str]],
    callbacks: Sequence[TrainingCallback],
    resume: tuple[xgb.Booster | None, int] = (None, 0),
) -> tuple[xgb.Booster, EvalsLog]:
    """Train on the first of the watched matrices; returns the model and the metrics of each round."""
    history: EvalsLog = {}
    model, done = resume
    try:
        booster = xgb.train(
            parameters(config, evaluation),
            watched[0][0],
            num_boost_round=max(config["num_round"] - done, 0),
            evals=list(watched),
            custom_metric=container_metrics.evaluator(evaluation.container, config.get("objective", "")),
            evals_result=history,
            callbacks=[InOrder(callbacks)],
            xgb_model=model,
            verbose_eval=False,
        )
    except (xgb.core.XGBoostError, ValueError, UserError) as cause:
        if any(mistake in str(cause) for mistake in CUSTOMER_MISTAKES):
            raise UserError(str(cause)) from cause
        raise AlgorithmError(f"XGB train call failed with exception:\n {cause}") from cause
    return booster, history

"""The evaluation metrics that the algorithm knows, and which way each gets better.

Source: AWS developer guide, xgboost-tuning, and aws/sagemaker-xgboost-container 3.0-5.
"""

from __future__ import annotations

MAXIMIZE = (
    "accuracy", "auc", "aucpr", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "map", "ndcg", "precision",
    "r2", "recall", "precision_macro", "precision_micro", "recall_macro", "recall_micro",
)  # fmt: skip

MINIMIZE = (
    "aft-nloglik", "cox-nloglik", "error", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy",
    "logloss", "mae", "mape", "merror", "mlogloss", "mphe", "mse", "poisson-nloglik", "rmse", "rmsle",
    "tweedie-nloglik",
)  # fmt: skip

WITH_THRESHOLD = ("error", "ndcg", "map")

ALL = MAXIMIZE + MINIMIZE


def is_maximized(metric: str) -> bool:
    """True when a larger value is better; `name@threshold` counts as `name`."""
    return metric.split("@")[0] in MAXIMIZE


def tuning_objectives() -> list[str]:
    """What `_tuning_objective_metric` may be: validation metrics only."""
    return [f"validation:{name}" for name in ALL]

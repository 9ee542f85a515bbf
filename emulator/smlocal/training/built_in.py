"""What the service adds by itself to a job of the built-in XGBoost algorithm: metric definitions.

Names and regexes were observed in DescribeTrainingJob of a 1.5-1 job, 2025-05; so were the lists for regression and for
binary classification. That of multi-class classification is ours: what the container prints for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_REGEX = r".*\[[0-9]+\].*#011{name}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"
_REGRESSION = {
    "train": "mae gamma-nloglik cox-nloglik accuracy mse error ndcg poisson-nloglik rmse logloss gamma-deviance f1 map",
    "validation": "mae logloss f1 cox-nloglik poisson-nloglik map gamma-deviance error accuracy rmse mse ndcg r2"
    " gamma-nloglik",
}
_BINARY = {
    "train": "mae accuracy error auc rmse logloss",
    "validation": "aucpr f1_binary mae logloss f1 recall precision auc error accuracy",
}
_MULTI = {
    "train": "merror mlogloss accuracy f1 mae mse rmse",
    "validation": "merror mlogloss accuracy balanced_accuracy f1 f1_macro precision_macro recall_macro mae mse rmse",
}
_SCRIPT = "sagemaker_program"  # with it the image runs the user's script, and is no built-in algorithm


def with_metric_definitions(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a built-in XGBoost job as the service keeps it: its own definitions, when the user gave none."""
    algorithm = request["AlgorithmSpecification"]
    parameters = request.get("HyperParameters") or {}
    if algorithm.get("MetricDefinitions") or _SCRIPT in parameters:
        return dict(request)
    definitions = list(_definitions(parameters.get("objective", "reg:squarederror")))
    return {**request, "AlgorithmSpecification": {**algorithm, "MetricDefinitions": definitions}}


def _definitions(objective: str) -> Iterator[dict[str, str]]:
    kind = objective.partition(":")[0]
    sets = {"binary": _BINARY, "multi": _MULTI}.get(kind, _REGRESSION)
    for part, names in sets.items():
        for name in names.split():
            yield {"Name": f"{part}:{name}", "Regex": _REGEX.replace("{name}", f"{part}-{name}")}

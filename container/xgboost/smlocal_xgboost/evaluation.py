"""Which metrics a job asks for: its eval_metric, united with the metric that a tuning job optimises.

Source: aws/sagemaker-xgboost-container 3.0-5.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smlocal_xgboost import container_metrics, metric_names

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """xgboost's own metrics, the container's, and the one that early stopping watches (None: there is none)."""

    own: list[str]
    container: list[str]
    watched: str | None

    @property
    def watched_name(self) -> str | None:
        """The watched metric as xgboost prints it: `error@0.5` is `error`, `error@0.30` is `error@0.3`."""
        if self.watched is None or not self.watched.startswith("error@"):
            return self.watched
        threshold = float(self.watched.split("@")[1])
        return "error" if threshold == 0.5 else f"error@{threshold:g}"

    @property
    def maximized(self) -> bool:
        return self.watched is not None and metric_names.is_maximized(self.watched)


def choose(config: Mapping[str, Any]) -> Evaluation:
    """Sort a job's metrics into xgboost's own and the container's."""
    asked: list[str] = list(config.get("eval_metric") or [])
    tuned = _tuned_metric(config)
    wanted = sorted({*asked, tuned}) if tuned else asked
    # xgboost has rmse, mae and mape of its own, but AWS's image computes these two; the figures agree.
    container = [name for name in wanted if name in container_metrics.NAMES]
    return Evaluation(
        own=[name for name in wanted if name not in container],
        container=container,
        watched=tuned or (asked[-1] if asked else None),
    )


def _tuned_metric(config: Mapping[str, Any]) -> str | None:
    objective = config.get("_tuning_objective_metric")
    if not objective:
        return None
    metric = str(objective).split(":")[1]
    logger.info("Setting up HPO optimized metric to be : %s", metric)
    return metric

"""The algorithm's hyperparameters: every name it takes, its type and its range, and the order of validation.

Order: aliases, required names, then per key in the file's order unknown names and parsing, then ranges, then the
rules between hyperparameters. The first error wins. No defaults are set here: what is absent is left to xgboost.

Source: AWS developer guide, xgboost_hyperparameters; aws/sagemaker-xgboost-container 1.7-1, 3.0-5 and 3.2-0,
observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal_xgboost import metric_names
from smlocal_xgboost.errors import UserError
from smlocal_xgboost.hyperparameter_kinds import (
    Interval,
    Kind,
    at_least,
    between,
    category,
    comma_list,
    continuous,
    integer,
    integer_tuple,
    nested_list,
)  # fmt: skip
from smlocal_xgboost.hyperparameter_rules import RULES

ALIASES = {"learning_rate": "eta", "min_split_loss": "gamma", "reg_lambda": "lambda", "reg_alpha": "alpha"}
REQUIRED = ("num_round",)

OBJECTIVES = (
    "aft_loss_distribution", "binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax",
    "multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map", "reg:linear", "reg:squarederror", "reg:logistic",
    "reg:gamma", "reg:pseudohubererror", "reg:squaredlogerror", "reg:absoluteerror", "reg:tweedie", "survival:aft",
    "survival:cox",
)  # fmt: skip

UPDATERS = (
    "grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker", "sync", "refresh", "prune", "shotgun",
    "coord_descent",
)  # fmt: skip

UNIT = between(0, 1)
PORTION = Interval(low=0, high=1, low_open=True)
POSITIVE = Interval(low=0, low_open=True)
NOT_NEGATIVE = at_least(0)
COUNT = at_least(1)
SWITCH = category(["true", "false"])


class _EvalMetrics:
    """The range of eval_metric: the known names, and `error`, `ndcg` or `map` with `@threshold`."""

    def __contains__(self, metric: str) -> bool:
        if "<function" in metric:
            raise UserError(f"User defined evaluation metric {metric} is not supported yet.")
        if "@" in metric:
            return self._with_threshold(metric)
        return metric in metric_names.ALL

    def __str__(self) -> str:
        return str(list(metric_names.ALL))

    @staticmethod
    def _with_threshold(metric: str) -> bool:
        name, threshold = (part.strip() for part in metric.split("@")[:2])
        if name not in metric_names.WITH_THRESHOLD:
            raise UserError(
                f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
                "be one of these options: 'error', 'ndcg', 'map'."
            )
        try:
            float(threshold)
        except ValueError:
            raise UserError(f"Threshold value 't' in '{name}@t' expects float input.") from None
        return True


KINDS: dict[str, Kind] = {
    "num_round": integer(COUNT),
    "csv_weights": integer(UNIT),
    "early_stopping_rounds": integer(COUNT),
    "booster": category(["gbtree", "gblinear", "dart"]),
    "verbosity": integer(between(0, 3)),
    "nthread": integer(COUNT),
    "eta": continuous(UNIT),
    "gamma": continuous(NOT_NEGATIVE),
    "max_depth": integer(NOT_NEGATIVE),
    "min_child_weight": continuous(NOT_NEGATIVE),
    "max_delta_step": continuous(NOT_NEGATIVE),
    "subsample": continuous(PORTION),
    "colsample_bytree": continuous(PORTION),
    "colsample_bylevel": continuous(PORTION),
    "colsample_bynode": continuous(PORTION),
    "lambda": continuous(NOT_NEGATIVE),
    "alpha": continuous(NOT_NEGATIVE),
    "tree_method": category(["auto", "exact", "approx", "hist", "gpu_hist"]),
    "sketch_eps": continuous(Interval(low=0, high=1, low_open=True, high_open=True)),
    "scale_pos_weight": continuous(POSITIVE),
    "updater": comma_list(list(UPDATERS)),
    "dsplit": category(["row", "col"]),
    "refresh_leaf": integer(UNIT),
    "process_type": category(["default", "update"]),
    "grow_policy": category(["depthwise", "lossguide"]),
    "max_leaves": integer(NOT_NEGATIVE),
    "max_bin": integer(NOT_NEGATIVE),
    "predictor": category(["auto", "cpu_predictor", "gpu_predictor"]),
    "monotone_constraints": integer_tuple([-1, 0, 1]),
    "interaction_constraints": nested_list(COUNT),
    "sample_type": category(["uniform", "weighted"]),
    "normalize_type": category(["tree", "forest"]),
    "rate_drop": continuous(UNIT),
    "one_drop": integer(UNIT),
    "skip_drop": continuous(UNIT),
    "lambda_bias": continuous(UNIT),
    "tweedie_variance_power": continuous(Interval(low=1, high=2, low_open=True, high_open=True)),
    "objective": category(OBJECTIVES),
    "num_class": integer(at_least(2)),
    "base_score": continuous(NOT_NEGATIVE),
    "_kfold": integer(at_least(2)),
    "_num_cv_round": integer(COUNT),
    "_tuning_objective_metric": category(metric_names.tuning_objectives()),
    "eval_metric": comma_list(_EvalMetrics()),
    "seed": integer(Interval(low=-(2**31), high=2**31 - 1, low_open=True, high_open=True)),
    "num_parallel_tree": integer(COUNT),
    "save_model_on_termination": SWITCH,
    "aft_loss_distribution": category(["normal", "logistic", "extreme"]),
    "aft_loss_distribution_scale": continuous(NOT_NEGATIVE),
    "deterministic_histogram": SWITCH,
    "sampling_method": category(["uniform", "gradient_based"]),
    "prob_buffer_row": integer(Interval(low=1, low_open=True)),
    "use_dask_gpu_training": SWITCH,
}


def validate(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parse and check a job's hyperparameters; returns typed values, raises UserError with the contract's text."""
    named = _without_aliases(given)
    for name in REQUIRED:
        if name not in named:
            raise UserError(f"Missing required hyperparameter: {name}")
    values = {name: _parse(name, text) for name, text in named.items()}
    for name, value in values.items():
        KINDS[name].check(name, value)
    for name, rule in RULES.items():
        if name in values:
            rule(values[name], values)
    return values


def _without_aliases(given: Mapping[str, Any]) -> dict[str, Any]:
    return {ALIASES.get(name, name): text for name, text in given.items()}


def _parse(name: str, text: Any) -> Any:
    if name not in KINDS:
        raise UserError(f"Extraneous hyperparameter found: {name}")
    try:
        return KINDS[name].parse(text)
    except (ValueError, TypeError) as cause:
        raise UserError(f"Hyperparameter {name}: could not parse value (caused by {type(cause).__name__})") from cause

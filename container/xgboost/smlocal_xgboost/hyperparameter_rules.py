"""Rules between hyperparameters: a value that is fine alone may not go with another.

Source: aws/sagemaker-xgboost-container 3.0-5; the texts are its own, except where upstream's is garbled by a bug
(the list of linear updaters) or a bare KeyError (eval_metric without objective).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from smlocal_xgboost.errors import UserError

TREE_UPDATERS = (
    "grow_colmaker", "distcol", "grow_histmaker", "grow_skmaker", "sync", "refresh", "prune",
    "grow_quantile_histmaker",
)  # fmt: skip
TREE_BUILDERS = ("grow_colmaker", "distcol", "grow_histmaker", "grow_quantile_histmaker")
LINEAR_UPDATERS = ("shotgun", "coord_descent")
PROCESS_UPDATERS = ("refresh", "prune")

Rule = Callable[[Any, Mapping[str, Any]], None]


def updater(value: list[str], others: Mapping[str, Any]) -> None:
    """Linear boosters take one linear updater, updates take refresh and prune, trees take one builder."""
    if others.get("booster") == "gblinear":
        if len(value) != 1 or value[0] not in LINEAR_UPDATERS:
            names = ", ".join(f"'{name}'" for name in LINEAR_UPDATERS)
            raise UserError(f"Linear updater should be one of these options: {names}.")
    elif others.get("process_type") == "update":
        if not all(name in PROCESS_UPDATERS for name in value):
            raise UserError("process_type 'update' can only be used with updater 'refresh' and 'prune'")
    else:
        _tree_updater(value)


def _tree_updater(value: list[str]) -> None:
    if not all(name in TREE_UPDATERS for name in value):
        names = ", ".join(f"'{name}'" for name in (*TREE_UPDATERS, *LINEAR_UPDATERS))
        raise UserError(f"Tree updater should be selected from these options: {names}.")
    if sum(name in TREE_BUILDERS for name in value) > 1:
        raise UserError(
            "Only one tree grow plugin can be selected. Choose one from the"
            "following: 'grow_colmaker', 'distcol', 'grow_histmaker', 'grow_skmaker'"
        )


def objective(value: str, others: Mapping[str, Any]) -> None:
    if value in ("multi:softmax", "multi:softprob") and others.get("num_class") is None:
        raise UserError("Require input for parameter 'num_class' for multi-classification")


def eval_metric(value: list[str], others: Mapping[str, Any]) -> None:
    """Some metrics need a matching objective, and any metric needs one to be named."""
    chosen = others.get("objective")
    if chosen is None:
        raise UserError("Hyperparameter eval_metric: it needs hyperparameter 'objective', which is not set")
    if "auc" in value and not chosen.startswith(("binary:", "rank:")):
        raise UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    if "aft-nloglik" in value and chosen != "survival:aft":
        raise UserError("Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.")


def monotone_constraints(value: tuple[int, ...], others: Mapping[str, Any]) -> None:
    if others.get("tree_method") not in ("exact", "hist"):
        raise UserError(
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
        )


def interaction_constraints(value: list[list[int]], others: Mapping[str, Any]) -> None:
    if others.get("tree_method") not in ("exact", "hist", "approx"):
        raise UserError(
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        )


RULES: dict[str, Rule] = {
    "updater": updater,
    "objective": objective,
    "eval_metric": eval_metric,
    "monotone_constraints": monotone_constraints,
    "interaction_constraints": interaction_constraints,
}

"""Validation of hyperparameters. Source: aws/sagemaker-xgboost-container, texts observed in 1.7-1, 3.0-5 and 3.2-0."""

from __future__ import annotations

from typing import Any

import pytest
from smlocal_xgboost import hyperparameters
from smlocal_xgboost.errors import UserError

ROUND = {"num_round": "1"}
LOGISTIC = {**ROUND, "objective": "binary:logistic"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "Missing required hyperparameter: num_round"),
        ({"foo": "1"}, "Missing required hyperparameter: num_round"),
        ({**ROUND, "foo": "1", "eta": "x"}, "Extraneous hyperparameter found: foo"),
        ({**ROUND, "eta": "x", "foo": "1"}, "Hyperparameter eta: could not parse value (caused by ValueError)"),
        ({**ROUND, "sagemaker_job_name": '"j"'}, "Extraneous hyperparameter found: sagemaker_job_name"),
        ({**ROUND, "silent": "1"}, "Extraneous hyperparameter found: silent"),
        ({**ROUND, "device": "cpu"}, "Extraneous hyperparameter found: device"),
        ({"num_round": "10.5"}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
        ({"num_round": '"2"'}, "Hyperparameter num_round: could not parse value (caused by ValueError)"),
        ({**ROUND, "max_depth": "-1"}, "Hyperparameter max_depth: -1 is not in [0, +inf)"),
        ({**ROUND, "eta": "2", "foo": "1"}, "Extraneous hyperparameter found: foo"),
        ({**ROUND, "learning_rate": "2"}, "Hyperparameter eta: 2.0 is not in [0, 1]"),
        ({**ROUND, "scale_pos_weight": "0"}, "Hyperparameter scale_pos_weight: 0.0 is not in (0, +inf)"),
        ({**ROUND, "sketch_eps": "1"}, "Hyperparameter sketch_eps: 1.0 is not in (0, 1)"),
        ({**ROUND, "seed": "2147483647"}, "Hyperparameter seed: 2147483647 is not in (-2147483648, 2147483647)"),
        ({**ROUND, "booster": "tree"}, "Hyperparameter booster: tree is not in ['gbtree', 'gblinear', 'dart']"),
        (
            {**ROUND, "save_model_on_termination": "True"},
            "Hyperparameter save_model_on_termination: True is not in ['true', 'false']",
        ),
        (
            {**ROUND, "updater": "refresh,grow_quantile_histmaker"},
            "Hyperparameter updater: value ['refresh', 'grow_quantile_histmaker'] not in range ['grow_colmaker', ",
        ),
        (
            {**LOGISTIC, "eval_metric": "auc,nothing"},
            "Hyperparameter eval_metric: value ['auc', 'nothing'] not in range",
        ),
        (
            {**LOGISTIC, "eval_metric": "<function f>"},
            "User defined evaluation metric <function f> is not supported yet.",
        ),
        ({**ROUND, "_tuning_objective_metric": "train:auc"}, "Hyperparameter _tuning_objective_metric: train:auc is"),
        (
            {**ROUND, "objective": "multi:softprob"},
            "Require input for parameter 'num_class' for multi-classification",
        ),
        (
            {**ROUND, "objective": "reg:squarederror", "eval_metric": "auc"},
            "Metric 'auc' can only be applied for classification and ranking problems.",
        ),
        (
            {**LOGISTIC, "eval_metric": "aft-nloglik"},
            "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
        ),
        (
            {**ROUND, "monotone_constraints": "(1,0)"},
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
        ),
        (
            {**ROUND, "monotone_constraints": "(1,2)", "tree_method": "hist"},
            "Hyperparameter monotone_constraints: value (1, 2) not in range [-1, 0, 1]",
        ),
        (
            {**ROUND, "monotone_constraints": "__import__('os').getpid()", "tree_method": "hist"},
            "Hyperparameter monotone_constraints: could not parse value (caused by ValueError)",
        ),
        (
            {**ROUND, "interaction_constraints": "[[0,1]]", "tree_method": "hist"},
            "Hyperparameter interaction_constraints: value [[0, 1]] not in range [1, +inf)",
        ),
        (
            {**ROUND, "interaction_constraints": "[[1,2]]"},
            "interaction_constraints can be used only when the tree_method parameter is set to either 'exact', 'hist'",
        ),
        (
            {**ROUND, "process_type": "update", "updater": "grow_colmaker"},
            "process_type 'update' can only be used with updater 'refresh' and 'prune'",
        ),
        ({**ROUND, "updater": "shotgun"}, "Tree updater should be selected from these options: 'grow_colmaker',"),
    ],
)
def test_a_wrong_hyperparameter_is_refused_in_the_contract_s_words(given: dict[str, Any], text: str) -> None:
    with pytest.raises(UserError) as refused:
        hyperparameters.validate(given)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("learning_rate", "0.1", ("eta", 0.1)),
        ("min_split_loss", "2", ("gamma", 2.0)),
        ("reg_lambda", "3", ("lambda", 3.0)),
        ("reg_alpha", "0", ("alpha", 0.0)),
        ("updater", "refresh,prune", ("updater", ["refresh", "prune"])),
        ("monotone_constraints", "(1,0,-1)", ("monotone_constraints", (1, 0, -1))),
        ("interaction_constraints", "[[1,2],[3]]", ("interaction_constraints", [[1, 2], [3]])),
        ("eval_metric", "error@0.3,ndcg@2", ("eval_metric", ["error@0.3", "ndcg@2"])),
        ("_tuning_objective_metric", "validation:auc", ("_tuning_objective_metric", "validation:auc")),
        ("seed", "-5", ("seed", -5)),
    ],
)
def test_a_value_is_parsed_to_its_type(name: str, text: str, value: tuple[str, Any]) -> None:
    parsed = hyperparameters.validate({**LOGISTIC, "tree_method": "hist", name: text})
    assert parsed[value[0]] == value[1]
    assert type(parsed[value[0]]) is type(value[1])


def test_nothing_is_set_that_was_not_given() -> None:
    assert hyperparameters.validate(LOGISTIC) == {"num_round": 1, "objective": "binary:logistic"}


def test_a_linear_booster_takes_one_linear_updater() -> None:
    assert hyperparameters.validate({**ROUND, "booster": "gblinear", "updater": "shotgun"})["updater"] == ["shotgun"]

"""Hyperparameters of the bring-your-own container, as the API and as the SDK send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iris import estimator, hyperparameters
from iris.optml import JobError


@pytest.mark.parametrize(
    ("name", "sent", "meant"),
    [
        ("n_estimators", "5", 5),
        ("n_estimators", '"5"', 5),
        ("n_estimators", 5, 5),
        ("criterion", "entropy", "entropy"),
        ("criterion", '"entropy"', "entropy"),
        ("max_leaf_nodes", "30", 30),
        ("max_leaf_nodes", "null", None),
        ("max_leaf_nodes", "None", None),
        ("max_leaf_nodes", "", None),
        ("random_state", "0", 0),
    ],
)
def test_a_value_means_the_same_plain_and_encoded(name: str, sent: Any, meant: Any) -> None:
    assert hyperparameters.read({name: sent}, estimator.HYPERPARAMETERS)[name] == meant


@given(st.integers(1, 10**9))
def test_any_count_survives_any_number_of_encodings_that_an_sdk_makes(count: int) -> None:
    for sent in (str(count), json.dumps(str(count))):
        assert hyperparameters.read({"n_estimators": sent}, estimator.HYPERPARAMETERS)["n_estimators"] == count


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        ({"max_leaf_node": "5"}, "Unknown hyperparameter 'max_leaf_node'. This image knows criterion, max_depth, "),
        ({"b": "1", "a": "1"}, "Unknown hyperparameter 'a', 'b'. "),
        ({"n_estimators": "0"}, "Hyperparameter 'n_estimators' is '0'; it must be a whole number of at least 1."),
        ({"n_estimators": "2.5"}, "Hyperparameter 'n_estimators' is '2.5'; it must be a whole number of at least 1."),
        ({"n_estimators": "true"}, "Hyperparameter 'n_estimators' is 'true'; it must be a whole number"),
        ({"n_estimators": "many"}, "Hyperparameter 'n_estimators' is 'many'; it must be a whole number"),
        (
            {"max_leaf_nodes": "1"},
            "Hyperparameter 'max_leaf_nodes' is '1'; it must be a whole number of at least 2 or none.",
        ),
        ({"criterion": "luck"}, "Hyperparameter 'criterion' is 'luck'; it must be one of gini, entropy, log_loss."),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(sent: dict[str, str], complaint: str) -> None:
    with pytest.raises(JobError) as caught:
        hyperparameters.read(sent, estimator.HYPERPARAMETERS)
    assert str(caught.value).startswith(complaint)


def test_what_the_platform_adds_by_itself_is_ignored() -> None:
    sent = {"sagemaker_program": '"train.py"', "_tuning_objective_metric": "train:accuracy"}
    values = hyperparameters.read(sent, estimator.HYPERPARAMETERS)
    assert values == {name: one.default for name, one in estimator.HYPERPARAMETERS.items()}

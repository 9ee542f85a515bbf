"""K-fold cross validation. Source: aws/sagemaker-xgboost-container 1.7-1 and 3.0-5, observed."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from smlocal_xgboost import folds
from xgboost_jobs import LOGISTIC, SOFTPROB, SQUARED, Job, metric_lines

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@given(st.lists(st.integers(0, 3), min_size=6, max_size=60), st.integers(2, 6), st.booleans(), st.integers(0, 99))
def test_every_row_is_in_one_fold_and_labels_are_dealt_evenly(
    labels: list[int], count: int, stratified: bool, seed: int
) -> None:
    array = np.array(labels)
    dealt = list(folds.deal(array, count, stratified, np.random.default_rng(seed)))
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(labels)))
    sizes = [len(fold) for fold in dealt]
    assert max(sizes) - min(sizes) <= 1
    if stratified:
        for label in set(labels):
            counts = [int((array[fold] == label).sum()) for fold in dealt]
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("given_", "columns"), [(SOFTPROB, 3), (LOGISTIC, 3), (SQUARED, 2)], ids=["softprob", "logistic", "regression"]
)
def test_every_fold_s_model_and_every_row_s_prediction_is_kept(
    tmp_path: Path, given_: dict[str, str], columns: int
) -> None:
    job = Job(tmp_path, {**given_, "_kfold": "3", "_num_cv_round": "2"}).write()
    assert job.run() == 0
    assert sorted(path.name for path in job.model.parent.iterdir()) == [f"xgboost-model-{n}" for n in range(6)]
    rows = [line.split(",") for line in (tmp_path / "output" / "data" / "predictions.csv").read_text().splitlines()]
    assert len(rows) == 150
    assert {len(row) for row in rows} == {columns}
    assert all(len(cell.split(".")[1]) == 6 for row in rows for cell in row)
    if given_ is SOFTPROB:
        assert min(float(row[1]) for row in rows) > 1 / 3
    truth, told = (np.array([float(row[n]) for row in rows]) for n in (0, columns - 1))
    assert np.mean(np.abs(truth - told)) < 0.25


def test_the_last_line_is_the_mean_of_all_folds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    job = Job(tmp_path, {**SOFTPROB, "eval_metric": "merror", "_kfold": "3", "_num_cv_round": "2"}).write()
    assert job.run() == 0
    lines = metric_lines(capfd.readouterr().out)
    last_rounds = [line for line in lines if line.startswith("[4]\t")]
    summaries = [line for line in lines if line.startswith("[5]\t")]
    assert len(last_rounds) == 6
    assert len(summaries) == 3
    assert _validation(summaries[2]) == pytest.approx(np.mean([_validation(line) for line in last_rounds]), abs=1e-4)
    assert _validation(summaries[0]) == pytest.approx(np.mean([_validation(one) for one in last_rounds[:3]]), abs=1e-4)
    for text in (
        "Read both train and validation data into one DMatrix",
        "Run 2-round of 3-fold cross validation with 150 rows",
        "Train cross validation fold 1",
        "The metrics of round 2 cross validation",
        "The overall metrics of 2-round cross validation",
    ):
        assert text in caplog.messages


def _validation(line: str) -> float:
    return float(line.split("validation-merror:")[1])


def test_cross_validation_works_without_a_validation_channel(tmp_path: Path) -> None:
    job = Job(tmp_path, {**SOFTPROB, "_kfold": "2"}, validation=False).write()
    assert job.run() == 0
    assert len((tmp_path / "output" / "data" / "predictions.csv").read_text().splitlines()) == 120


def test_weights_of_both_channels_go_into_the_folds() -> None:
    first = xgb.DMatrix(np.ones((2, 3)), label=[0, 1], weight=[1, 2])
    second = xgb.DMatrix(np.ones((1, 2)), label=[1], weight=[3])
    joined = folds.join(first, second)
    assert joined.get_weight().tolist() == [1.0, 2.0, 3.0]
    assert (joined.num_row(), joined.num_col()) == (3, 3)

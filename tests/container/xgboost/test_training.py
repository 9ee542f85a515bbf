"""What a training job leaves behind. Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from smlocal_xgboost import model_files
from smlocal_xgboost.errors import UserError
from xgboost_golden import DATA
from xgboost_jobs import LOGISTIC, SOFTPROB, SQUARED, Job, metric_lines, rounds

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).resolve().parents[3]
Capture = pytest.CaptureFixture[str]


def _iris(name: str = "iris_train.csv") -> tuple[np.ndarray, np.ndarray]:
    rows = np.array([line.split(",") for line in DATA[name].split()], dtype=np.float32)
    return rows[:, 1:], rows[:, 0]


def test_the_metric_line_is_tab_separated_with_five_decimals(tmp_path: Path, capfd: Capture) -> None:
    assert Job(tmp_path, {**SOFTPROB, "eval_metric": "merror,mlogloss"}).write().run() == 0
    lines = metric_lines(capfd.readouterr().out)
    assert lines[0] == (
        "[0]\ttrain-merror:0.00833\ttrain-mlogloss:0.73377\tvalidation-merror:0.06667\tvalidation-mlogloss:0.76575"
    )
    assert rounds("\n".join(lines)) == [0, 1, 2, 3, 4]


def test_the_model_is_what_stock_xgboost_would_have_trained(tmp_path: Path) -> None:
    assert Job(tmp_path, SOFTPROB, validation=False).write().run() == 0
    features, labels = _iris()
    matrix = xgb.DMatrix(features, label=labels)
    stock = xgb.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "seed": 1}, matrix, 5)
    ours = xgb.Booster(model_file=str(tmp_path / "model" / "xgboost-model"))
    assert np.array_equal(ours.predict(matrix), stock.predict(matrix))


def test_the_model_folder_holds_one_file_in_stock_xgboost_s_format(tmp_path: Path) -> None:
    job = Job(tmp_path, SOFTPROB).write()
    assert job.run() == 0
    assert [path.name for path in job.model.parent.iterdir()] == ["xgboost-model"]
    assert job.model.read_bytes().startswith(b"{L")


def test_the_log_tells_the_steps_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert Job(tmp_path, SOFTPROB).write().run() == 0
    expected = [
        "Imported framework sagemaker_xgboost_container.training",
        "Failed to parse hyperparameter objective value multi:softprob to Json.",
        "Returning the value itself",
        "No GPUs detected (normal if no gpus installed)",
        "Running XGBoost Sagemaker in algorithm mode",
        "Determined 0 GPU(s) available on the instance.",
        "Determined delimiter of CSV input is ','",
        "Single node training.",
        "Train matrix has 120 rows and 4 columns",
        "Validation matrix has 30 rows",
    ]
    said = [message for message in caplog.messages if message in expected]
    assert list(dict.fromkeys(said)) == expected


def test_container_metrics_stand_behind_xgboost_s_own_and_are_right(tmp_path: Path, capfd: Capture) -> None:
    assert Job(tmp_path, {**LOGISTIC, "eval_metric": "accuracy,error"}, validation=False).write().run() == 0
    for line in metric_lines(capfd.readouterr().out):
        error, accuracy = (float(one.split(":")[1]) for one in line.split("\t")[1:])
        assert line.split("\t")[1].startswith("train-error:")
        assert accuracy == pytest.approx(1 - error, abs=2e-5)


def test_a_container_metric_alone_comes_with_the_objective_s_own(tmp_path: Path, capfd: Capture) -> None:
    assert Job(tmp_path, {**LOGISTIC, "eval_metric": "f1"}, validation=False).write().run() == 0
    first = metric_lines(capfd.readouterr().out)[0]
    assert [one.split(":")[0] for one in first.split("\t")] == ["[0]", "train-logloss", "train-f1"]


def test_early_stopping_keeps_the_best_model_and_prints_every_round(tmp_path: Path, capfd: Capture) -> None:
    given = {**SOFTPROB, "num_round": "200", "early_stopping_rounds": "3", "eval_metric": "mlogloss", "eta": "1"}
    job = Job(tmp_path, given).write()
    assert job.run() == 0
    seen = rounds(capfd.readouterr().out)
    model = xgb.Booster(model_file=str(job.model))
    best = int(model.attr("best_iteration") or -1)
    assert seen == list(range(len(seen)))
    assert len(seen) < 200
    assert seen[-1] == best + 3
    assert model.num_boosted_rounds() == best + 1


@pytest.mark.parametrize(
    ("extra", "validation"), [({"eval_metric": "mlogloss"}, False), ({}, True)], ids=["no validation", "no metric"]
)
def test_early_stopping_without_data_or_metric_is_ignored(
    tmp_path: Path, capfd: Capture, extra: dict[str, str], validation: bool
) -> None:
    given = {**SOFTPROB, "num_round": "40", "early_stopping_rounds": "1", "eta": "1", **extra}
    assert Job(tmp_path, given, validation).write().run() == 0
    assert len(rounds(capfd.readouterr().out)) == 40


def test_checkpoints_keep_five_and_a_second_run_resumes(tmp_path: Path, capfd: Capture) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    base = tmp_path / "ml"
    job = Job(base, {**SOFTPROB, "num_round": "8"}).write().configure("checkpointconfig", {"LocalPath": str(folder)})
    assert job.run() == 0
    assert sorted(path.name for path in folder.iterdir()) == [f"xgboost-checkpoint.{n}" for n in range(3, 8)]
    capfd.readouterr()
    assert job.configure("hyperparameters", {**SOFTPROB, "num_round": "12"}).run() == 0
    assert rounds(capfd.readouterr().out) == [8, 9, 10, 11]
    assert xgb.Booster(model_file=str(job.model)).num_boosted_rounds() == 12


def test_a_checkpoint_that_is_being_uploaded_is_not_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name in ("xgboost-checkpoint.0.sagemaker-uploading", "xgboost-checkpoint.1.sagemaker-uploaded"):
        (folder / name).touch()
    job = Job(tmp_path / "ml", {**SOFTPROB, "num_round": "9"}).write()
    assert job.configure("checkpointconfig", {"LocalPath": str(folder)}).run() == 0
    names = {path.name for path in folder.iterdir()}
    assert "xgboost-checkpoint.0" in names
    assert "xgboost-checkpoint.1" not in names
    assert "xgboost-checkpoint.1.sagemaker-uploaded" not in names


def test_a_missing_file_of_the_platform_is_its_errno(tmp_path: Path) -> None:
    job = Job(tmp_path, SOFTPROB).write()
    (tmp_path / "input" / "config" / "inputdataconfig.json").unlink()
    assert job.run() == 2
    assert job.failure.startswith("framework error: \nTraceback (most recent call last):\n")
    assert "FileNotFoundError" in job.failure


def test_the_failure_text_fits_into_what_sagemaker_shows(tmp_path: Path) -> None:
    job = Job(tmp_path, {**SOFTPROB, "eta": "2"}).write()
    assert job.run() == 1
    lines = job.failure[:1024].splitlines()
    message = "Hyperparameter eta: 2.0 is not in [0, 1]"
    assert lines[0] == "framework error: "
    assert f"sagemaker_algorithm_toolkit.exceptions.UserError: {message}" in lines
    assert lines[-1] == message
    assert sum(line.startswith("  File ") for line in lines) == 1


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        (["algo-1", "algo-2"], "Distributed training with 2 hosts is not supported by this local stand-in: set Instan"),
        ([], "Number of hosts should be an int greater than or equal to 1"),
    ],
)
def test_only_one_host_trains(tmp_path: Path, hosts: list[str], text: str) -> None:
    job = Job(tmp_path, SOFTPROB).write().configure("resourceconfig", {"current_host": "algo-1", "hosts": hosts})
    assert job.run() == 1
    assert text in job.failure


def test_gpu_training_is_refused_by_name(tmp_path: Path) -> None:
    job = Job(tmp_path, {**SOFTPROB, "use_dask_gpu_training": "true"}).write()
    assert job.run() == 1
    assert "Some configurations unsuitable for Dask GPU training were found" in job.failure


def test_a_class_too_many_is_the_algorithm_s_failure(tmp_path: Path) -> None:
    job = Job(tmp_path, {**LOGISTIC, "num_class": "3"}).write()
    assert job.run() == 1
    assert "exceptions.AlgorithmError: XGB train call failed with exception:\n" in job.failure


@pytest.mark.parametrize("fmt", ["ubj", "json", "deprecated"], ids=["ubj", "json", "binf of 1.7-1"])
def test_every_format_of_stock_xgboost_is_read(tmp_path: Path, fmt: str) -> None:
    features, labels = _iris()
    matrix = xgb.DMatrix(features, label=labels)
    stock = xgb.train({"max_depth": 2}, matrix, 3)
    (tmp_path / "model").write_bytes(stock.save_raw(fmt))
    assert np.array_equal(model_files.load(tmp_path / "model").predict(matrix), stock.predict(matrix))


def test_a_pickle_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    import pickle

    features, labels = _iris()
    stock = xgb.train({"max_depth": 2}, xgb.DMatrix(features, label=labels), 3)
    (tmp_path / "model").write_bytes(pickle.dumps(stock))
    with pytest.raises(UserError, match="File model is a pickle, which can run code"):
        model_files.load(tmp_path / "model", {})
    allowed = model_files.load(tmp_path / "model", {"SMLOCAL_XGBOOST_ALLOW_PICKLE": "true"})
    assert allowed.num_boosted_rounds() == 3


@pytest.mark.parametrize(("choice", "code"), [("true", 0), ("false", -signal.SIGTERM)])
def test_sigterm_saves_the_model_only_when_asked_to(tmp_path: Path, choice: str, code: int) -> None:
    """(As the first process of a container, SIGTERM is ignored without the hyperparameter.)"""
    given = {**SOFTPROB, "num_round": "1000000", "save_model_on_termination": choice}
    job = Job(tmp_path, given, validation=False).write()
    job.model.parent.mkdir()
    (job.model.parent / "leftover").touch()
    program = "import sys; sys.path.insert(0, sys.argv[1]); from smlocal_xgboost.training import main; main()"
    environ = {**os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program, str(ROOT / "container" / "xgboost")]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"[3]"):
            assert process.poll() is None
        process.terminate()
        asked = time.monotonic()
        process.stdout.read()
        assert process.wait(timeout=20) == code
        assert time.monotonic() - asked < 5
    names = [path.name for path in job.model.parent.iterdir()]
    if choice == "true":
        assert names == ["xgboost-model"]
        assert xgb.Booster(model_file=str(job.model)).num_boosted_rounds() >= 3
    else:
        assert names == ["leftover"]


def test_a_metric_that_xgboost_and_the_container_both_know_is_printed_once(tmp_path: Path, capfd: Capture) -> None:
    assert Job(tmp_path, {**SQUARED, "eval_metric": "rmse,mae,r2"}).write().run() == 0
    first = metric_lines(capfd.readouterr().out)[0]
    names = [one.split(":")[0] for one in first.split("\t")[1:]]
    assert names[:3] == ["train-rmse", "train-mae", "train-r2"]
    assert names[3:] == ["validation-rmse", "validation-mae", "validation-r2"]

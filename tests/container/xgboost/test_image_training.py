"""The image trains. Source: aws/sagemaker-xgboost-container 3.0-5, observed."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost as xgb
from xgboost_golden import DATA
from xgboost_jobs import LOGISTIC, SOFTPROB, metric_lines
from xgboost_trees import CONFIG, training_files

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning")]

MODEL = "/opt/ml/model/xgboost-model"
SCRIPT = (Path(__file__).parent / "support" / "abalone_script.py").read_bytes()


def _matrix(name: str) -> xgb.DMatrix:
    rows = np.array([line.split(",") for line in DATA[name].split()], dtype=np.float32)
    return xgb.DMatrix(rows[:, 1:], label=rows[:, 0])


def test_a_job_trains_without_a_network_and_stock_xgboost_predicts_the_same(new_box: Any, xgboost_image: str) -> None:
    given = {**SOFTPROB, "eval_metric": "merror,mlogloss"}
    box = new_box(xgboost_image, ["train"], training_files(given), network_mode="none").start()
    assert box.wait() == 0, box.logs()
    lines = metric_lines(box.logs(stderr=False))
    assert lines[0] == (
        "[0]\ttrain-merror:0.00833\ttrain-mlogloss:0.73377\tvalidation-merror:0.06667\tvalidation-mlogloss:0.76575"
    )
    assert lines[-1].endswith("validation-merror:0.06667\tvalidation-mlogloss:0.34590")
    assert list(box.tree("/opt/ml/model")) == ["model/xgboost-model"]
    assert box.read("/opt/ml/output/failure") is None
    theirs = xgb.Booster()
    theirs.load_model(bytearray(box.read(MODEL) or b""))
    parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 3, "seed": 1}
    stock = xgb.train(parameters, _matrix("iris_train.csv"), 5)
    validation = _matrix("iris_val.csv")
    assert np.allclose(theirs.predict(validation), stock.predict(validation), atol=1e-6)


@pytest.mark.parametrize(
    ("hyperparameters", "removed", "code", "text"),
    [
        ({**LOGISTIC, "eta": "2"}, None, 1,
         "sagemaker_algorithm_toolkit.exceptions.UserError: Hyperparameter eta: 2.0 is not in [0, 1]"),
        (LOGISTIC, f"{CONFIG}/inputdataconfig.json", 2, "FileNotFoundError: [Errno 2]"),
    ],
    ids=["a wrong hyperparameter", "a missing file"],
)  # fmt: skip
def test_a_failed_job_says_why_in_the_failure_file_and_in_the_log(
    new_box: Any, xgboost_image: str, hyperparameters: dict[str, str], removed: str | None, code: int, text: str
) -> None:
    files = training_files(hyperparameters, "irisb")
    files.pop(removed, None)
    box = new_box(xgboost_image, ["train"], files, network_mode="none").start()
    assert box.wait() == code
    failure = (box.read("/opt/ml/output/failure") or b"").decode()
    assert failure.startswith("framework error: \nTraceback (most recent call last):\n")
    assert text in failure[:1024]
    assert "Reporting training FAILURE" in box.logs()
    assert text in box.logs()
    assert box.tree("/opt/ml/model") == {}


def test_sigterm_keeps_the_model_of_the_last_round(new_box: Any, xgboost_image: str) -> None:
    given = {**SOFTPROB, "num_round": "1000000", "save_model_on_termination": "true", "nthread": "1"}
    box = new_box(xgboost_image, ["train"], training_files(given), network_mode="none").start()
    box.wait_for_log("[20]\t")
    code, seconds = box.stop(grace=30)
    assert (code, seconds < 10) == (0, True)
    model = xgb.Booster()
    model.load_model(bytearray(box.read(MODEL) or b""))
    assert model.num_boosted_rounds() > 20
    assert list(box.tree("/opt/ml/model")) == ["model/xgboost-model"]


def test_sigterm_is_ignored_by_a_job_that_does_not_save(new_box: Any, xgboost_image: str) -> None:
    given = {**SOFTPROB, "num_round": "1000000", "nthread": "1"}
    box = new_box(xgboost_image, ["train"], training_files(given), network_mode="none").start()
    box.wait_for_log("[20]\t")
    code, seconds = box.stop(grace=2)
    assert code == 137
    assert seconds >= 2
    assert box.tree("/opt/ml/model") == {}


def test_checkpoints_carry_on_in_a_second_container(new_box: Any, xgboost_image: str) -> None:
    files = training_files({**SOFTPROB, "num_round": "4"})
    files[f"{CONFIG}/checkpointconfig.json"] = b'{"LocalPath": "/opt/ml/checkpoints"}'
    first = new_box(xgboost_image, ["train"], files, network_mode="none").start()
    assert first.wait() == 0, first.logs()
    saved = {f"/opt/ml/{name}": content for name, content in first.tree("/opt/ml/checkpoints").items()}
    assert sorted(saved) == [f"/opt/ml/checkpoints/xgboost-checkpoint.{n}" for n in range(4)]
    files[f"{CONFIG}/hyperparameters.json"] = json.dumps({**SOFTPROB, "num_round": "6"}).encode()
    second = new_box(xgboost_image, ["train"], files | saved, network_mode="none").start()
    assert second.wait() == 0, second.logs()
    assert [line.split("\t")[0] for line in metric_lines(second.logs(stderr=False))] == ["[4]", "[5]"]
    assert "Resuming from iteration 4" in second.logs()


def test_a_parquet_channel_trains(new_box: Any, xgboost_image: str) -> None:
    rows = [[float(cell) for cell in line.split(",")] for line in DATA["iris_train.csv"].split()]
    columns = {str(number): list(column) for number, column in enumerate(zip(*rows, strict=True))}
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    entry = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
    files = training_files(SOFTPROB, inputs={"train": {**entry, "ContentType": "application/x-parquet"}})
    files["/opt/ml/input/data/train/train.csv"] = content.getvalue()
    box = new_box(xgboost_image, ["train"], files, network_mode="none").start()
    assert box.wait() == 0, box.logs()
    assert metric_lines(box.logs(stderr=False))[0] == "[0]\ttrain-mlogloss:0.73377"


def test_a_script_trains_without_a_network(new_box: Any, xgboost_image: str) -> None:
    given = {
        "sagemaker_program": '"abalone.py"', "sagemaker_submit_directory": '"/opt/ml/code"',
        "max_depth": "3", "num_round": "4", "objective": '"reg:squarederror"',
    }  # fmt: skip
    files = {**training_files(given), "/opt/ml/code/abalone.py": SCRIPT}
    environment = {"CHECKPOINTS": "/opt/ml/checkpoints"}
    box = new_box(xgboost_image, ["train"], files, network_mode="none", environment=environment).start()
    assert box.wait() == 0, box.logs()
    assert list(box.tree("/opt/ml/model")) == ["model/xgboost-model.json"]
    assert "Reporting training SUCCESS" in box.logs()
    assert len(metric_lines(box.logs(stderr=False))) == 4


def test_a_script_finds_what_aws_s_image_offers(new_box: Any, xgboost_image: str) -> None:
    program = b"import boto3, numpy, pandas, pyarrow, scipy, sklearn, sagemaker_xgboost_container.encoder, xgboost\n"
    given = {"sagemaker_program": "probe.py"}
    files = {**training_files(given), "/opt/ml/code/probe.py": program + b"xgboost.XGBClassifier()\n"}
    box = new_box(xgboost_image, ["train"], files, network_mode="none").start()
    assert box.wait() == 0, box.logs()


def test_a_short_job_takes_seconds(new_box: Any, xgboost_image: str) -> None:
    box = new_box(xgboost_image, ["train"], training_files(SOFTPROB), network_mode="none")
    began = time.monotonic()
    assert box.start().wait() == 0
    assert time.monotonic() - began < 20

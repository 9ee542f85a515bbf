"""The golden cases: what AWS's own container code answered, and where our stand-in answers otherwise on purpose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[4]
GOLDEN = json.loads((ROOT / "fixtures" / "xgboost_golden.json").read_text(encoding="utf-8"))
DATA: dict[str, str] = GOLDEN["data"]

SHIPPED = "3.0-5"
"""The version whose xgboost (3.0.5) the image ships: its numbers are compared, the others' shapes."""

OTHER_XGBOOST = "the answer comes from another xgboost than the 3.0.5 that we ship"


@dataclass(frozen=True)
class Training:
    """What a training case must end with; `message` is a prefix of the first line of the error's message."""

    exit_code: int
    error_class: str | None = None
    message: str = ""
    reason: str = ""


TRAINING_DIFFERENCES: Mapping[tuple[str, str], Training] = {
    **{
        (version, "auc no objective"): Training(
            1, "UserError", "Hyperparameter eval_metric: it needs hyperparameter 'objective', which is not set",
            "bug not copied: upstream crashes with a bare KeyError",
        )
        for version in ("1.7-1", "3.0-5", "3.2-0")
    },
    **{
        (version, "gblinear updater bad"): Training(
            1, "UserError", "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
            "bug not copied: upstream prints a generator object letter by letter",
        )
        for version in ("1.7-1", "3.0-5", "3.2-0")
    },
    ("1.7-1", "objective bad"): Training(
        1, "UserError", GOLDEN["training"][38]["failure"]["message_first_line"],
        "one image stands for all versions; its xgboost knows reg:absoluteerror, which 1.7-1 does not",
    ),
    ("1.7-1", "label range binary"): Training(
        1, "AlgorithmError", "XGB train call failed with exception:", OTHER_XGBOOST
    ),
    ("3.2-0", "label range multi"): Training(1, "UserError", "[", OTHER_XGBOOST),
    ("1.7-1", "auc all pos"): Training(1, "AlgorithmError", "XGB train call failed", OTHER_XGBOOST),
    ("3.2-0", "auc all pos"): Training(1, "AlgorithmError", "XGB train call failed", OTHER_XGBOOST),
}  # fmt: skip

RECORDIO_REPEATS = "bug not copied: upstream's record n repeats the bytes of records 1..n-1"

SERVING_DIFFERENCES: Mapping[int, str] = {
    **{number: RECORDIO_REPEATS for number, case in enumerate(GOLDEN["serving"]) if "base64" in case["response"]},
    199: "bug not copied: 3.2-0 shifts libsvm indices that begin at 1, so it counts 9 columns where there are 10",
}
"""Number of the case and why our body differs; the statuses and content types never do."""

MADE_FILES = {
    # The recording does not hold these files; each is the least that gives the recorded behaviour.
    "csv text data": {"a.csv": "nan,some,text\nnan,more,text\n"},
    "auc all pos": {"a.csv": "1,5.8,4\n1,7.7,2.8\n1,5.1,3.8\n"},
    "nested dirs": {"a/b/p.csv": DATA["irisb_train.csv"], "a/q.csv": DATA["irisb_val.csv"]},
}


def expected_training(case: Mapping[str, Any]) -> Training:
    """What our image must do with a case: what AWS's did, unless the table of differences says otherwise."""
    different = TRAINING_DIFFERENCES.get((case["version"], case["case"]))
    if different:
        return different
    failure = case["failure"]
    if failure is None:
        return Training(case["exit_code"])
    return Training(case["exit_code"], failure["error_class"], failure["message_first_line"])


def training_ids() -> list[str]:
    return [f"{case['version']}: {case['case']}" for case in GOLDEN["training"]]


def numbered_serving_cases() -> list[tuple[int, dict[str, Any]]]:
    return list(enumerate(GOLDEN["serving"]))


def serving_ids() -> list[str]:
    ids = []
    for number, case in enumerate(GOLDEN["serving"]):
        env = ",".join(f"{key.removeprefix('SAGEMAKER_')}={value}" for key, value in case["env"].items())
        parts = (case["version"], case["model"], env, case["content_type"], case["accept"], case["status"])
        ids.append(f"{number}: " + " ".join(str(part) for part in parts))
    return ids


def write_channel(folder: Path, case: str, files: list[str]) -> None:
    """Lay out the files of a channel."""
    folder.mkdir(parents=True)
    for name in files:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            _write_parquet(target, DATA[name.replace(".parquet", ".csv")])
        else:
            target.write_text(MADE_FILES.get(case, {}).get(name) or DATA[name], encoding="utf-8")


def _write_parquet(target: Path, text: str) -> None:
    rows = [[float(cell) for cell in line.split(",")] for line in text.split()]
    columns = list(zip(*rows, strict=True))
    pq.write_table(pa.table({str(number): list(column) for number, column in enumerate(columns)}), target)


def write_job(base: Path, case: Mapping[str, Any]) -> None:
    """Lay out the /opt/ml tree of a training case below `base`."""
    config = base / "input" / "config"
    config.mkdir(parents=True)
    inputs = {}
    for name, channel in case["channels"].items():
        write_channel(base / "input" / "data" / name, case["case"], channel["files"])
        mode = "Pipe" if case["case"] == "pipe libsvm" else "File"
        inputs[name] = {
            "TrainingInputMode": mode, "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None",
        }  # fmt: skip
        if channel["content_type"]:
            inputs[name]["ContentType"] = channel["content_type"]
    documents = {
        "hyperparameters": case["hyperparameters"],
        "inputdataconfig": inputs,
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


@dataclass(frozen=True)
class Failure:
    """The parts of a failure file."""

    first_line: str
    error_class: str
    message: str

    @classmethod
    def read(cls, path: Path, base: Path) -> Failure:
        text = path.read_text(encoding="utf-8").replace(str(base), "/opt/ml")
        lines = text.split("\n")
        start = next(
            number for number, line in enumerate(lines) if number > 1 and line and not line.startswith((" ", "Trace"))
        )
        qualified, _, first = lines[start].partition(": ")
        return cls(lines[0], qualified.rsplit(".", 1)[-1], "\n".join([first, *lines[start + 1 :]]))


_CLASSES = {"multi:softprob": "3", "multi:softmax": "3"}


def train_model(base: Path, objective: str) -> None:
    """Train the model of the serving cases: 5 rounds of depth 3 with seed 1, by our own package."""
    from smlocal_xgboost import training

    stem = "irisb" if objective.startswith("binary:") else "iris"
    hyperparameters = {"objective": objective, "num_round": "5", "max_depth": "3", "seed": "1"}
    if objective in _CLASSES:
        hyperparameters["num_class"] = _CLASSES[objective]
    channels = {"train": {"files": [f"{stem}_train.csv"], "content_type": "text/csv"}}
    write_job(base, {"case": "", "hyperparameters": hyperparameters, "channels": channels})
    assert training.run({"SAGEMAKER_BASE_DIR": str(base)}) == 0


def record_labels(payload: bytes) -> dict[str, list[float]]:
    """The `label` map of one Record message; a key that comes twice keeps its last value, as protobuf says."""
    from smlocal_xgboost.formats import protobuf_wire as wire

    labels = {}
    for number, _, entry in wire.fields(payload):
        assert number == 2
        parts = {key: content for key, _, content in wire.fields(entry)}
        tensor = {key: content for key, _, content in wire.fields(parts[2])}[2]
        values = {key: content for key, _, content in wire.fields(tensor)}[1]
        labels[parts[1].decode()] = wire.packed_numbers(values, "f")
    return labels

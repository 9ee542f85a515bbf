"""Training jobs on Iris for the tests: the tree is written, the package is run in this process, the result is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgboost_golden import write_job

SOFTPROB = {"objective": "multi:softprob", "num_class": "3", "num_round": "5", "max_depth": "3", "seed": "1"}
LOGISTIC = {"objective": "binary:logistic", "num_round": "5", "max_depth": "3", "seed": "1"}
SQUARED = {"objective": "reg:squarederror", "num_round": "5", "max_depth": "3", "seed": "1"}


@dataclass(frozen=True)
class Job:
    """A job below a folder of its own."""

    base: Path
    hyperparameters: Mapping[str, str]
    validation: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)

    def write(self) -> Job:
        stem = "irisb" if self.hyperparameters.get("objective", "").startswith("binary:") else "iris"
        names = ["train", "validation"] if self.validation else ["train"]
        files = {"train": f"{stem}_train.csv", "validation": f"{stem}_val.csv"}
        channels = {name: {"files": [files[name]], "content_type": "text/csv"} for name in names}
        write_job(self.base, {"case": "", "hyperparameters": self.hyperparameters, "channels": channels})
        return self

    def configure(self, name: str, content: Any) -> Job:
        (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))
        return self

    def run(self) -> int:
        from smlocal_xgboost import training

        return training.run({"SAGEMAKER_BASE_DIR": str(self.base), **self.environ})

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    @property
    def model(self) -> Path:
        return self.base / "model" / "xgboost-model"


def metric_lines(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("[")]


def rounds(out: str) -> list[int]:
    """The round numbers of the metric lines."""
    return [int(line[1 : line.index("]")]) for line in metric_lines(out)]

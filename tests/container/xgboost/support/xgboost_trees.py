"""The files of an /opt/ml tree, as a container gets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xgboost_golden import DATA

CONFIG = "/opt/ml/input/config"


def training_files(
    hyperparameters: Mapping[str, Any], stem: str = "iris", inputs: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """A job on Iris (`irisb` has two classes) with a train and a validation channel."""
    entry = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "ContentType": "text/csv"}
    documents = {
        "hyperparameters": hyperparameters,
        "inputdataconfig": inputs or {"train": entry, "validation": entry},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"},
    }
    files = {f"{CONFIG}/{name}.json": json.dumps(document).encode() for name, document in documents.items()}
    files["/opt/ml/input/data/train/train.csv"] = DATA[f"{stem}_train.csv"].encode()
    files["/opt/ml/input/data/validation/val.csv"] = DATA[f"{stem}_val.csv"].encode()
    return files

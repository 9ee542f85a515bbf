"""Training that resumes from its last checkpoint, for training scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xgboost as xgb
from smlocal_xgboost import checkpoints
from smlocal_xgboost.rounds import InOrder, MetricLine


def train(train_args: Mapping[str, Any], checkpoint_dir: str) -> xgb.Booster:
    """Call xgboost.train with these arguments, a checkpoint after each round, and those already there respected."""
    folder = Path(checkpoint_dir)
    folder.mkdir(parents=True, exist_ok=True)
    model, done = checkpoints.load(folder)
    arguments = dict(train_args)
    rounds = max(arguments.pop("num_boost_round", 10) - done, 0)
    own = arguments.pop("callbacks", None) or []
    added = InOrder([MetricLine(done), checkpoints.SaveCheckpoint(folder, done)])
    arguments.setdefault("verbose_eval", False)
    arguments["xgb_model"] = model or arguments.get("xgb_model")
    return xgb.train(num_boost_round=rounds, callbacks=[added, *own], **arguments)

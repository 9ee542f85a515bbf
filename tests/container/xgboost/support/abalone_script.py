"""A training and serving script as AWS's examples have it: argparse, SM_* variables, get_dmatrix, model_fn."""

import argparse
import json
import os
from pathlib import Path

import xgboost as xgb
from sagemaker_xgboost_container import checkpointing, distributed
from sagemaker_xgboost_container.data_utils import get_dmatrix


def train_job(params, rounds, dtrain, dval, model_dir, is_master):
    watched = [(dtrain, "train"), (dval, "validation")]
    arguments = {"params": params, "dtrain": dtrain, "num_boost_round": rounds, "evals": watched}
    booster = checkpointing.train(arguments, os.environ["CHECKPOINTS"])
    if is_master:
        booster.save_model(Path(model_dir) / "xgboost-model.json")


def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(Path(model_dir) / "xgboost-model.json")
    return booster


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_depth", type=int)
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--objective")
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--validation", default=os.environ["SM_CHANNEL_VALIDATION"])
    args, _ = parser.parse_known_args()
    hosts = json.loads(os.environ["SM_HOSTS"])
    distributed.rabit_run(
        exec_fun=train_job,
        args={
            "params": {"max_depth": args.max_depth, "objective": args.objective},
            "rounds": args.num_round,
            "dtrain": get_dmatrix(args.train, "text/csv"),
            "dval": get_dmatrix(args.validation, "csv"),
            "model_dir": os.environ["SM_MODEL_DIR"],
        },
        include_in_training=True,
        hosts=hosts,
        current_host=os.environ["SM_CURRENT_HOST"],
        update_rabit_args=True,
    )

"""Rows of the rules about training that came later; `rows.py` joins them to the others."""

from __future__ import annotations

from smlocal.contract import Reason
from smlocal.evidence import FileSeen, TrainingTrial
from tests.contract.row import ERROR, KEPT, WARNING, Row
from tests.contract.samples import EASY, GOOD, MODEL, asked, failed, trained, training, unmade

SERVES_ONLY = asked(GOOD, training=False)
NO_DATA = asked(unmade(GOOD, serving=False), channels=())
NOTHING_MADE = unmade(GOOD)
FAILS = training(GOOD, hard=failed(), easy=failed(EASY))

FOLDER = FileSeen("cache", "directory", 0, 0o755)
SECOND_NAME = FileSeen("copy", "hardlink", 0, 0o644, "model.joblib")
LINK = FileSeen("latest", "symlink", 0, 0o777, "model.joblib")
ABSOLUTE = FileSeen("weights", "symlink", 0, 0o777, "/root/.cache/weights")
PIPE = FileSeen("pipe", "other", 0, 0o644)


def leaving(*files: FileSeen) -> TrainingTrial:
    """A run that passed and left these in /opt/ml/model."""
    return trained(model_files=files)


MODEL_ROWS = [
    Row("SM212", "a file", GOOD, KEPT),
    Row("SM212", "a file in a folder", training(GOOD, hard=leaving(FOLDER, *MODEL)), KEPT),
    Row("SM212", "a second name of a file", training(GOOD, hard=leaving(*MODEL, SECOND_NAME)), KEPT),
    Row("SM212", "a link to a file beside it", training(GOOD, hard=leaving(*MODEL, LINK)), ERROR),
    Row("SM212", "a link to an absolute path", training(GOOD, hard=leaving(ABSOLUTE)), ERROR),
    Row("SM212", "many links", training(GOOD, hard=leaving(*[LINK] * 9)), ERROR),
    Row("SM212", "a pipe", training(GOOD, hard=leaving(*MODEL, PIPE)), WARNING),
    Row("SM212", "a pipe and a link", training(GOOD, hard=leaving(PIPE, LINK)), ERROR),
    Row(
        "SM212",
        "a link, and a model of the user's is served",
        asked(training(GOOD, hard=leaving(LINK)), model_given=True),
        ERROR,
    ),
    Row("SM212", "nothing", training(GOOD, hard=leaving()), Reason.NO_SUCH_CASE),
    Row("SM212", "it never passes", FAILS, Reason.RUN_MISSING),
]

ROWS = [
    *MODEL_ROWS,
    *(
        Row(rule, claim, seen, reason)
        for rule in ("SM212",)
        for claim, seen, reason in (
            ("it only serves", SERVES_ONLY, Reason.DOES_NOT_TRAIN),
            ("there is no data", NO_DATA, Reason.NO_TRAINING_DATA),
            ("nothing was run", NOTHING_MADE, Reason.RUN_MISSING),
        )
    ),
]

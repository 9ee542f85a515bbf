"""The files of a channel: found to a depth of three folders and gathered in one flat folder for the readers.

A file whose name begins with `.` stops the training, one that begins with `_` (the markers that Spark and Hadoop
leave) or is empty holds no rows, and whatever lies deeper is left out with a warning.

Source: aws/sagemaker-xgboost-container 3.0-5, observed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from smlocal_xgboost.errors import UserError

logger = logging.getLogger(__name__)

MAX_DEPTH = 3


def find(channel: Path) -> list[Path]:
    """The data files of a channel folder (or the one file that it is), in order of their paths."""
    if channel.is_file():
        return [channel]
    found = []
    for path in sorted(_walk(channel)):
        if path.name.startswith("."):
            raise UserError("Hidden file found in the data path! Remove that before training.")
        if len(path.relative_to(channel).parts) > MAX_DEPTH:
            logger.warning("File %s lies deeper than %d folders and is not read.", path, MAX_DEPTH)
        elif path.name.startswith("_"):
            logger.warning("File %s is taken for a marker, not for data.", path)
        elif path.stat().st_size:
            found.append(path)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file():
            yield path


def gather(files: list[Path], folder: Path) -> Path:
    """Link the files into a folder of our own under plain names: the readers take one flat folder."""
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        (folder / f"{number:06d}").symlink_to(path.resolve())
    return folder


def warn_of_twins(train: list[Path], validation: list[Path]) -> None:
    """Warn when a validation file bears the name and the size of a training file."""
    known = {(path.name, path.stat().st_size): path for path in train}
    for path in validation:
        twin = known.get((path.name, path.stat().st_size))
        if twin is not None:
            logger.warning(
                "Suspected identical files found. (%s and %s with same size %d bytes). Note: Duplicate data in the "
                "training set and validation set is usually not intended and can impair the validity of the model "
                "evaluation by the validation score.", twin, path, path.stat().st_size,
            )  # fmt: skip

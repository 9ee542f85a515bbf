"""The input channels of a training job: which may exist, and how each may be configured.

A channel's content type is matched to the letter; parameters are not tolerated. Both File and Pipe are known, but
Pipe is refused by name, as the newest AWS image (3.2-0) does.

Source: aws/sagemaker-xgboost-container, observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal_xgboost import content_types
from smlocal_xgboost.errors import UserError

TRAIN = "train"
VALIDATION = "validation"
CODE = "code"
DEFAULT_CONTENT_TYPE = "text/libsvm"

Entry = dict[str, Any]

_FORMAT_NAMES = {
    content_types.CSV: "CSV",
    content_types.PARQUET: "Parquet",
    content_types.RECORDIO: "RecordIO-Protobuf",
}


def validate(given: Mapping[str, Entry]) -> dict[str, Entry]:
    """Check `inputdataconfig.json`; returns the entries with their content types filled in, raises UserError."""
    if TRAIN not in given:
        raise UserError(f"Missing required channel: {TRAIN}")
    return {name: _validate_one(name, entry) for name, entry in given.items()}


def refuse_pipe(entry: Entry) -> None:
    """Refuse Pipe mode by name for a channel that passed validation."""
    if entry["TrainingInputMode"] == "Pipe":
        name = _FORMAT_NAMES[content_types.FORMATS[entry["ContentType"]]]
        raise UserError(f"Pipe mode for {name} is no longer supported. Please use File mode.")


def _validate_one(name: str, entry: Entry) -> Entry:
    if name not in (TRAIN, VALIDATION, CODE):
        raise UserError(f"Extraneous channel found: {name}")
    for key in ("TrainingInputMode", "S3DistributionType"):
        if key not in entry:
            raise UserError(f"Channel configuration for '{name}' channel lacks {key}: {entry}")
    filled = entry if entry.get("ContentType") else {**entry, "ContentType": DEFAULT_CONTENT_TYPE}
    if not _is_supported(name, filled):
        raise UserError(f"Channel configuration for '{name}' channel is not supported: {filled}")
    return filled


def _is_supported(name: str, entry: Entry) -> bool:
    kind, mode, spread = entry["ContentType"], entry["TrainingInputMode"], entry["S3DistributionType"]
    if name == CODE:
        return (kind, mode, spread) == ("text/python", "File", "FullyReplicated")
    modes = ("File",) if content_types.FORMATS.get(kind) == content_types.LIBSVM else ("File", "Pipe")
    return kind in content_types.FORMATS and mode in modes and spread in ("FullyReplicated", "ShardedByS3Key")

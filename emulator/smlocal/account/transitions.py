"""`SecondaryStatusTransitions`: a row for each status, its message changing in place (API)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from smlocal.training.progress import FINAL

Row = dict[str, Any]

# Observed in saved notebooks of 2024 (aws/amazon-sagemaker-examples)
WAITING = "Training job waiting for capacity"


def entered(rows: Sequence[Row], status: str, message: str, now: datetime) -> list[Row]:
    """The rows after a job has come to a status, or a status to another message; a last status ends at once."""
    if rows and rows[-1]["Status"] == status:
        earlier, last = list(rows[:-1]), {**rows[-1], "StatusMessage": message}
    else:
        earlier = [*rows[:-1], {**rows[-1], "EndTime": now}] if rows else []
        last = {"Status": status, "StartTime": now, "StatusMessage": message}
    return [*earlier, {**last, "EndTime": now} if status in FINAL else last]

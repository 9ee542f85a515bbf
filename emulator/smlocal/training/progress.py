"""The states that a training job passes through, with the platform's messages.

One record per secondary status, whose message changes in place. Sources: API, SecondaryStatusTransition; the texts
were observed in saved notebooks of aws/amazon-sagemaker-examples, those of stopping in a user's log of 2019-10-11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smlocal.evidence import Transition

STARTING = (
    "Starting the training job",
    "Launching requested ML instances",
    "Preparing the instances for training",
)
DOWNLOADING = "Downloading input data"
PULLING = "Downloading the training image"
TRAINING = "Training image download completed. Training in progress."
STOPPING = "Stopping the training job"
UPLOADING = "Uploading generated training model"
FINAL = {
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job stopped after its maximum runtime",  # not captured from AWS: ours
}


@dataclass
class _Open:
    status: str
    started: datetime
    messages: list[str]
    ended: datetime | None = None


class Progress:
    """Transitions so far; each change is told to `on_change(secondary status, message)`."""

    def __init__(self, now: Callable[[], datetime], on_change: Callable[[str, str], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._records: list[_Open] = []

    def enter(self, status: str, *messages: str) -> None:
        """Come to a status, with one message after the other."""
        moment = self._now()
        if not self._records or self._records[-1].status != status:
            if self._records:
                self._records[-1].ended = moment
            self._records.append(_Open(status, moment, []))
        for message in messages:
            self._records[-1].messages.append(message)
            self._on_change(status, message)

    def finish(self, status: str) -> None:
        """Come to a last status."""
        self.enter(status, FINAL[status])
        self._records[-1].ended = self._now()

    @property
    def status(self) -> str:
        return self._records[-1].status if self._records else "Starting"

    def transitions(self) -> tuple[Transition, ...]:
        return tuple(Transition(item.status, item.started, item.ended, tuple(item.messages)) for item in self._records)

    def described(self) -> list[dict[str, Any]]:
        """`SecondaryStatusTransitions`: the last message of each; EndTime is absent while it lasts."""
        rows = []
        for item in self._records:
            row: dict[str, Any] = {"Status": item.status, "StartTime": item.started, "StatusMessage": item.messages[-1]}
            rows.append({**row, "EndTime": item.ended} if item.ended is not None else row)
        return rows

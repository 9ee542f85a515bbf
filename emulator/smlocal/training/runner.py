"""Training jobs from CreateTrainingJob requests; constructed by wiring."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from smlocal import channels, optml, requests
from smlocal.images.references import XGBOOST_REPOSITORY
from smlocal.instances import Granted
from smlocal.journal import INTERNAL_ERROR, Journal
from smlocal.launch import Launcher
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore
from smlocal.training.built_in import with_metric_definitions
from smlocal.training.job import TrainingJob
from smlocal.training.launching import Surroundings
from smlocal.training.outputs import Outputs
from smlocal.training.result import Observer, TrainingResult


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Admitted:
    """A request that nothing is to be said against: `request` as the service keeps it, and what it came to."""

    request: Mapping[str, Any]
    granted: Granted
    inputs: channels.Inputs
    outputs: Outputs


class TrainingRunner:
    """Runs training jobs; constructed by wiring."""

    def __init__(
        self,
        launcher: Launcher,
        store: ObjectStore,
        journal: Journal,
        settings: Settings,
        *,
        now: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        checkpoint_interval: float = 10.0,
        container_endpoint: str | None = None,
        delete_checkpoints: Callable[[str], bool] = lambda bucket: True,
    ) -> None:
        self.launcher = launcher
        self.store = store
        self.journal = journal
        self.settings = settings
        self.now = now
        self.monotonic = monotonic
        self.checkpoint_interval = checkpoint_interval
        self.container_endpoint = container_endpoint
        self.delete_checkpoints = delete_checkpoints

    def run(
        self,
        request: Mapping[str, Any],
        image: str,
        *,
        observer: Observer | None = None,
        stop: threading.Event | None = None,
        hurry: threading.Event | None = None,
        keep: bool = False,
        surroundings: Surroundings | None = None,
    ) -> TrainingResult:
        """Run the job that `request` describes with the local image `image`.

        `stop` stops it as StopTrainingJob does; with `hurry` the program gets no more time to end by itself.
        `surroundings` are what no request names (None: the platform's).

        A job that fails is a result. Raises InvalidRequest for what CreateTrainingJob refuses, NotSupported for
        what smlocal refuses by name, and CannotRun when the engine or the store fails.
        """
        admitted = self.admit(request, image)
        request = admitted.request
        # the name is taken from here on: nothing below refuses the request any more
        record = self.journal.begin("training job", request["TrainingJobName"], request)
        begun = self.now()
        try:
            observer, surroundings = observer or Observer(), surroundings or Surroundings()
            job = TrainingJob(
                self, request, image, admitted.granted, admitted.inputs, admitted.outputs, record, observer, keep,
                surroundings,
            )  # fmt: skip
            return job.run(stop or threading.Event(), hurry or threading.Event())
        except Exception as error:
            record.broken_off(error, self._broken_off(request, begun))
            raise
        finally:
            record.close()

    def admit(self, request: Mapping[str, Any], image: str) -> Admitted:
        """What a job is known to need and give before it has a name. Raises what `run` raises for a request that is
        refused, and StorageError (NoSuchBucket: that of its output is missing)."""
        requests.check("CreateTrainingJob", request)
        requests.refuse_unsupported("CreateTrainingJob", request)
        granted = self.launcher.grant(request["ResourceConfig"]["InstanceType"])
        inputs = channels.resolve(request, self.store, self.settings)
        outputs = Outputs.for_job(request, self.store)
        if image.startswith(XGBOOST_REPOSITORY):
            request = with_metric_definitions(request)
        return Admitted(request, granted, inputs, outputs)

    def _broken_off(self, request: Mapping[str, Any], begun: datetime) -> dict[str, Any]:
        """DescribeTrainingJob's answer for a job that smlocal could not go on with."""
        name, settings = request["TrainingJobName"], self.settings
        return {
            **{key: value for key, value in request.items() if key != "Tags"},
            "TrainingJobArn": optml.job_arn("training-job", name, settings.region, settings.account),
            "TrainingJobStatus": "Failed",
            "SecondaryStatus": "Failed",
            "FailureReason": INTERNAL_ERROR,
            "CreationTime": begun,
            "LastModifiedTime": self.now(),
        }

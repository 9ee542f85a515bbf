"""Training jobs as an account has them.

Sources: API, CreateTrainingJob, DescribeTrainingJob, StopTrainingJob and DeleteTrainingJob; members that Describe adds
to the request's own were observed in answers that users published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal import requests
from smlocal.account.images import Images
from smlocal.account.jobs import TERMINAL, Jobs
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing
from smlocal.account.office import Office
from smlocal.account.sinks import TRAINING_GROUP
from smlocal.account.tags import first_tags
from smlocal.account.transitions import WAITING, entered
from smlocal.account.workers import Turn, Workers
from smlocal.errors import InvalidRequest, NoSuchBucket, ResourceInUse, SmlocalError
from smlocal.instances import Granted
from smlocal.metrics import Metric
from smlocal.training import Observer, TrainingRunner
from smlocal.training.progress import FINAL, STARTING, STOPPING, TRAINING

_DAY = 86400  # API: StoppingCondition
_ENDS = (
    "ModelArtifacts", "TrainingJobStatus", "SecondaryStatus", "FailureReason", "FinalMetricDataList", "TrainingEndTime",
    "TrainingTimeInSeconds", "BillableTimeInSeconds",
)  # fmt: skip


class TrainingJobs(Jobs):
    """CreateTrainingJob and its companions."""

    spoken = "training job"
    prefix = "TrainingJob"
    not_found = "Requested resource not found."  # aws/amazon-sagemaker-operator-for-k8s, its client for SageMaker
    listing = Listing(
        "TrainingJobSummaries",
        "TrainingJob",
        ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime",
         "TrainingJobStatus", "SecondaryStatus"),
        default_order="Ascending",
        status_thins_pages=True,
        never=("WarmPoolStatusEquals", "TrainingPlanArnEquals"),
    )  # fmt: skip

    def __init__(self, office: Office, workers: Workers, images: Images, runner: TrainingRunner) -> None:
        super().__init__(office, workers, images, runner.journal)
        self._runner = runner

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, ResourceInUse, NotSupported; no job is made then."""
        requests.check("CreateTrainingJob", request)
        requests.refuse_unsupported("CreateTrainingJob", request)
        name = request["TrainingJobName"]
        self._refuse_taken(name)
        tags = first_tags(request)
        reference = self._images.resolve(request["AlgorithmSpecification"]["TrainingImage"])
        try:
            admitted = self._runner.admit(request, reference)
        except NoSuchBucket as error:
            raise InvalidRequest(str(error)) from error
        now = self._office.now()
        members = {
            **_told_back(admitted.request),
            "TrainingJobArn": self.shelf.arn(name),
            "ModelArtifacts": {"S3ModelArtifacts": admitted.outputs.model_uri},
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "SecondaryStatusTransitions": entered((), "Starting", STARTING[0], now),
            "CreationTime": now,
            "LastModifiedTime": now,
            "_Tags": tags,
            "_Request": request,
            "_Reference": reference,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
            self._start(name, admitted.granted)
        return {"TrainingJobArn": members["TrainingJobArn"]}

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Its name can be used again, and the record of its run is gone. AWS's words for a job that has not ended are
        not known."""
        name = request["TrainingJobName"]
        with self._office.lock:
            status = self._found(name)["TrainingJobStatus"]
            if status not in TERMINAL:
                raise ResourceInUse(f"The training job {name} is in status {status}: only an ended job can be deleted.")
            record = self._journal.record_of(self.spoken, name)
            if record is not None:
                record.forget()
            self.shelf.remove(name)
        return {}

    # how a job goes on

    def _stopping(self, name: str) -> Members:
        return self._come_to(name, "Stopping", STOPPING)

    def _waiting(self, name: str) -> Members:
        return self._come_to(name, "Pending", WAITING)

    def _come_to(self, name: str, status: str, message: str) -> Members:
        members, now = self._found(name), self._office.now()
        changed: dict[str, Any] = {
            "TrainingJobStatus": "Stopping" if status == "Stopping" else "InProgress",
            "SecondaryStatus": status,
            "SecondaryStatusTransitions": entered(members["SecondaryStatusTransitions"], status, message, now),
            "LastModifiedTime": now,
        }
        return {**changed, "TrainingStartTime": now} if message == TRAINING else changed

    def _on_status(self, name: str, status: str, message: str) -> None:
        """A job that was asked to stop stays Stopping until it has ended; one that waited does not start again."""
        with self._office.lock:
            members = self._found(name)
            if status in FINAL or members.get("_StopAsked"):
                return
            if status == "Starting" and members["SecondaryStatus"] == "Pending":
                if message != STARTING[-1]:
                    return
                status = "Pending"
            self.shelf.change(name, status, self._come_to(name, status, message))

    def _run(self, name: str, members: Members, turn: Turn) -> Members:
        self._prepare_image(members["_Reference"])
        stream = f"{name}/algo-1-{int(self._office.now().timestamp())}"

        def on_metric(metric: Metric) -> None:
            dimensions = {"TrainingJobName": name}
            self._office.metrics.put(TRAINING_GROUP, metric.name, dimensions, metric.value, metric.time)

        observer = Observer(
            on_status=lambda status, message: self._on_status(name, status, message),
            on_line=lambda text: self._office.log(TRAINING_GROUP, stream, text),
            on_metric=on_metric,
        )
        return self._runner.run(
            members["_Request"], members["_Reference"], observer=observer, stop=turn.stop, hurry=turn.hurry
        ).description

    def _ending(self, name: str, ended: Members) -> Members:
        """The start of the time that is billed is the one that was told while the job ran."""
        members, now = self._found(name), self._office.now()
        secondary = ended.get("SecondaryStatus", ended["TrainingJobStatus"])
        rows = entered(members["SecondaryStatusTransitions"], secondary, FINAL[secondary], now)
        changed: dict[str, Any] = {key: ended[key] for key in _ENDS if key in ended}
        began = members.get("TrainingStartTime")
        if began is not None and "TrainingEndTime" not in ended and not self._untrue(ended):
            seconds = max(1, round((now - began).total_seconds()))
            changed |= {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        times = {"SecondaryStatusTransitions": rows, "LastModifiedTime": now}
        return {**changed, "SecondaryStatus": secondary, **times}

    def _untrue(self, ended: Members) -> tuple[str, ...]:
        """A program that could not be started has no time (API: DescribeTrainingJob)."""
        is_whole = "TrainingJobArn" in ended
        return ("TrainingStartTime",) if is_whole and "TrainingStartTime" not in ended else ()

    def _granted(self, members: Members) -> Granted:
        return self._runner.launcher.grant(members["ResourceConfig"]["InstanceType"])

    def _reason(self, error: SmlocalError) -> str:
        if isinstance(error, InvalidRequest):  # its data went while it stood in the line
            return f"ClientError: Data download failed:{error}"
        return super()._reason(error)


def _told_back(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request's members in Describe's answer, with what AWS puts where a member is left out."""
    told = {key: value for key, value in request.items() if key != "Tags"}
    algorithm = dict(request["AlgorithmSpecification"])
    algorithm.setdefault("EnableSageMakerMetricsTimeSeries", bool(algorithm.get("MetricDefinitions")))
    channels = [
        {"CompressionType": "None", "RecordWrapperType": "None", **channel}
        for channel in request.get("InputDataConfig") or ()
    ]
    return {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **told,
        "AlgorithmSpecification": algorithm,
        **({"InputDataConfig": channels} if channels else {}),
        "OutputDataConfig": {"KmsKeyId": "", **request["OutputDataConfig"]},  # the SDK's `attach` reads it
        "StoppingCondition": {"MaxRuntimeInSeconds": _DAY, **(request.get("StoppingCondition") or {})},
    }

"""Batch transform jobs as an account has them. One that waits for the machine is InProgress: AWS has no state for it.

Sources: API, CreateTransformJob, DescribeTransformJob and StopTransformJob.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smlocal import requests
from smlocal.account.images import Images
from smlocal.account.jobs import Jobs
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.models import Models
from smlocal.account.office import Office
from smlocal.account.sinks import TRANSFORM_GROUP
from smlocal.account.tags import first_tags
from smlocal.account.workers import Turn, Workers
from smlocal.instances import Granted
from smlocal.transform.job import Observer
from smlocal.transform.runner import TransformRunner

_ENDS = ("TransformJobStatus", "FailureReason", "TransformEndTime")


class TransformJobs(Jobs):
    """CreateTransformJob and its companions."""

    spoken = "transform job"
    prefix = "TransformJob"
    not_found = "Could not find requested job with name: {name}"  # observed of processing jobs
    listing = Listing(
        "TransformJobSummaries",
        "TransformJob",
        ("TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime", "LastModifiedTime",
         "TransformJobStatus", "FailureReason"),
    )  # fmt: skip

    def __init__(
        self, office: Office, workers: Workers, images: Images, runner: TransformRunner, models: Models
    ) -> None:
        super().__init__(office, workers, images, runner.journal)
        self._runner = runner
        self._models = models

    def create(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Raises InvalidRequest, ResourceInUse, NotSupported; no job is made then."""
        requests.check("CreateTransformJob", request)
        requests.refuse_unsupported("CreateTransformJob", request)
        name = request["TransformJobName"]
        self._refuse_taken(name)
        tags = first_tags(request)
        kept = self._models.kept(request["ModelName"])
        admitted = self._runner.admit(request, self._models.loaded(kept), kept["Request"].get("ExecutionRoleArn"))
        now = self._office.now()
        members = {
            **_told_back(request),
            "TransformJobArn": self.shelf.arn(name),
            "TransformJobStatus": "InProgress",
            "CreationTime": now,
            "_Changed": now,
            "_Tags": tags,
            "_Request": request,
            "_Model": kept,
        }
        with self._office.lock:
            self._refuse_taken(name)
            self.shelf.add(name, members)
            self._start(name, admitted.granted)
        return {"TransformJobArn": members["TransformJobArn"]}

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """LastModifiedTime is in summaries, and not in what Describe gives."""
        things = self.shelf.all().values()
        return page(self.listing, [{**members, "LastModifiedTime": members["_Changed"]} for members in things], request)

    def _stopping(self, name: str) -> Members:
        return {"TransformJobStatus": "Stopping", "_Changed": self._office.now()}

    def _waiting(self, name: str) -> Members:
        return {}

    def _run(self, name: str, members: Members, turn: Turn) -> Members:
        kept = members["_Model"]
        self._prepare_image(kept["Reference"])
        now = self._office.now()
        self.shelf.change(name, "starts", {"TransformStartTime": now, "_Changed": now})
        stream = f"{name}/{self._office.instance_id()}-{int(now.timestamp())}"
        observer = Observer(
            on_line=lambda text: self._office.log(TRANSFORM_GROUP, stream, text),
            on_data_log=lambda text: self._office.log(TRANSFORM_GROUP, f"{stream}/data-log", text),
        )
        return self._runner.run(
            members["_Request"],
            self._models.loaded(kept),
            observer=observer,
            stop=turn.stop,
            hurry=turn.hurry,
            role=kept["Request"].get("ExecutionRoleArn"),
        ).description

    def _ending(self, name: str, ended: Members) -> Members:
        now = self._office.now()
        changed = {key: ended[key] for key in _ENDS if key in ended}
        return {"TransformEndTime": now, **changed, "_Changed": now}

    def _granted(self, members: Members) -> Granted:
        return self._runner.launcher.grant(members["TransformResources"]["InstanceType"])


def _told_back(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request's members in Describe's answer, with what AWS puts where a member is left out."""
    told = {key: value for key, value in request.items() if key != "Tags"}
    processing = request.get("DataProcessing") or {}
    return {
        **told,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **request["TransformOutput"]},
        "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None", **processing},
    }

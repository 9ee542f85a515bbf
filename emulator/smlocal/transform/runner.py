"""Run batch transform jobs as SageMaker would: the request is CreateTransformJob's, the model is a local image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from smlocal import requests
from smlocal.container import LogLine
from smlocal.errors import InvalidRequest, NoSuchBucket
from smlocal.hosting import BATCH, HealthChecks, Model, ModelServer
from smlocal.http_client import HttpClient
from smlocal.instances import Granted
from smlocal.journal import INTERNAL_ERROR, Journal, Record
from smlocal.launch import Launcher
from smlocal.metrics import escape
from smlocal.optml import job_arn
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.transform.job import Observer, TransformJob, TransformResult
from smlocal.transform.plan import Plan, plan_of


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Admitted:
    """A request that nothing is to be said against, and what it came to."""

    plan: Plan
    objects: list[StoredObject]
    skipped: list[str]  # keys that are left out
    granted: Granted


class TransformRunner:
    """Runs transform jobs; constructed by wiring."""

    def __init__(
        self,
        launcher: Launcher,
        http: HttpClient,
        store: ObjectStore,
        journal: Journal,
        settings: Settings,
        *,
        now: Callable[[], datetime] = _utc_now,
        container_endpoint: str | None = None,
    ) -> None:
        self.launcher = launcher
        self.http = http
        self.store = store
        self.journal = journal
        self.settings = settings
        self.now = now
        self.container_endpoint = container_endpoint

    def run(
        self,
        request: Mapping[str, Any],
        model: Model,
        *,
        observer: Observer | None = None,
        stop: threading.Event | None = None,
        hurry: threading.Event | None = None,
        role: str | None = None,
        keep: bool = False,
    ) -> TransformResult:
        """Run the job that `request` describes with `model`; `role` is the model's, `stop` and `hurry` are as for
        TransformJob.run.

        A job that fails is a result. Raises InvalidRequest for what CreateTransformJob refuses, NotSupported for
        what smlocal refuses by name, and CannotRun when the engine or the store fails.
        """
        admitted = self.admit(request, model, role)
        plan = admitted.plan
        record = self.journal.begin("transform job", plan.name, request)
        if model.request:
            record.write("model.json", {"request": model.request})
        watched = _recorded(observer or Observer(), record)
        server = ModelServer(
            self.launcher,
            self.http,
            self.settings,
            replace(
                model,
                name=plan.name,
                environment={**model.environment, **plan.environment},
            ),
            platform=BATCH,
            checks=HealthChecks.of_transforms(self.settings.limits),
            instance=admitted.granted,
            container_endpoint=self.container_endpoint,
            keep=keep,
            on_line=_line_writer(watched, record),
        )
        begun = self.now()
        try:
            result = TransformJob(
                request,
                plan,
                admitted.objects,
                server=server,
                store=self.store,
                http=self.http,
                settings=self.settings,
                observer=watched,
                now=self.now,
                notes=(*requests.notes("CreateTransformJob", request), *server.notes, *_folder_notes(admitted.skipped)),
            ).run(stop or threading.Event(), hurry)
            record.write("description.json", result.description)
            return result
        except Exception as error:
            record.broken_off(error, self._broken_off(request, begun))
            raise
        finally:
            record.close()

    def admit(self, request: Mapping[str, Any], model: Model, role: str | None = None) -> Admitted:
        """What a job is known to need before it has a name. Raises what `run` raises for a request that is refused."""
        requests.check("CreateTransformJob", request)
        requests.refuse_unsupported("CreateTransformJob", request)
        self._check_model(request, model)
        plan = plan_of(request, self.settings.limits)
        role = role or f"arn:aws:iam::{self.settings.account}:role/smlocal"
        objects, skipped = find_objects(self.store, plan, self.settings.region, role)
        return Admitted(plan, objects, skipped, self.launcher.grant(request["TransformResources"]["InstanceType"]))

    def _broken_off(self, request: Mapping[str, Any], begun: datetime) -> dict[str, Any]:
        """DescribeTransformJob's answer for a job that smlocal could not go on with."""
        name, settings = request["TransformJobName"], self.settings
        return {
            **{key: value for key, value in request.items() if key != "Tags"},
            "TransformJobArn": job_arn("transform-job", name, settings.region, settings.account),
            "TransformJobStatus": "Failed",
            "FailureReason": INTERNAL_ERROR,
            "CreationTime": begun,
            "TransformEndTime": self.now(),
        }

    def _check_model(self, request: Mapping[str, Any], model: Model) -> None:
        """Raises InvalidRequest for the name of another model (a user's log of CreateTransformJob has the first words;
        the rest is as for endpoints) and for a model that batch transforms do not take (API: ModelDataSource; the text
        is ours)."""
        asked, name = request["ModelName"], model.request.get("ModelName", model.name)
        if asked != name:
            arn = job_arn("model", asked, self.settings.region, self.settings.account)
            raise InvalidRequest(f'Could not find model "{arn}".')
        if "ModelDataSource" in model.request.get("PrimaryContainer", {}):
            raise InvalidRequest(
                f"Model {name} has a ModelDataSource, which batch transform jobs do not support: give it a ModelDataUrl"
            )


def _folder_notes(keys: list[str]) -> tuple[str, ...]:
    shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")
    return (f"left out: {shown}, empty objects that stand for folders in the S3 console",) if keys else ()


def find_objects(store: ObjectStore, plan: Plan, region: str, role: str) -> tuple[list[StoredObject], list[str]]:
    """The input of a job, in the order of keys, as it is now: an output that comes to lie under it is none of it. And
    the keys that are left out: "folders" of the S3 console (empty objects whose keys end with "/"); what the platform
    does with one is not published.

    S3Uri is a plain string prefix. Raises InvalidRequest when nothing is there; the text is the platform's, as seen by
    users of it.
    """
    try:
        found = list(store.list(plan.bucket, plan.prefix))
    except NoSuchBucket:
        found = []
    if not found:
        raise InvalidRequest(
            f'No S3 objects found under S3 URL "s3://{plan.bucket}/{plan.prefix}" given in input data source. Please '
            f"ensure that the bucket exists in the selected region ({region}), that objects exist under that S3 "
            f'prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket "{plan.bucket}".'
        )
    if not store.bucket_exists(plan.output_bucket):
        raise InvalidRequest(f'The bucket "{plan.output_bucket}" of TransformOutput S3OutputPath does not exist.')
    folders = [item.key for item in found if not item.size and item.key.endswith("/")]
    return [item for item in found if item.key not in set(folders)], folders


def _recorded(observer: Observer, record: Record) -> Observer:
    def on_status(status: str) -> None:
        record.event("status", status=status)
        observer.on_status(status)

    def on_data_log(line: str) -> None:
        record.event("data-log", line=line)
        observer.on_data_log(line)

    def on_note(note: str) -> None:
        record.event("note", note=note)
        observer.on_note(note)

    return replace(observer, on_status=on_status, on_data_log=on_data_log, on_note=on_note)


def _line_writer(observer: Observer, record: Record) -> Callable[[LogLine], None]:
    def write(line: LogLine) -> None:
        text = escape(line.text.decode("utf-8", "replace"))
        record.log(text.encode())
        observer.on_line(text)

    return write

"""Whatever is called in whatever order: no state that AWS does not have, no way between two that AWS does not know."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smlocal.errors import InvalidRequest, ResourceInUse
from tests.account.bench import ENDED, Bench, variant

NAMES = st.sampled_from(["a", "b", "c"])
PRIMARY = {
    "InProgress": {"Starting", "Pending", "Downloading", "Training", "Uploading"},
    "Stopping": {"Stopping"},
    "Stopped": {"Stopped", "MaxRuntimeExceeded"},
    "Completed": {"Completed"},
    "Failed": {"Failed"},
}
JOB_WAYS = {
    "InProgress": {"InProgress", "Stopping", "Stopped", "Completed", "Failed"},
    "Stopping": {"Stopping", "Stopped"},
    "Stopped": {"Stopped"},
    "Completed": {"Completed"},
    "Failed": {"Failed"},
}
ENDPOINT_WAYS = {
    "Creating": {"Creating", "InService", "Failed"},
    "InService": {"InService"},  # only our own calls lead on from here
    "Failed": {"Failed"},
    "Updating": {"Updating", "RollingBack", "InService"},
    "RollingBack": {"RollingBack", "InService"},
    "Deleting": {"Deleting"},
}


class AccountMachine(RuleBasedStateMachine):
    """Random calls, each answered as the model of what exists says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name), cpus=4)
        self.bench.model()
        self.bench.model("sick", "sick")
        self.bench.config("good")
        self.bench.config("bad", variant(ModelName="sick"))
        self.jobs: dict[str, str] = {}  # name -> status, as last seen
        self.endpoints: dict[str, str] = {}

    def teardown(self) -> None:
        self.bench.close()
        self.folder.cleanup()

    @rule(name=NAMES, image=st.sampled_from(["trains", "waits", "fails", "nowhere"]))
    def create_job(self, name: str, image: str) -> None:
        try:
            self.bench.train(name, image)
        except ResourceInUse:
            assert name in self.jobs
        else:
            assert name not in self.jobs
            self.jobs[name] = "InProgress"

    @rule(name=NAMES)
    def stop_job(self, name: str) -> None:
        try:
            self.bench.stop(name)
        except InvalidRequest as error:
            rejected = "The request was rejected because the training job is in status"
            assert str(error).startswith(rejected if name in self.jobs else "Requested resource not found.")
        else:
            assert self.jobs[name] == "InProgress"
            self.jobs[name] = "Stopping"

    @rule(name=NAMES)
    def delete_job(self, name: str) -> None:
        try:
            self.bench.account.delete_training_job({"TrainingJobName": name})
        except InvalidRequest:
            assert name not in self.jobs
        except ResourceInUse:
            assert self.jobs[name] not in ENDED
        else:
            del self.jobs[name]

    @rule(name=NAMES, config=st.sampled_from(["good", "bad"]))
    def create_endpoint(self, name: str, config: str) -> None:
        self.drop_gone()
        try:
            self.bench.deploy(name, config)
        except InvalidRequest:
            assert name in self.endpoints
        else:
            assert self.endpoints.get(name, "Deleting") == "Deleting"
            self.endpoints[name] = "Creating"

    @rule(name=NAMES, config=st.sampled_from(["good", "bad"]))
    def update_endpoint(self, name: str, config: str) -> None:
        request = {"EndpointName": name, "EndpointConfigName": config}
        self.change(name, "Updating", lambda: self.bench.account.update_endpoint(request))

    @rule(name=NAMES, count=st.integers(1, 2))
    def resize_endpoint(self, name: str, count: int) -> None:
        wish = {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
        request = {"EndpointName": name, "DesiredWeightsAndCapacities": [wish]}
        call = self.bench.account.update_endpoint_weights_and_capacities
        self.change(name, "Updating", lambda: call(request))

    @rule(name=NAMES)
    def delete_endpoint(self, name: str) -> None:
        self.change(name, "Deleting", lambda: self.bench.account.delete_endpoint({"EndpointName": name}))

    def change(self, name: str, status: str, call: Any) -> None:
        try:
            call()
        except InvalidRequest as error:
            assert name in self.endpoints or str(error).startswith("Could not find endpoint")
        else:
            assert self.endpoints[name] in ("InService", "Failed", "Creating", "Updating", "RollingBack")
            self.endpoints[name] = status

    @rule(name=NAMES)
    def wait(self, name: str) -> None:
        """Give what is under way time to end."""
        if name in self.endpoints and self.endpoints[name] in ("Creating", "Updating"):
            self.bench.settled(name)

    def drop_gone(self) -> None:
        listed = {item["EndpointName"] for item in self.bench.account.list_endpoints({})["Endpoints"]}
        for name in [name for name, status in self.endpoints.items() if status == "Deleting"]:
            if name not in listed:
                del self.endpoints[name]

    @invariant()
    def jobs_are_in_states_that_aws_has(self) -> None:
        listed = {item["TrainingJobName"] for item in self.bench.account.list_training_jobs({})["TrainingJobSummaries"]}
        assert listed == set(self.jobs)
        for name, before in self.jobs.items():
            found = self.bench.job(name)
            status = found["TrainingJobStatus"]
            assert status in JOB_WAYS[before]
            assert found["SecondaryStatus"] in PRIMARY[status]
            assert found["SecondaryStatusTransitions"][-1]["Status"] == found["SecondaryStatus"]
            assert ("EndTime" in found["SecondaryStatusTransitions"][-1]) == (status in ENDED)
            assert ("FailureReason" in found) == (status == "Failed")
            assert not any(key.startswith("_") for key in found)
            self.jobs[name] = status

    @invariant()
    def endpoints_are_in_states_that_aws_has(self) -> None:
        self.drop_gone()
        for item in self.bench.account.list_endpoints({"MaxResults": 100})["Endpoints"]:
            name, status = item["EndpointName"], item["EndpointStatus"]
            assert status in ENDPOINT_WAYS[self.endpoints[name]]
            self.endpoints[name] = status
        for name, status in self.endpoints.items():
            if status == "InService":
                assert self.bench.invoke(b"x", name).body == b"x"


AccountMachine.TestCase.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAccount = AccountMachine.TestCase

"""Members of endpoint configurations that have an effect, or are told back."""

from __future__ import annotations

import time
from typing import Any

import pytest

from smlocal.engine.scripted import Answer, Script
from tests.account.bench import Bench, variant


def test_an_endpoints_container_runs_within_its_instance_type(bench: Bench) -> None:
    bench.deployed(variant(InstanceType="ml.m5.large"))
    spec = next(spec for spec in bench.engine.specs if spec.command == ("serve",))
    assert (spec.cpus, spec.memory_bytes) == (2, 8 * 1024**3)


def test_a_container_has_the_time_of_its_variant_to_become_healthy(bench: Bench) -> None:
    bench.engine.add_image("never", Script(handler=lambda _: Answer(503)))
    bench.model(image="never")
    bench.config("config", variant(ContainerStartupHealthCheckTimeoutInSeconds=1))
    began = time.monotonic()
    bench.deploy()
    assert bench.settled()["EndpointStatus"] == "Failed"
    assert 0.9 < time.monotonic() - began < bench.settings.limits.start_window


@pytest.mark.parametrize(
    ("of_variant", "changes"),
    [
        ({"VolumeSizeInGB": 30}, {}),
        ({"ModelDataDownloadTimeoutInSeconds": 600}, {}),
        ({"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}, {}),
        ({}, {"KmsKeyId": "key"}),
        ({}, {"ExecutionRoleArn": "arn:aws:iam::123456789012:role/r"}),
    ],
)
def test_a_recorded_member_of_a_configuration_is_told_back(
    of_variant: dict[str, Any], changes: dict[str, Any], bench: Bench
) -> None:
    bench.model()
    bench.config("config", variant(**of_variant), **changes)
    found = bench.account.describe_endpoint_config({"EndpointConfigName": "config"})
    assert of_variant.items() <= found["ProductionVariants"][0].items()
    assert changes.items() <= found.items()

"""Instance types: all of AWS's names are known; what the host cannot give is clamped and said, or refused."""

from __future__ import annotations

import pytest
from botocore.session import Session

from smlocal.errors import InvalidRequest, NotSupported
from smlocal.instances import GIBIBYTE, grant, instance


def known_names() -> list[str]:
    model = Session().get_service_model("sagemaker")
    shapes = ("TrainingInstanceType", "ProductionVariantInstanceType", "TransformInstanceType")
    return sorted({name for shape in shapes for name in model.shape_for(shape).enum})


@pytest.mark.parametrize(
    ("name", "cpus", "gibibytes", "accelerator", "architecture"),
    [
        ("ml.m5.large", 2, 8, "none", "amd64"),
        ("ml.m5.24xlarge", 96, 384, "none", "amd64"),
        ("ml.c5.9xlarge", 36, 72, "none", "amd64"),
        ("ml.c4.8xlarge", 36, 60, "none", "amd64"),
        ("ml.t3.medium", 2, 4, "none", "amd64"),
        ("ml.r5.xlarge", 4, 32, "none", "amd64"),
        ("ml.g4dn.xlarge", 4, 16, "gpu", "amd64"),
        ("ml.g5.48xlarge", 192, 768, "gpu", "amd64"),
        ("ml.p3.2xlarge", 8, 61, "gpu", "amd64"),
        ("ml.inf2.xlarge", 4, 16, "neuron", "amd64"),
        ("ml.c7g.medium", 1, 2, "none", "arm64"),
        ("ml.m6gd.large", 2, 8, "none", "arm64"),
    ],
)
def test_a_type_has_the_size_that_aws_sells(
    name: str, cpus: int, gibibytes: float, accelerator: str, architecture: str
) -> None:
    found = instance(name)
    assert (found.cpus, found.memory_bytes, found.accelerator, found.architecture) == (
        cpus,
        gibibytes * GIBIBYTE,
        accelerator,
        architecture,
    )


@pytest.mark.parametrize("name", known_names())
def test_every_name_of_the_service_model_is_known(name: str) -> None:
    found = instance(name)
    assert found.cpus >= 1
    assert found.memory_bytes >= 2 * GIBIBYTE


@pytest.mark.parametrize("name", ["m5.large", "ml.m5", "ml.m5.huge", "local", ""])
def test_what_is_no_instance_type_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="not an instance type"):
        instance(name)


def test_what_the_host_has_is_given_without_a_word() -> None:
    granted = grant(instance("ml.m5.large"), cpus=2, memory_bytes=24 * GIBIBYTE, has_gpu=False)
    assert (granted.cpus, granted.memory_bytes, granted.notes) == (2, 8 * GIBIBYTE, ())


def test_what_the_host_lacks_is_clamped_and_said() -> None:
    granted = grant(instance("ml.m5.4xlarge"), cpus=2, memory_bytes=24 * GIBIBYTE, has_gpu=False)
    assert (granted.cpus, granted.memory_bytes) == (2, 24 * GIBIBYTE)
    assert granted.notes == (
        "ml.m5.4xlarge has 16 vCPU, the engine's host 2: the container gets 2",
        "ml.m5.4xlarge has 64 GiB of memory, the engine's host 24.0: the container gets 24.0",
    )


def test_a_gpu_type_without_a_gpu_is_refused_by_name() -> None:
    with pytest.raises(NotSupported, match=r"ml\.g4dn\.xlarge has a GPU"):
        grant(instance("ml.g4dn.xlarge"), cpus=2, memory_bytes=GIBIBYTE, has_gpu=False)


def test_a_gpu_type_on_a_host_with_a_gpu_gets_it() -> None:
    assert grant(instance("ml.g4dn.xlarge"), cpus=4, memory_bytes=16 * GIBIBYTE, has_gpu=True).gpus


def test_an_accelerator_that_only_aws_has_is_refused() -> None:
    with pytest.raises(NotSupported, match="only AWS has"):
        grant(instance("ml.trn1.2xlarge"), cpus=8, memory_bytes=32 * GIBIBYTE, has_gpu=True)

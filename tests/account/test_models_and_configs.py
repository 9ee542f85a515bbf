"""Models and endpoint configurations: what is checked at once, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from smlocal.errors import InvalidRequest, NotSupported
from tests.account.bench import ARN, ROLE, Bench, variant
from tests.account.conftest import Killed


def test_a_model_is_described_as_aws_describes_it(bench: Bench) -> None:
    assert bench.model("My-Model") == {"ModelArn": f"{ARN}:model/my-model"}
    found = bench.account.describe_model({"ModelName": "My-Model"})
    assert found.pop("CreationTime").tzinfo is not None
    assert found == {
        "ModelName": "My-Model",
        "ModelArn": f"{ARN}:model/my-model",
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": False,
        "PrimaryContainer": {"Image": "echo", "Mode": "SingleModel", "ModelDataUrl": "s3://bucket/model.tar.gz"},
    }


MODEL_REFUSALS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no image": ({"PrimaryContainer": {"Image": "nowhere:1"}}, InvalidRequest, "Requested image nowhere:1 not found."),
    "an image of ours that is not built": (
        {"PrimaryContainer": {"Image": "smlocal/nothing"}},
        InvalidRequest,
        "Requested image smlocal/nothing not found.",
    ),
    "no data": (
        {"PrimaryContainer": {"Image": "echo", "ModelDataUrl": "s3://bucket/nothing.tar.gz"}},
        InvalidRequest,
        "Could not find model data at s3://bucket/nothing.tar.gz.",
    ),
    "no reference": ({"PrimaryContainer": {"Image": "No Image"}}, InvalidRequest, "1 validation error detected"),
    "several containers": (
        {"PrimaryContainer": {"Image": "echo", "Mode": "MultiModel"}},
        NotSupported,
        "PrimaryContainer.Mode",
    ),
    "an image of AWS's own": (
        {"PrimaryContainer": {"Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.0"}},
        NotSupported,
        "one of AWS's own images",
    ),
}


@pytest.mark.parametrize("case", MODEL_REFUSALS)
def test_a_model_that_cannot_be_is_refused_at_once(case: str, bench: Bench) -> None:
    changes, kind, text = MODEL_REFUSALS[case]
    with pytest.raises(kind) as refused:
        bench.model(**changes)
    assert text in str(refused.value)
    assert bench.account.list_models({}) == {"Models": []}


def test_models_and_configurations_in_use_and_missing_have_aws_words(bench: Bench) -> None:
    bench.model()
    bench.config()
    account = bench.account
    cases = [
        (lambda: bench.model("Model"), f'Cannot create already existing model "{ARN}:model/model".'),
        (
            lambda: bench.config("config"),
            f'Cannot create already existing endpoint configuration "{ARN}:endpoint-config/config".',
        ),
        (lambda: account.describe_model({"ModelName": "x"}), f'Could not find model "{ARN}:model/x".'),
        (lambda: account.delete_model({"ModelName": "x"}), f'Could not find model "{ARN}:model/x".'),
        (lambda: bench.config("y", variant(ModelName="x")), f'Could not find model "{ARN}:model/x".'),
        (
            lambda: account.describe_endpoint_config({"EndpointConfigName": "x"}),
            f'Could not find endpoint configuration "{ARN}:endpoint-config/x".',
        ),
        (
            lambda: account.delete_endpoint_config({"EndpointConfigName": "x"}),
            f'Could not find endpoint configuration "{ARN}:endpoint-config/x".',
        ),
    ]
    for call, text in cases:
        with pytest.raises(InvalidRequest) as refused:
            call()
        assert str(refused.value) == text


def test_a_deleted_models_name_can_be_used_again(bench: Bench) -> None:
    bench.model()
    assert bench.account.delete_model({"ModelName": "model"}) == {}
    bench.model()


def test_a_configuration_is_described_as_aws_describes_it(bench: Bench) -> None:
    bench.model()
    assert bench.config("config", KmsKeyId="key") == {"EndpointConfigArn": f"{ARN}:endpoint-config/config"}
    found = bench.account.describe_endpoint_config({"EndpointConfigName": "config"})
    assert found.pop("CreationTime")
    assert found == {
        "EndpointConfigName": "config",
        "EndpointConfigArn": f"{ARN}:endpoint-config/config",
        "KmsKeyId": "key",
        "ProductionVariants": [{**variant(), "InitialVariantWeight": 1.0}],
    }
    assert bench.account.delete_endpoint_config({"EndpointConfigName": "config"}) == {}


CONFIG_REFUSALS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], type[Exception], str]] = {
    "serverless": (
        [variant(ServerlessConfig={"MemorySizeInMB": 2048, "MaxConcurrency": 1})],
        {},
        NotSupported,
        "ProductionVariants[0].ServerlessConfig",
    ),
    "asynchronous": ([variant()], {"AsyncInferenceConfig": {"OutputConfig": {}}}, NotSupported, "AsyncInferenceConfig"),
    "captured": ([variant()], {"DataCaptureConfig": {"EnableCapture": True}}, NotSupported, "DataCaptureConfig"),
    "shadowed": ([variant()], {"ShadowProductionVariants": [variant("S")]}, NotSupported, "ShadowProductionVariants"),
    "a GPU": ([variant(InstanceType="ml.g5.xlarge")], {}, NotSupported, "ml.g5.xlarge has a GPU"),
    "no count": ([variant(InitialInstanceCount=0)], {}, InvalidRequest, "must have InitialInstanceCount"),
    "twice": ([variant("A"), variant("A")], {}, InvalidRequest, "these are repeated: A"),
    "no weight": ([variant(InitialVariantWeight=0.0)], {}, InvalidRequest, "The weights of all variants are 0"),
}


@pytest.mark.parametrize("case", CONFIG_REFUSALS)
def test_a_configuration_that_cannot_be_is_refused(case: str, bench: Bench) -> None:
    variants, changes, kind, text = CONFIG_REFUSALS[case]
    bench.model()
    with pytest.raises(kind) as refused:
        bench.config("config", *variants, **changes)
    assert text in str(refused.value)
    assert bench.account.list_endpoint_configs({}) == {"EndpointConfigs": []}


def test_the_next_process_finds_models_and_configurations_as_they_were(bench: Bench, killed: Killed) -> None:
    bench.model()
    bench.config()
    bench.model("gone")
    bench.account.delete_model({"ModelName": "gone"})
    later = killed(bench)
    for name, request in (("model", {"ModelName": "model"}), ("endpoint_config", {"EndpointConfigName": "config"})):
        assert getattr(later.account, f"describe_{name}")(request) == getattr(bench.account, f"describe_{name}")(
            request
        )
    assert [item["ModelName"] for item in later.account.list_models({})["Models"]] == ["model"]
    later.deploy()
    assert later.settled()["EndpointStatus"] == "InService"


def test_what_is_told_is_a_copy(bench: Bench) -> None:
    bench.model()
    bench.account.describe_model({"ModelName": "model"})["PrimaryContainer"]["Image"] = "other"
    assert bench.account.describe_model({"ModelName": "model"})["PrimaryContainer"]["Image"] == "echo"

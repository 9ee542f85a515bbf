"""What a CreateTransformJob request asks for, and what the container is told of it.

Sources: API reference, CreateTransformJob; AWS developer guide, your-algorithms-batch-code (the environment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smlocal.errors import InvalidRequest, NotSupported
from smlocal.settings import MEBIBYTE, Limits
from smlocal.transform.batch import Strategy

LARGEST_PRODUCT = 100  # MaxConcurrentTransforms * MaxPayloadInMB
_HELD = 1000 * MEBIBYTE  # of single records that have no limit, all together
_STRATEGIES = {"MultiRecord": Strategy.MULTI_RECORD, "SingleRecord": Strategy.SINGLE_RECORD}


@dataclass(frozen=True)
class Parameters:
    """How an instance's client sends, once everybody was asked."""

    concurrency: int
    payload_mb: int  # 0: without limit
    strategy: Strategy

    @property
    def unlimited(self) -> bool:
        """Bodies of any length, sent chunked."""
        return self.payload_mb == 0

    @property
    def payload_bytes(self) -> int:
        """The longest body. A single record is held in memory, for it may have to be sent again: without a limit of
        the platform's it still has one of ours, the API's maximum or its share of what may be held of all."""
        if self.unlimited:
            return min(LARGEST_PRODUCT * MEBIBYTE, _HELD // self.concurrency)
        return self.payload_mb * MEBIBYTE


@dataclass(frozen=True)
class Plan:
    """A transform job, read from its request. `None` is what the request left to the container."""

    name: str
    bucket: str
    prefix: str
    output_bucket: str
    output_prefix: str
    split: bool
    line: bool  # AssembleWith
    content_type: str | None
    accept: str | None
    concurrency: int | None
    payload_mb: int | None
    strategy: Strategy | None
    timeout: float
    retries: int
    environment: Mapping[str, str]

    def streams(self, parameters: Parameters) -> bool:
        """Whether an object goes out in one request of unknown length."""
        return parameters.unlimited and not (self.split and parameters.strategy is Strategy.SINGLE_RECORD)


def plan_of(request: Mapping[str, Any], limits: Limits) -> Plan:
    """Read a request. Raises NotSupported for what is refused by name, InvalidRequest for what contradicts itself."""
    _refuse(request)
    source, target = request["TransformInput"], request["TransformOutput"]
    bucket, prefix = _address(source["DataSource"]["S3DataSource"]["S3Uri"], "TransformInput S3Uri")
    output_bucket, output_prefix = _address(target["S3OutputPath"], "TransformOutput S3OutputPath")
    client = request.get("ModelClientConfig", {})
    split = source.get("SplitType", "None")
    plan = Plan(
        name=request["TransformJobName"],
        bucket=bucket,
        prefix=prefix,
        output_bucket=output_bucket,
        output_prefix=output_prefix,
        split=split == "Line",
        line=target.get("AssembleWith", "None") == "Line",
        content_type=source.get("ContentType"),
        accept=target.get("Accept"),
        concurrency=request.get("MaxConcurrentTransforms") or None,
        payload_mb=request.get("MaxPayloadInMB"),
        strategy=_STRATEGIES[request["BatchStrategy"]] if "BatchStrategy" in request else None,
        timeout=float(client.get("InvocationsTimeoutInSeconds", limits.transform_invocation_timeout)),
        retries=int(client.get("InvocationsMaxRetries", limits.transform_retries)),
        environment=_environment(request),
    )
    _check_product(plan)
    return plan


def _refuse(request: Mapping[str, Any]) -> None:
    source = request["TransformInput"]
    processing = request.get("DataProcessing", {})
    asked = {
        "TransformInput.DataSource.S3DataSource.S3DataType": (
            source["DataSource"]["S3DataSource"]["S3DataType"],
            ("S3Prefix",),
        ),
        "TransformInput.CompressionType": (source.get("CompressionType", "None"), ("None",)),
        "TransformInput.SplitType": (source.get("SplitType", "None"), ("None", "Line")),
        "TransformOutput.AssembleWith": (request["TransformOutput"].get("AssembleWith", "None"), ("None", "Line")),
        "BatchStrategy": (request.get("BatchStrategy", "MultiRecord"), tuple(_STRATEGIES)),
        "DataProcessing.InputFilter": (processing.get("InputFilter", "$"), ("$",)),
        "DataProcessing.OutputFilter": (processing.get("OutputFilter", "$"), ("$",)),
        "DataProcessing.JoinSource": (processing.get("JoinSource", "None"), ("None",)),
        "TransformResources.InstanceCount": (request["TransformResources"]["InstanceCount"], (1,)),
    }
    for member, (value, supported) in asked.items():
        if value not in supported:
            raise NotSupported(
                f"{member} {value!r} is not supported by smlocal; supported: {', '.join(map(str, supported))}"
            )
    if "DataCaptureConfig" in request:
        raise NotSupported("DataCaptureConfig is not supported by smlocal for transform jobs")


def _address(uri: str, member: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InvalidRequest(f"{member} must be an address such as s3://bucket/prefix, not '{uri}'")
    return bucket, key


def _environment(request: Mapping[str, Any]) -> dict[str, str]:
    """What the container finds besides the model's own variables: only what the request gave."""
    told = {**request.get("Environment", {}), "SAGEMAKER_BATCH": "true"}
    if "MaxPayloadInMB" in request:
        told["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(request["MaxPayloadInMB"])
    if "BatchStrategy" in request:
        told["SAGEMAKER_BATCH_STRATEGY"] = _STRATEGIES[request["BatchStrategy"]].value
    if "MaxConcurrentTransforms" in request:
        told["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(request["MaxConcurrentTransforms"])
    return told


def _check_product(plan: Plan) -> None:
    if (plan.payload_mb or 0) > LARGEST_PRODUCT:
        raise InvalidRequest(f"MaxPayloadInMB must be at most {LARGEST_PRODUCT}, not {plan.payload_mb}")
    if (plan.concurrency or 1) * (plan.payload_mb or 0) > LARGEST_PRODUCT:
        # the API reference gives the rule, not the text
        raise InvalidRequest(
            f"MaxConcurrentTransforms ({plan.concurrency}) times MaxPayloadInMB ({plan.payload_mb}) is more than"
            f" {LARGEST_PRODUCT} MB"
        )

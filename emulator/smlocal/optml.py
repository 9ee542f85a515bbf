"""The /opt/ml tree of a training job: its paths, and the files that the platform writes before the run.

Sources: AWS developer guide, your-algorithms-training-algo-running-container; what is not documented there was
captured from real jobs in 2020 and 2022 (the guide's own pages name fewer files than jobs see).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smlocal.tree import Entry, TreeDirectory, text_file

ROOT = "/opt/ml"
INPUT = f"{ROOT}/input"
CONFIG = f"{INPUT}/config"
DATA = f"{INPUT}/data"
MODEL = f"{ROOT}/model"
MODELS = f"{ROOT}/models"  # of a multi-model endpoint: developer guide, mms-container-apis
OUTPUT = f"{ROOT}/output"
OUTPUT_DATA = f"{OUTPUT}/data"
FAILURE = f"{OUTPUT}/failure"
CHECKPOINTS = f"{ROOT}/checkpoints"
HOST = "algo-1"
FAILURE_REASON_LENGTH = 1024  # API: FailureReason


def compact(document: Any) -> str:
    """JSON as the platform writes it since 2022: no spaces (observed: file sizes of a real job)."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def job_arn(kind: str, name: str, region: str, account: str) -> str:
    """`arn:aws:sagemaker:us-east-1:000000000000:training-job/name`, the name in lower case (observed)."""
    return f"arn:aws:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def hostname(name: str, region: str) -> str:
    """The EC2 name that a training container sees: `ip-10-0-x-y.<region>.compute.internal` (observed)."""
    digest = hashlib.sha256(name.encode()).digest()
    return f"ip-10-0-{digest[0]}-{digest[1]}.{region}.compute.internal"


def resource_config(instance_type: str) -> dict[str, Any]:
    """`resourceconfig.json` of a job on one instance (observed since 2022, key for key)."""
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": [HOST]}
    return {
        "current_host": HOST,
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": [HOST],
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def config_files(
    request: Mapping[str, Any], channels: Mapping[str, Mapping[str, str]], strict: bool
) -> Iterator[Entry]:
    """`config/` as entries below /opt/ml/input; `channels` is the content of inputdataconfig.json.

    `strict`: the directory has mode 0644, as captured in 2022, which a program that is not root cannot enter.
    """
    yield TreeDirectory("config", 0o644 if strict else 0o755)
    documents = {
        "hyperparameters.json": dict(request.get("HyperParameters") or {}),
        "inputdataconfig.json": {name: dict(config) for name, config in channels.items()},
        "resourceconfig.json": resource_config(request["ResourceConfig"]["InstanceType"]),
        "init-config.json": init_config(request),
        "metric-definition-regex.json": metric_definitions(request),
    }
    if "CheckpointConfig" in request:
        documents["checkpointconfig.json"] = {"LocalPath": checkpoint_path(request)}
    for name, document in documents.items():
        yield text_file(f"config/{name}", compact(document))


def metric_definitions(request: Mapping[str, Any]) -> list[dict[str, str]]:
    return [dict(item) for item in request["AlgorithmSpecification"].get("MetricDefinitions") or ()]


def checkpoint_path(request: Mapping[str, Any]) -> str:
    """`CheckpointConfig.LocalPath`, by default /opt/ml/checkpoints (API: CheckpointConfig)."""
    path: str = (request.get("CheckpointConfig") or {}).get("LocalPath") or CHECKPOINTS
    return path.rstrip("/") or "/"


def init_config(request: Mapping[str, Any]) -> dict[str, Any]:
    """The download plan that jobs find beside the documented files (observed in 2020 and 2022)."""
    mode = request["AlgorithmSpecification"]["TrainingInputMode"].upper()
    document: dict[str, Any] = {
        "inputMode": mode,
        "channels": {item["ChannelName"]: _planned(item, mode) for item in request.get("InputDataConfig") or ()},
        "checkpointChannel": None,
        "hostConfig": {"clusterSize": 1, "hostNumber": 1},
        "enableAdditionalPlatformLoggingForCustomer": False,
        "jobRunInfo": {"jobRunNumber": 1},
    }
    if "CheckpointConfig" in request:
        source = _source("S3_PREFIX", request["CheckpointConfig"]["S3Uri"], "FULLY_REPLICATED")
        channel = {**_channel(source, mode, sharded=False), "allowEmpty": True, "outputPath": CHECKPOINTS}
        document["checkpointChannel"] = {"name": "checkpoints", "channel": channel}
    return document


def _planned(item: Mapping[str, Any], mode: str) -> dict[str, Any]:
    given = item["DataSource"]["S3DataSource"]
    distribution = given.get("S3DataDistributionType") or "FullyReplicated"
    sharded = distribution == "ShardedByS3Key"
    source = _source("S3_PREFIX", given["S3Uri"], "SHARDED_BY_S3_KEY" if sharded else "FULLY_REPLICATED")
    return _channel(source, (item.get("InputMode") or mode).upper(), sharded=sharded)


def _source(kind: str, uri: str, distribution: str) -> dict[str, Any]:
    return {"s3DataType": kind, "s3Uri": uri, "s3DataDistributionType": distribution, "attributeNames": None}


def _channel(source: dict[str, Any], mode: str, *, sharded: bool) -> dict[str, Any]:
    return {
        "s3DataSource": source,
        "fileSystemDataSource": None,
        "compressionType": "NONE",
        "recordWrapper": "NONE",
        "shuffleConfig": None,
        "inputMode": mode,
        "sharded": sharded,
    }


def output_directories() -> Iterator[Entry]:
    """What stands below /opt/ml/output before the program starts (observed in 2020)."""
    for path in ("data", "metrics", "metrics/sagemaker", "profiler"):
        yield TreeDirectory(path)


def environment(
    request: Mapping[str, Any], *, region: str, account: str, endpoint: str | None = None, gpu: bool = False
) -> dict[str, str]:
    """The environment of a training container.

    The platform's variables as captured from real jobs, over them the request's. Two differences are deliberate:
    credentials are dummies in AWS_ACCESS_KEY_ID and its companions (on the platform they come from 169.254.170.2),
    none under network isolation; and with `endpoint`, S3 clients are pointed at it.
    """
    name = request["TrainingJobName"]
    identity = uuid.uuid5(uuid.NAMESPACE_URL, name)
    variables = {
        "AWS_REGION": region,
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "ECS_CONTAINER_METADATA_URI": f"http://169.254.170.2/v3/{identity}",
        "ECS_CONTAINER_METADATA_URI_V4": f"http://169.254.170.2/v4/{identity}",
        "DMLC_INTERFACE": "eth0",
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": job_arn("training-job", name, region, account),
    }
    if not gpu:
        variables["NVIDIA_VISIBLE_DEVICES"] = "void"
    if not request.get("EnableNetworkIsolation"):
        variables |= credentials(str(identity), endpoint)
    return {**variables, **(request.get("Environment") or {})}


def credentials(identity: str, endpoint: str | None) -> dict[str, str]:
    """Credentials that no AWS service accepts, and the endpoint that S3 clients in the container shall use."""
    secret = hashlib.sha256(identity.encode()).hexdigest()
    variables = {
        "AWS_ACCESS_KEY_ID": f"SMLOCAL{secret[:13].upper()}",
        "AWS_SECRET_ACCESS_KEY": secret[:40],
        "AWS_SESSION_TOKEN": secret,
    }
    if endpoint is not None:
        variables |= {"S3_ENDPOINT_URL": endpoint, "AWS_ENDPOINT_URL": endpoint}
    return variables


def command(request: Mapping[str, Any]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """(entrypoint, arguments) of a training container; None: the image's own.

    Neither field: `docker run IMAGE train`. ContainerEntrypoint replaces the image's, and no `train` is given then;
    ContainerArguments replace `train`. Source: developer guide, your-algorithms-training-algo-dockerfile.
    """
    algorithm = request["AlgorithmSpecification"]
    entrypoint = tuple(algorithm.get("ContainerEntrypoint") or ())
    arguments = tuple(algorithm.get("ContainerArguments") or ())
    if entrypoint:
        return entrypoint, arguments
    return None, arguments or ("train",)


def failure_reason(text: str, code: int) -> str:
    """`AlgorithmError: <text>, exit code: <n>`, at most 1,024 characters; the text is what is cut.

    Observed since about 2021 without a failure file (`AlgorithmError: , exit code: 1`); which part the platform
    cuts is not documented.
    """
    prefix, suffix = "AlgorithmError: ", f", exit code: {code}"
    return prefix + text[: FAILURE_REASON_LENGTH - len(prefix) - len(suffix)] + suffix


def manifests(texts: Mapping[str, str]) -> Sequence[Entry]:
    """`<channel>-manifest` files beside the channels' directories, by channel (observed in 2020 and 2022)."""
    return [text_file(f"data/{name}-manifest", text) for name, text in texts.items()]

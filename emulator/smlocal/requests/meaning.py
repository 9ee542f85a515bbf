"""What AWS refuses at once although every member alone is allowed: members that contradict or need each other.

Each rule says where its fact comes from, and whether the text is AWS's own ("observed") or ours because none was found.
Nothing here looks at a store: whether the objects or the model exist is found out by the run.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smlocal.errors import InvalidRequest
from smlocal.metrics import MetricScanner
from smlocal.requests import wording
from smlocal.requests.addresses import buckets_are_named

Request = Mapping[str, Any]
Rule = Callable[[Request], Iterator[str]]

LONGEST_RUN = 28 * 24 * 3600
DEFAULT_RUN = 24 * 3600
LARGEST_PAYLOAD = 100
ENVIRONMENT_BYTES = 32 * 1024
# /tmp and /usr/local/nvidia are reserved for TensorBoardOutputConfig; a job's own folders hold its data and its model
RESERVED_FOR_CHECKPOINTS = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output", "/tmp", "/usr/local/nvidia")


def check(operation: str, request: Request) -> None:
    """Whether the members of a request that its service model allows agree. Raises InvalidRequest with the first
    fault: AWS makes these checks one after the other."""
    for rule in _RULES.get(operation, ()):
        for fault in rule(request):
            raise InvalidRequest(fault)


def _names_an_algorithm(request: Request) -> Iterator[str]:
    """TrainingImage or AlgorithmName, not both. Source: API AlgorithmSpecification ("mutually exclusive"). The text
    for a missing structure is the general one, since older models list it as required; the others are ours."""
    algorithm = request.get("AlgorithmSpecification")
    if algorithm is None:
        if "ServerlessJobConfig" not in request:
            yield wording.faults([wording.absent("algorithmSpecification")])
        return
    named = [name for name in ("TrainingImage", "AlgorithmName") if algorithm.get(name)]
    if not named:
        yield "AlgorithmSpecification must name the training image in TrainingImage"
    elif len(named) == 2:
        yield "Specify either TrainingImage or AlgorithmName in AlgorithmSpecification, not both"


def _metric_regexes_are_regexes(request: Request) -> Iterator[str]:
    """Refused here and not by the job, which has its name by then. Source: developer guide, training-metrics (Python's
    syntax in all examples); the text is ours."""
    for definition in (request.get("AlgorithmSpecification") or {}).get("MetricDefinitions") or ():
        try:
            MetricScanner([definition])
        except InvalidRequest as error:
            yield str(error)


def _resources_are_whole(request: Request) -> Iterator[str]:
    """Type and count, or groups. Source: API ResourceConfig; the text for both was observed in
    aws/sagemaker-python-sdk#5564, 2026. The model's minima of 0 are loose: the guide has 1."""
    resources = request.get("ResourceConfig")
    if resources is None:
        if "ServerlessJobConfig" not in request:
            yield wording.faults([wording.absent("resourceConfig")])
        return
    if resources.get("InstanceGroups"):
        if "InstanceType" in resources or "InstanceCount" in resources:
            yield "InstanceType or InstanceCount cannot be specified with InstanceGroups"
        return
    if resources.get("InstancePreferences"):
        return
    missing = [name for name in ("InstanceType", "InstanceCount") if name not in resources]
    if missing:
        yield wording.faults([wording.absent(wording.service_path("resourceConfig", name)) for name in missing])
    small = [name for name in ("InstanceCount", "VolumeSizeInGB") if resources.get(name) == 0]
    if small:
        paths = [wording.service_path("resourceConfig", name) for name in small]
        yield wording.faults([wording.fault(0, path, wording.least(1)) for path in paths])


def _time_limits_agree(request: Request) -> Iterator[str]:
    """Source: API StoppingCondition (28 days; MaxWait at least MaxRuntime). Texts observed: "only supported when" in
    Kenza-AI/sagify#111, 2020; "must be present and be greater" quoted by users of DeepAR. That of 28 days is ours."""
    limits = request.get("StoppingCondition", {})
    longest = limits.get("MaxRuntimeInSeconds", DEFAULT_RUN)
    if longest > LONGEST_RUN:
        fault = wording.fault(longest, "stoppingCondition.maxRuntimeInSeconds", wording.greatest(LONGEST_RUN))
        yield wording.faults([fault])
    wait = limits.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait is not None:
            yield "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
    elif wait is None or wait < longest:
        yield (
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            " when EnableManagedSpotTraining is set to true"
        )


def _channels_are_distinct(request: Request) -> Iterator[str]:
    """A channel's name is its folder (developer guide, your-algorithms-training-algo-running-container). Ours."""
    names = Counter(channel["ChannelName"] for channel in request.get("InputDataConfig", ()))
    repeated = sorted(name for name, count in names.items() if count > 1)
    if repeated:
        yield f"Channel names in InputDataConfig must be unique, and these are repeated: {', '.join(repeated)}"


def _channels_have_one_source(request: Request) -> Iterator[str]:
    """Source: API DataSource; the text is ours."""
    for channel in request.get("InputDataConfig", ()):
        sources = [name for name, source in channel["DataSource"].items() if source is not None]
        if len(sources) != 1:
            held = " and ".join(sources) or "none"
            yield f"The channel '{channel['ChannelName']}' must have exactly one data source, and has {held}"


def _channels_suit_their_mode(request: Request) -> Iterator[str]:
    """Gzip and RecordIO are for Pipe channels. Source: API Channel and its developer guide pages; the text is ours."""
    mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode")
    for channel in request.get("InputDataConfig", ()):
        own = channel.get("InputMode", mode)
        for member, value in (("CompressionType", "Gzip"), ("RecordWrapperType", "RecordIO")):
            if channel.get(member) == value and own != "Pipe":
                yield (
                    f"{member} {value} is only supported in Pipe input mode, and the channel"
                    f" '{channel['ChannelName']}' has the input mode {own}"
                )


def _checkpoints_have_their_own_folder(request: Request) -> Iterator[str]:
    """Source: the text was observed for TensorBoardOutputConfig (aws/amazon-sagemaker-examples#3620, 2022, reserved
    there: /opt/ml, /tmp, /usr/local/nvidia); for checkpoints /opt/ml/checkpoints and /state were seen to work, so the
    list is ours."""
    path = request.get("CheckpointConfig", {}).get("LocalPath")
    if path is None:
        return
    if not path.startswith("/"):
        yield f'"LocalPath" of "CheckpointConfig" must be an absolute path, not \'{path}\''
    folder = "/" + posixpath.normpath(path).strip("/")
    if any(f"{folder}/".startswith(f"{reserved}/") for reserved in RESERVED_FOR_CHECKPOINTS):
        reserved = ", ".join(RESERVED_FOR_CHECKPOINTS)
        yield f'"LocalPath" of "CheckpointConfig" cannot start with the following reserved path: [{reserved}]'
    if folder in ("/", "/opt", "/opt/ml"):
        yield f'"LocalPath" of "CheckpointConfig" cannot be {folder}, which holds folders of the job itself'


def _model_has_a_container(request: Request) -> Iterator[str]:
    """Source: API CreateModel; the text is ours."""
    primary, pipeline = "PrimaryContainer" in request, bool(request.get("Containers"))
    if primary and pipeline:
        yield "Specify either PrimaryContainer or Containers, not both"
    elif not primary and not pipeline:
        yield "Specify the model's container in PrimaryContainer"


def _containers_have_an_image(request: Request) -> Iterator[str]:
    """Text observed at CreateModel in a public deployment script, 2023. The sum of the environment is limited to
    32 KB by API ContainerDefinition; that text is ours."""
    pairs: list[tuple[str, str]] = []
    primary = [request["PrimaryContainer"]] if "PrimaryContainer" in request else []
    for container in (*primary, *request.get("Containers", ())):
        if bool(container.get("Image")) == bool(container.get("ModelPackageName")):
            yield "Specify one of either Image and Model Data URL or ModelPackageName in container definition."
        if container.get("ModelDataUrl") and container.get("ModelDataSource"):
            yield "Specify either ModelDataUrl or ModelDataSource in container definition, not both"
        pairs.extend(container.get("Environment", {}).items())
    size = sum(len(text.encode("utf-8", "surrogatepass")) for pair in pairs for text in pair)
    if size > ENVIRONMENT_BYTES:
        yield f"The model's environment variables have {size} bytes together, and at most {ENVIRONMENT_BYTES} may be"


def _payloads_are_bounded(request: Request) -> Iterator[str]:
    """At most 100 MB in one request, and in all that are under way at once. Source: API CreateTransformJob; ours.
    Whether the product is also held to 100 when MaxPayloadInMB is left at its default of 6 is not known: not here.
    A BatchStrategy without a SplitType is accepted and has no effect, as the API words it."""
    payload = request.get("MaxPayloadInMB")
    if payload is None:
        return
    if payload > LARGEST_PAYLOAD:
        yield wording.faults([wording.fault(payload, "maxPayloadInMB", wording.greatest(LARGEST_PAYLOAD))])
    concurrent = request.get("MaxConcurrentTransforms", 0)
    if payload * concurrent > LARGEST_PAYLOAD:
        yield (
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {LARGEST_PAYLOAD},"
            f" and {concurrent} * {payload} is {payload * concurrent}"
        )


_RULES: Mapping[str, tuple[Rule, ...]] = {
    "CreateTrainingJob": (
        _names_an_algorithm,
        _metric_regexes_are_regexes,
        _resources_are_whole,
        _time_limits_agree,
        _channels_are_distinct,
        _channels_have_one_source,
        _channels_suit_their_mode,
        _checkpoints_have_their_own_folder,
        buckets_are_named,
    ),
    "CreateModel": (_model_has_a_container, _containers_have_an_image, buckets_are_named),
    "CreateTransformJob": (_payloads_are_bounded, buckets_are_named),
}

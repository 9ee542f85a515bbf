"""Every member of CreateModel and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_HOST = "tests/hosting/test_host.py::test_"
_DATA = "tests/hosting/test_model_data.py::test_"
_KEPT = "tests/requests/test_what_becomes_of_members.py::test_a_recorded_member_of_a_model_is_kept"
_SERVED = f"{_HOST}a_request_becomes_a_container_with_its_model_limits_and_environment"

_ARCHIVE = "smlocal gives a container one model: put all of its files in that"
_HUB = "smlocal has no model hub: put the files below one prefix and name that in S3Uri"
_REGISTRY = "smlocal has no model registry: name the image in Image and the archive in ModelDataUrl"
_PIPELINE = "smlocal serves one container: give it as PrimaryContainer, and try the others one by one"
_S3_MODEL = "S3Uri S3DataType CompressionType ModelAccessConfig ModelAccessConfig.AcceptEula HubAccessConfig"
_S3_MODEL_MORE = "HubAccessConfig.HubContentArn ManifestS3Uri ETag ManifestEtag"


def _s3_model(path: str) -> str:
    return " ".join([path, *(f"{path}.{name}" for name in f"{_S3_MODEL} {_S3_MODEL_MORE}".split())])


_SOURCE = _s3_model("S3DataSource")
_METRICS = "MetricsEndpoints MetricsEndpoints[].MetricsEndpointPath MetricsEndpoints[].MetricPublishFrequencyInSeconds"
_CONTAINER = (  # all members of a ContainerDefinition, as one that is refused whole needs them
    "ContainerHostname Image ImageConfig ImageConfig.RepositoryAccessMode ImageConfig.RepositoryAuthConfig",
    "ImageConfig.RepositoryAuthConfig.RepositoryCredentialsProviderArn Mode ModelDataUrl ModelDataSource",
    *(f"ModelDataSource.{name}" for name in _SOURCE.split()),
    "AdditionalModelDataSources AdditionalModelDataSources[].ChannelName",
    *(f"AdditionalModelDataSources[].{name}" for name in _SOURCE.split()),
    "Environment ModelPackageName InferenceSpecificationName MultiModelConfig MultiModelConfig.ModelCacheSetting",
    "ContainerMetricsConfig",
    *(f"ContainerMetricsConfig.{name}" for name in _METRICS.split()),
)

_DATA_SOURCE = "PrimaryContainer.ModelDataSource.S3DataSource"
_FILES = f"{_DATA}a_model_data_source_becomes_the_files_of_the_model"
_PRIMARY: Decisions = (
    *honoured("PrimaryContainer", "is what serves", _SERVED),
    *recorded("PrimaryContainer.ContainerHostname", "AWS too ignores it for a single container", _KEPT),
    *honoured("PrimaryContainer.Image", "the image that runs", _SERVED),
    *honoured("PrimaryContainer.ImageConfig", "says from where the image comes", _SERVED),
    *honoured(
        "PrimaryContainer.ImageConfig.RepositoryAccessMode",
        "the engine holds the image or pulls it with its own settings",
        _SERVED,
        values=("Platform",),
        otherwise="smlocal has no VPC: pull the image yourself with docker pull, and leave ImageConfig out",
    ),
    *refused(
        "PrimaryContainer.ImageConfig.RepositoryAuthConfig",
        "smlocal calls no Lambda function: sign in to the registry with docker login",
        below=("RepositoryCredentialsProviderArn",),
    ),
    *honoured(
        "PrimaryContainer.Mode",
        "one model is served",
        _SERVED,
        values=("SingleModel",),
        otherwise='smlocal serves one model in a container: use "SingleModel"',
    ),
    *honoured(
        "PrimaryContainer.ModelDataUrl",
        "the archive is unpacked to /opt/ml/model, which is read-only",
        f"{_DATA}an_archive_becomes_the_files_of_the_model",
    ),
    *honoured("PrimaryContainer.ModelDataSource", "says where the model's files come from", _FILES),
    *honoured(_DATA_SOURCE, "they come from an object store", _FILES),
    *honoured(f"{_DATA_SOURCE}.S3Uri", "the archive, the one file, or the prefix of all files", _FILES),
    *honoured(
        f"{_DATA_SOURCE}.S3DataType",
        "one object, or all below a prefix",
        _FILES,
        values=("S3Prefix", "S3Object"),
        otherwise='use "S3Object"',
    ),
    *honoured(
        f"{_DATA_SOURCE}.CompressionType",
        "an archive is unpacked, and other objects are files",
        _FILES,
        values=("None", "Gzip"),
        otherwise='use "Gzip"',
    ),
    *refused(f"{_DATA_SOURCE}.ModelAccessConfig", _HUB, below=("AcceptEula",)),
    *refused(f"{_DATA_SOURCE}.HubAccessConfig", _HUB, below=("HubContentArn",)),
    *refused(f"{_DATA_SOURCE}.ManifestS3Uri", _HUB),
    *refused(f"{_DATA_SOURCE}.ETag", "smlocal takes the object as it is: leave it out"),
    *refused(f"{_DATA_SOURCE}.ManifestEtag", _HUB),
    *refused(
        "PrimaryContainer.AdditionalModelDataSources",
        _ARCHIVE,
        below=("[].ChannelName", *(f"[].{name}" for name in _SOURCE.split())),
    ),
    *honoured("PrimaryContainer.Environment", "is the program's environment", _SERVED),
    *refused("PrimaryContainer.ModelPackageName", _REGISTRY),
    *refused("PrimaryContainer.InferenceSpecificationName", _REGISTRY),
    *refused(
        "PrimaryContainer.MultiModelConfig",
        "smlocal serves one model in a container: leave it out",
        below=("ModelCacheSetting",),
    ),
    *refused(
        "PrimaryContainer.ContainerMetricsConfig",
        "smlocal collects no metrics of a container: leave it out, and read them from its port",
        below=(_METRICS,),
    ),
)

MEMBERS: Decisions = (
    *honoured("ModelName", "names the model and its record", _SERVED),
    *_PRIMARY,
    *refused("Containers", _PIPELINE, below=tuple(f"[].{name}" for names in _CONTAINER for name in names.split())),
    *refused("InferenceExecutionConfig", _PIPELINE, below=("Mode",)),
    *recorded("ExecutionRoleArn", "no role is assumed and no credentials of yours reach the container", _KEPT),
    *recorded("Tags", "AWS too only keeps them", _KEPT, below=("[].Key [].Value",)),
    *refused(
        "VpcConfig",
        "smlocal has no VPC: leave it out, and use EnableNetworkIsolation to see the model without a network",
        below=("SecurityGroupIds Subnets",),
    ),
    *honoured(
        "EnableNetworkIsolation",
        "the container reaches nothing",
        f"{_HOST}isolation_is_the_models",
    ),
)

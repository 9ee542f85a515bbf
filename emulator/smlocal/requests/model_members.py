"""Every member of CreateModel and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, recorded, refused

_MODEL = "tests/hosting/test_model.py::test_"
_DATA = "tests/hosting/test_model_data.py::test_"
_KEPT = "tests/test_journal.py::test_the_request_is_kept_as_it_was_given"

_ARCHIVE = "smlocal serves one model archive: name it in ModelDataUrl"
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

_PRIMARY: Decisions = (
    *honoured("PrimaryContainer", "is what serves", f"{_MODEL}the_image_runs_with_serve"),
    *recorded("PrimaryContainer.ContainerHostname", "AWS too ignores it for a single container", _KEPT),
    *honoured("PrimaryContainer.Image", "the image that runs", f"{_MODEL}the_image_runs_with_serve"),
    *honoured("PrimaryContainer.ImageConfig", "says from where the image comes", f"{_MODEL}the_image_runs_with_serve"),
    *honoured(
        "PrimaryContainer.ImageConfig.RepositoryAccessMode",
        "the engine holds the image or pulls it with its own settings",
        f"{_MODEL}the_image_runs_with_serve",
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
        f"{_MODEL}the_image_runs_with_serve",
        values=("SingleModel",),
        otherwise='smlocal serves one model in a container: use "SingleModel"',
    ),
    *honoured(
        "PrimaryContainer.ModelDataUrl",
        "the archive is unpacked to /opt/ml/model, which is read-only",
        f"{_DATA}an_archive_becomes_the_files_of_the_model",
    ),
    *refused("PrimaryContainer.ModelDataSource", _ARCHIVE, below=(_SOURCE,)),
    *refused(
        "PrimaryContainer.AdditionalModelDataSources",
        _ARCHIVE,
        below=("[].ChannelName", *(f"[].{name}" for name in _SOURCE.split())),
    ),
    *honoured(
        "PrimaryContainer.Environment", "is the program's environment", f"{_MODEL}the_environment_of_the_model_wins"
    ),
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
    *honoured("ModelName", "names the model", _KEPT),
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
        "EnableNetworkIsolation", "the container reaches nothing", f"{_MODEL}an_isolated_model_has_no_credentials"
    ),
)

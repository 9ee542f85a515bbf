"""SM102 and SM113: the image as SageMaker finds it in a registry."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.evidence import Examination

_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI = ("application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json")
_REFUSED = (
    "ValidationException: Unsupported manifest media type {type} for image {image}. Ensure that valid manifest media"
    " type is used for specified image."
)
_TOO_LARGE = "Image size {size} is greater than supported size {limit}"


@rule(
    "SM102",
    Severity.ERROR,
    "aws/amazon-sagemaker-feedback issue 180",
    "mlflow/mlflow issue 13834",
    "docker/buildx issues 1509, 1533",
    "Docker Engine API 1.48, ImageInspect (Descriptor)",
)
def manifest_that_create_model_refuses(examination: Examination) -> Judgement:
    """CreateModel refuses the manifest that would be pushed.

    Why: CreateModel looks at the manifest in the registry and takes Docker's own media type, no OCI one. Since buildx
    0.10 a build attaches a provenance attestation, which makes an OCI index of a single image. It is judged of the
    `oci_layout` that the configuration names or of the image that it names as `published` (a reference in a registry,
    which is asked for the manifest), or else on an engine whose store keeps manifests: Docker with the containerd image
    store (API 1.48 or later), and Podman. Docker's older store makes Docker's own manifest while it pushes, and what
    buildx pushes by itself no engine sees. `smlocal push` sends Docker's own manifest whatever the engine keeps. A list
    of manifests in Docker's media type is a warning: nothing that we know says what CreateModel does with it. Nor is a
    refusal by CreateTrainingJob known.

    Fix: Build with `docker buildx build --provenance=false --sbom=false --output type=docker`, and push that, best with
    `smlocal push`; or push with `--output type=image,push=true,oci-mediatypes=false`.
    """
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    manifest = examination.image.manifest
    if manifest is None:
        return without(Reason.NO_SUCH_CASE, "the engine keeps no manifest, and the configuration names none")
    if manifest.unread:
        return without(Reason.INCONCLUSIVE, f"{manifest.where}: {manifest.unread}")
    seen = f"{manifest.where} has {manifest.media_type}"
    if manifest.media_type == _DOCKER:
        return kept(seen)
    if manifest.media_type in _OCI:
        return broken(seen, sagemaker=_REFUSED.format(type=manifest.media_type, image=examination.image.reference))
    if manifest.media_type == _DOCKER_LIST:
        return broken(seen, severity=Severity.WARNING)
    return without(Reason.INCONCLUSIVE, seen)


@rule(
    "SM113",
    Severity.ERROR,
    "AWS developer guide, serverless-endpoints",
    "aws/deep-learning-containers issue 4616",
)
def larger_than_serverless_allows(examination: Examination) -> Judgement:
    """The image is larger than a serverless endpoint may have.

    Why: A serverless endpoint takes an image of at most 10 GB (10,737,418,240 bytes). It is an error when the
    configuration says `serverless = true`, and otherwise a warning: no other endpoint and no job has such a limit. The
    size is the engine's, of all layers unpacked; what a registry holds of it is compressed and smaller, and which of
    the two SageMaker measures is not documented.

    Fix: Start from a smaller base image, copy what was built out of a build stage, and remove caches in the RUN line
    that makes them. Or take an endpoint with instances.
    """
    asked = examination.asked
    if not asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    size, limit = examination.image.size_bytes, asked.serverless_image_bytes
    if size <= limit:
        return kept(f"it has {size:,} bytes")
    return broken(
        f"it has {size:,} bytes, and {limit:,} are allowed",
        sagemaker=_TOO_LARGE.format(size=size, limit=limit),
        severity=None if asked.serverless else Severity.WARNING,
    )

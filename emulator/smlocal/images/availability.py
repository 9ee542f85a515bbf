"""An image is in the engine before a run begins, or the run fails as SageMaker has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from smlocal import __version__
from smlocal.engine.interface import Engine, EngineFacts, ImageFacts
from smlocal.errors import ImageNotFound
from smlocal.images.references import IMAGE_NAMES

PullPolicy = Literal["never", "missing", "always"]

# What a training job's FailureReason says. Source: aws/sagemaker-python-sdk issue 57.
CANNOT_PULL_TRAINING_IMAGE = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
)
OUR_NAMESPACE = "smlocal/"


def ensure_image(
    engine: Engine,
    reference: str,
    policy: PullPolicy,
    on_line: Callable[[str], None],
    platform_text: str = CANNOT_PULL_TRAINING_IMAGE,
) -> ImageFacts:
    """The image that the engine holds under `reference`, pulled first when `policy` wants it.

    `on_line` takes the pull's progress. smlocal's own images are built here and never pulled. Raises ImageNotFound:
    `platform_text` (what SageMaker says), then what went wrong here and what to do.
    """
    if reference.startswith(OUR_NAMESPACE):
        return _held(engine, reference, f"{platform_text} {_ours(engine, reference)}")
    if policy == "never":
        return _held(engine, reference, f"{platform_text} The engine does not hold {reference}, and --pull is 'never'.")
    if policy == "missing":
        try:
            return engine.image(reference)
        except ImageNotFound:
            on_line(f"{reference} is not in the engine; pulling it")
    try:
        for line in engine.pull(reference):
            on_line(line)
    except ImageNotFound as error:
        raise ImageNotFound(f"{platform_text} {error}") from error
    return engine.image(reference)


def _ours(engine: Engine, reference: str) -> str:
    """What to do about an image of ours that is not there."""
    name = reference.removeprefix(OUR_NAMESPACE).partition(":")[0]
    if name in IMAGE_NAMES and reference.removeprefix(f"{OUR_NAMESPACE}{name}") in ("", ":latest", f":{__version__}"):
        return f"Build it with: smlocal images build {name}"
    held = sorted(tag for facts in engine.images(OUR_NAMESPACE) for tag in facts.tags if tag.startswith(OUR_NAMESPACE))
    return f"smlocal has no image {reference}; the engine holds {', '.join(held) or 'none of smlocal'}."


def _held(engine: Engine, reference: str, sentence: str) -> ImageFacts:
    try:
        return engine.image(reference)
    except ImageNotFound as error:
        raise ImageNotFound(sentence) from error


def engine_has(engine: Engine, reference: str) -> bool:
    """Whether the engine holds an image under this name."""
    try:
        engine.image(reference)
    except ImageNotFound:
        return False
    return True


def architecture_problem(image: ImageFacts, engine: EngineFacts) -> str | None:
    """Why the image's programs may not start on this engine; None when they do."""
    if not image.architecture or image.architecture == engine.architecture:
        return None
    name = image.tags[0] if image.tags else image.id
    return (
        f"{name} is built for {image.architecture} and this engine is {engine.architecture}: its programs start only"
        f" under emulation; rebuild it with: docker build --platform linux/{engine.architecture}"
    )

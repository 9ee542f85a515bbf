"""Which local image stands for the image that a request names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from smlocal.errors import NotSupported, UsageError
from smlocal.images.aws_registries import AwsRegistries, EcrReference, aws_registries, parse_ecr, xgboost_version

IMAGE_NAMES = ("base", "sklearn", "xgboost")  # in the order in which they stand on one another
XGBOOST_REPOSITORY = "smlocal/xgboost"
_PLAYED = "3.0-5"  # whatever version is asked for; container/xgboost/README.md says where others differ
XGBOOST_STAND_IN = f"{XGBOOST_REPOSITORY}:latest"

# The grammar of the distribution project: an optional registry, path components in lower case, a tag, a digest.
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\])(?::\d+)?/|[A-Za-z0-9-]+:\d+/)?"
    rf"{_COMPONENT}(?:/{_COMPONENT})*(?::[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)


@dataclass(frozen=True)
class ResolvedImage:
    """An image as it was asked for and as the engine shall run it."""

    requested: str
    reference: str
    note: str | None = None  # what the user should know when the two differ
    xgboost_version: str | None = None  # the version asked of AWS's XGBoost, such as "1.7-1"


def resolve_image(
    reference: str, engine_has: Callable[[str], bool], registries: AwsRegistries | None = None
) -> ResolvedImage:
    """The local image that stands for `reference`.

    `engine_has` says whether the engine holds a reference: what it holds under the very name that was asked for is
    used as it is. AWS's XGBoost images are played by `smlocal/xgboost`; any other image of AWS's own is refused by
    name; an ECR URI of anybody else falls back on the local image of its repository's name.

    Raises UsageError (not a reference) and NotSupported (an image of AWS's that smlocal has no stand-in for).
    """
    if not _REFERENCE.fullmatch(reference):
        raise UsageError(f"'{reference}' is not an image reference; a good one looks like 'my-image:1.0'")
    ecr = parse_ecr(reference)
    if ecr is None or engine_has(reference):
        return ResolvedImage(reference, reference)
    registries = registries or aws_registries()
    if ecr.account in registries.accounts:
        return _stand_in(reference, ecr, registries)
    if ecr.digest is None and engine_has(ecr.local_name):
        note = f"{reference} is not in the engine; its local namesake {ecr.local_name} is used"
        return ResolvedImage(reference, ecr.local_name, note)
    return ResolvedImage(reference, reference)


def _stand_in(reference: str, ecr: EcrReference, registries: AwsRegistries) -> ResolvedImage:
    repository = registries.xgboost.get(ecr.repository)
    if repository is None:
        raise NotSupported(
            f"{reference} is one of AWS's own images, and smlocal has a stand-in for XGBoost only; pull or tag the"
            " image under this name in the engine to use it as it is"
        )
    account = repository.accounts.get(ecr.region)
    if account != ecr.account:
        known = f"in {ecr.region} it is account {account}'s" if account else f"AWS offers it in no region {ecr.region}"
        raise NotSupported(f"{reference}: account {ecr.account} does not offer {ecr.repository} there ({known})")
    if ecr.tag is None:
        raise NotSupported(f"{reference} names no version of XGBoost; known versions: {_listed(repository.versions)}")
    version = xgboost_version(ecr.tag)
    if version not in repository.versions:
        raise NotSupported(
            f"{reference}: AWS offers no version '{ecr.tag}' of {ecr.repository}; known versions:"
            f" {_listed(repository.versions)}"
        )
    note = f"AWS's XGBoost {version} is played by {XGBOOST_STAND_IN}, which behaves as {_PLAYED}"
    return ResolvedImage(reference, XGBOOST_STAND_IN, note, version)


def _listed(versions: frozenset[str]) -> str:
    return ", ".join(sorted(versions, key=lambda text: [int(part) for part in re.findall(r"\d+", text)]))

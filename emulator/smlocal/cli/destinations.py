"""Images in registries, as the user names them for `push` and `verify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.registry.ecr import EcrRepository
    from smlocal.registry.ecr_uri import EcrUri
    from smlocal.registry.interface import Repository
    from smlocal.wiring import Program


@dataclass(frozen=True)
class Named:
    """A name in a registry, understood and not looked up yet."""

    text: str
    repository: str  # registry and repository
    tag: str | None
    digest: str | None
    ecr: EcrUri | None  # None: another registry


@dataclass(frozen=True)
class Opened:
    """The repository behind a name. `ecr` is the same one, where it is ECR's; `talks_to` says who will be asked."""

    repository: Repository
    ecr: EcrRepository | None
    talks_to: str


def named(text: str) -> Named:
    """Raises UsageError for what names no image in a registry."""
    from smlocal.registry.ecr_uri import ecr_of, refuse_misspelt
    from smlocal.registry.reference import parse_reference

    ecr = ecr_of(text)
    if ecr is not None:
        return Named(text, ecr.name, ecr.tag, ecr.digest, ecr)
    refuse_misspelt(text)
    if "/" not in text:
        raise UsageError(
            f"'{text}' names no registry; write one before it, such as"
            f" 123456789012.dkr.ecr.eu-west-1.amazonaws.com/{text}"
        )
    found = parse_reference(text)
    return Named(text, found.repository, found.tag, found.digest, None)


def with_a_tag(text: str) -> Named:
    """Where an image can be pushed to. Raises UsageError."""
    found = named(text)
    if found.digest is not None:
        raise UsageError(f"'{text}' names a digest, which only what is pushed decides; name a tag alone")
    if found.tag is None:
        raise UsageError(
            f"'{text}' names no tag; write one ({text}:1.0), or :latest if that is what you mean: a gate makes up no"
            " name for what goes to production"
        )
    return found


def opened(program: Program, name: Named) -> Opened:
    """Nothing is sent yet. Raises RegistryError."""
    if name.ecr is None:
        from smlocal.registry.reference import parse_reference

        reference = parse_reference(name.text)
        return Opened(program.repository(reference), None, f"the registry {reference.registry}")
    ecr = program.ecr_repository(name.ecr)
    place = program.settings.registry_endpoint_url or f"https://{name.ecr.host}"
    return Opened(ecr, ecr, f"AWS: ECR's API at {ecr.endpoint_url}, the registry at {place}")

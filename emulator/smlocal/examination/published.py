"""The manifest that CreateModel would find: what a registry has under the reference of an image that was pushed."""

from __future__ import annotations

from collections.abc import Callable

from smlocal.errors import NotInRegistry, RegistryError
from smlocal.evidence import PushedManifest
from smlocal.registry.interface import Repository
from smlocal.registry.reference import RegistryReference


def published_manifest(
    repository: Callable[[RegistryReference], Repository], reference: RegistryReference
) -> PushedManifest:
    """Its media type, or why that is not known: what a registry does or refuses breaks no examination."""
    wanted = reference.digest or reference.tag or "latest"
    try:
        return PushedManifest(repository(reference).manifest(wanted).media_type, str(reference))
    except NotInRegistry:
        return PushedManifest("", str(reference), "the registry has no such image")
    except RegistryError as error:
        return PushedManifest("", str(reference), str(error))

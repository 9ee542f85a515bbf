"""The name of an image in a registry: `host[:port]/name[:tag][@digest]`.

Source: the grammar of references in the distribution project (its package `reference`), with Docker's reading of a name
that names no registry: it is Docker Hub's, and a name of one component is `library/name` there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smlocal.errors import UsageError

DOCKER_HUB = "docker.io"
_HUB_ALIASES = ("index.docker.io", "registry-1.docker.io")
_NAME_LENGTH = 255  # of registry and path together, as the distribution project counts

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{{1,5}}))?")
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class RegistryReference:
    """An image, or a repository of images, in a registry."""

    registry: str  # host and port: "registry.example:5000"
    name: str  # of the repository within the registry: "team/model"
    tag: str | None = None
    digest: str | None = None  # "sha256:" and 64 hexadecimal digits

    @property
    def repository(self) -> str:
        """Registry and name, as a reference begins."""
        return f"{self.registry}/{self.name}"

    def __str__(self) -> str:
        tag = "" if self.tag is None else f":{self.tag}"
        return self.repository + tag + ("" if self.digest is None else f"@{self.digest}")


def parse_reference(text: str) -> RegistryReference:
    """Raises UsageError for what is no reference, with the part that is wrong."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _wrong(text, f"'{digest}' is no digest (sha256: and 64 lower-case hexadecimal digits)")
    first, slash, path = rest.partition("/")
    if slash and _names_a_host(first):
        registry = _checked_host(text, first)
    else:
        registry, path = DOCKER_HUB, rest
    path, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _wrong(
            text, f"'{tag}' is no tag (up to 128 letters, digits, '_', '.' and '-', not beginning with '.' or '-')"
        )
    if not _PATH.fullmatch(path):
        raise _wrong(
            text, f"'{path}' is no name of a repository (lower-case letters, digits, and '/', '.', '_', '-' between)"
        )
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if len(registry) + 1 + len(path) > _NAME_LENGTH:
        raise _wrong(text, f"its name is longer than {_NAME_LENGTH} characters")
    return RegistryReference(registry, path, tag or None, digest or None)


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def _names_a_host(component: str) -> bool:
    """Docker's rule: what could not be a component of a path, or is "localhost"."""
    return any(mark in component for mark in ".:[") or component == "localhost" or component.lower() != component


def _checked_host(text: str, host: str) -> str:
    found = _HOST.fullmatch(host)
    if not found or int(found["port"] or 1) not in range(1, 65536):
        raise _wrong(text, f"'{host}' is no host of a registry")
    host = host.lower()
    return DOCKER_HUB if host in _HUB_ALIASES else host


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        f"'{text}' is not an image in a registry: {why}; a good one looks like 'registry.example/team/model:1.0'"
    )

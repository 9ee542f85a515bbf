"""One repository of a registry, as publishing an image needs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


def digest_of(content: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says of a blob or of another manifest. `size` in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """A manifest as it is on the wire: its digest is that of exactly these bytes."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return digest_of(self.content)


class Repository(Protocol):
    """One repository. Any operation raises RegistryUnreachable (no complete answer, after every retry), RegistryDenied
    (credentials or permission), RegistryError (any other refusal; the text is the registry's own, with what mends it).
    """

    name: str  # registry and repository, as an image reference begins: "registry.example:5000/team/model"

    def manifest(self, reference: str) -> Manifest:
        """The manifest under a tag or a digest, byte for byte; what does not hash to the digest that was asked for, or
        that the registry says that it has, raises RegistryError. Raises NotInRegistry."""
        ...

    def has_blob(self, digest: str) -> bool: ...

    def blob(self, digest: str, limit: int) -> bytes:
        """A small blob, checked against its digest. Raises NotInRegistry; RegistryError when it is longer than `limit`
        bytes."""
        ...

    def push_blob(
        self, blob: Descriptor, read: Callable[[], BinaryIO], on_sent: Callable[[int], None] = lambda total: None
    ) -> None:
        """Send a blob, unless it is there. `read` opens its bytes anew for each try; an upload that broke off goes on
        where the registry has got to. `on_sent` is called in this thread with the bytes that have gone so far (fewer
        again after a fault; all of them for a blob that was there), and stops the upload by raising anything."""
        ...

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        """Under a tag; None: under its digest alone, so that no name leads to it. Raises TagIsTaken for a tag that is
        immutable and in use."""
        ...

    def remove_manifest(self, digest: str) -> None:
        """With every tag that names it: ask `tags_of` first. Raises NotInRegistry; RegistryError where the registry
        removes nothing."""
        ...

    def tags_of(self, digest: str) -> tuple[str, ...]:
        """The tags that name this manifest now; RegistryError where that cannot be found out."""
        ...

    def remove_tag(self, tag: str) -> None:
        """The name alone; the manifest stays. Raises NotInRegistry; RegistryError where the registry removes no name
        alone (distribution before 3.0)."""
        ...

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """What is attached to the manifest with this digest: by the referrers API, or by the tag that stands for it."""
        ...

    def attach(self, manifest: Manifest, subject: str) -> None:
        """Put a manifest whose `subject` is the digest given; where the registry has no referrers API, also into the
        index under the tag that stands for it (`sha256-<hex>`)."""
        ...

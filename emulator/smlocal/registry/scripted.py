"""A repository in memory, for tests: ours, and those of whoever builds on smlocal.

    repository = ScriptedRepository("registry.example/team/model")
    repository.push_blob(Descriptor(DOCKER_LAYER, digest_of(layer), len(layer)), lambda: io.BytesIO(layer))
    repository.put_manifest(manifest, "1.0")
    assert repository.tags == {"1.0": manifest.digest}

It refuses what a registry refuses: bytes that are not those of their digest, a manifest whose blobs are not there, a
tag that is immutable (`immutable=True`) and taken, removal (`removes=False`). What goes wrong besides is told to it:
`repository.away = True`, `repository.fail("put_manifest", RegistryDenied("..."))`, `repository.break_off(after=1000)`;
`repository.calls` holds every call as its name and what it was for.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

from smlocal.errors import NotInRegistry, RegistryError, RegistryUnreachable, TagIsTaken
from smlocal.registry.interface import Descriptor, Manifest
from smlocal.registry.reference import is_digest
from smlocal.registry.referrers import check_subject, listed, referrers_tag, subject_of, with_referrer

_PIECE = 64 * 1024


def _nothing(total: int) -> None:
    """Nobody wants to know."""


class ScriptedRepository:
    """One repository. Thread safe. `manifests` and `blobs` are by digest; `tags` are digests by name."""

    def __init__(
        self,
        name: str = "registry.example/team/model",
        *,
        immutable: bool = False,
        removes: bool = True,
        removes_tags: bool = True,
        lists_referrers: bool = True,
    ) -> None:
        """`lists_referrers=False` is a registry before OCI 1.1: what is attached is in an index under a tag."""
        self.name = name
        self.immutable = immutable
        self.removes = removes
        self.removes_tags = removes_tags
        self.lists_referrers = lists_referrers
        self.away = False  # no answer to anything
        self.manifests: dict[str, Manifest] = {}
        self.tags: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self._failures: dict[str, deque[Exception]] = {}
        self._break_after: int | None = None
        self._lock = threading.RLock()

    # what goes wrong

    def fail(self, method: str, error: Exception, times: int = 1) -> None:
        """The next `times` calls of `method` raise `error`, without doing anything."""
        self._failures.setdefault(method, deque()).extend([error] * times)

    def break_off(self, after: int) -> None:
        """The next upload breaks off for good after so many bytes."""
        self._break_after = after

    def _enter(self, method: str, about: str) -> None:
        with self._lock:
            self.calls.append((method, about))
            if self.away:
                raise RegistryUnreachable(f"{self.name} does not answer")
            if waiting := self._failures.get(method):
                raise waiting.popleft()

    # what Repository has

    def manifest(self, reference: str) -> Manifest:
        self._enter("manifest", reference)
        return self._manifest(reference)

    def has_blob(self, digest: str) -> bool:
        self._enter("has_blob", digest)
        return digest in self.blobs

    def blob(self, digest: str, limit: int) -> bytes:
        self._enter("blob", digest)
        found = self.blobs.get(digest)
        if found is None:
            raise NotInRegistry(f"{self.name} has no blob {digest}")
        if len(found) > limit:
            raise RegistryError(f"the blob {digest} in {self.name} is longer than {limit} bytes")
        return found

    def push_blob(
        self, blob: Descriptor, read: Callable[[], BinaryIO], on_sent: Callable[[int], None] = _nothing
    ) -> None:
        self._enter("push_blob", blob.digest)
        if blob.digest in self.blobs:
            on_sent(blob.size)
            return
        content = self._received(read, on_sent)
        if len(content) != blob.size or f"sha256:{hashlib.sha256(content).hexdigest()}" != blob.digest:
            raise RegistryError(
                f"{self.name} refused {blob.digest}: the bytes that were sent are not those of the digest"
            )
        with self._lock:
            self.blobs[blob.digest] = content
        on_sent(blob.size)

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        self._enter("put_manifest", tag or manifest.digest)
        self._put(manifest, tag)

    def remove_manifest(self, digest: str) -> None:
        """Removes the tags that name it as well, as registries do."""
        self._enter("remove_manifest", digest)
        with self._lock:
            if not self.removes:
                raise RegistryError(f"{self.name} removes nothing")
            if digest not in self.manifests:
                raise NotInRegistry(f"{self.name} has no manifest {digest}")
            del self.manifests[digest]
            self.tags = {tag: named for tag, named in self.tags.items() if named != digest}

    def tags_of(self, digest: str) -> tuple[str, ...]:
        self._enter("tags_of", digest)
        with self._lock:
            return tuple(tag for tag, named in self.tags.items() if named == digest)

    def remove_tag(self, tag: str) -> None:
        self._enter("remove_tag", tag)
        with self._lock:
            if not self.removes_tags:
                raise RegistryError(f"{self.name} removes no tag alone")
            if tag not in self.tags:
                raise NotInRegistry(f"{self.name} has no tag {tag}")
            del self.tags[tag]

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        self._enter("referrers", digest)
        with self._lock:
            if not self.lists_referrers:
                index = self.tags.get(referrers_tag(digest))
                return () if index is None else listed(self.manifests[index].content)
            attached = [item for item in self.manifests.values() if subject_of(item) == digest]
            return tuple(Descriptor(item.media_type, item.digest, len(item.content)) for item in attached)

    def attach(self, manifest: Manifest, subject: str) -> None:
        self._enter("attach", subject)
        check_subject(manifest, subject)
        with self._lock:
            self._put(manifest, None)
            if self.lists_referrers:
                return
            tag = referrers_tag(subject)
            index = with_referrer(self._manifest(tag) if tag in self.tags else None, manifest)
            if index is not None:
                self._put(index, tag)

    def _manifest(self, reference: str) -> Manifest:
        with self._lock:
            found = self.manifests.get(reference if is_digest(reference) else self.tags.get(reference, ""))
        if found is None:
            raise NotInRegistry(f"{self.name} has no manifest {reference}")
        return found

    def _put(self, manifest: Manifest, tag: str | None) -> None:
        with self._lock:
            for digest in _needs(manifest):
                if digest not in self.blobs and digest not in self.manifests:
                    raise RegistryError(f"{self.name} refused {manifest.digest}: it has no blob {digest}")
            if tag is not None and self.immutable and self.tags.get(tag, manifest.digest) != manifest.digest:
                raise TagIsTaken(f"the tag {tag} of {self.name} is immutable and in use")
            self.manifests[manifest.digest] = manifest
            if tag is not None:
                self.tags[tag] = manifest.digest

    def _received(self, read: Callable[[], BinaryIO], on_sent: Callable[[int], None]) -> bytes:
        content = bytearray()
        with read() as source:
            while piece := source.read(_PIECE):
                content += piece
                if self._break_after is not None and len(content) >= self._break_after:
                    on_sent(self._break_after)
                    self._break_after = None
                    raise RegistryUnreachable(f"{self.name} broke off")
                on_sent(len(content))
        return bytes(content)


def _needs(manifest: Manifest) -> list[str]:
    """The digests of the blobs and manifests that a manifest consists of."""
    try:
        content = json.loads(manifest.content)
        parts = [content.get("config"), *content.get("layers", ()), *content.get("manifests", ())]
        return [part["digest"] for part in parts if part is not None]
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise RegistryError(f"the manifest {manifest.digest} is invalid") from error

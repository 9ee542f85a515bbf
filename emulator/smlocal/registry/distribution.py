"""A repository of any registry that speaks the distribution protocol.

Sources: the OCI distribution specification 1.1; what registries do beyond it stands where it matters. A manifest put
under its digest alone, without a tag, was run on Debian's docker-registry 2.8.2, and is what others do with Amazon ECR
(awslabs/amazon-ecr-containerd-resolver pull request 19) and GHCR, Quay and Harbor (BuildKit's `push-by-digest`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

from smlocal.errors import NotInRegistry, RegistryError, TagIsTaken
from smlocal.http_client import HttpClient
from smlocal.registry.authorization import DELETE, PULL, PUSH
from smlocal.registry.credentials import FindCredentials
from smlocal.registry.interface import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    digest_of,
)
from smlocal.registry.reference import RegistryReference, is_digest, is_tag
from smlocal.registry.referrers import check_subject, listed, referrers_tag, with_referrer
from smlocal.registry.retries import Patience
from smlocal.registry.source import Source
from smlocal.registry.upload import CHUNK_BYTES, BlobUpload
from smlocal.registry.wire import ANSWER_BYTES, Answer, RegistryWire

MANIFEST_BYTES = 4 * 1024 * 1024  # what the specification has registries accept at least
_ACCEPTED = ", ".join((DOCKER_MANIFEST, OCI_MANIFEST, OCI_INDEX, DOCKER_LIST))
_GOOD = (200, 201, 202, 204)
_PAGES = 20  # of referrers, of tags
_MOST_TAGS = 500  # to ask what each of them names
_MOST_REFERRERS = 10_000
_ATTACH_TRIES = 4  # of an index that somebody else changes at the same time


def _nothing(total: int) -> None:
    """Nobody wants to know."""


class DistributionRepository:
    """The repository of a reference (its tag and digest do not matter)."""

    def __init__(
        self,
        reference: RegistryReference,
        http: HttpClient,
        find_credentials: FindCredentials = lambda: None,
        *,
        plain_http: bool = False,
        patience: Patience | None = None,
        chunk_bytes: int | None = CHUNK_BYTES,
    ) -> None:
        """`find_credentials` is asked whenever the registry wants some, and may be asked again when they have expired.
        `chunk_bytes`: of one request of an upload; None: each blob in one, which Amazon ECR needs."""
        self.name = reference.repository
        self._wire = RegistryWire(reference, http, find_credentials, patience or Patience(), plain_http=plain_http)
        self._chunk_bytes = chunk_bytes
        self._begun: dict[str, str] = {}  # digest -> where an upload that failed goes on, while this process lives

    def manifest(self, reference: str) -> Manifest:
        doing = f"reading the manifest {reference}"
        answer = self._wire.ask(
            doing, "GET", f"/manifests/{reference}", headers={"Accept": _ACCEPTED}, limit=MANIFEST_BYTES
        )
        if answer.status != 200:
            raise self._refused(answer, doing)
        manifest = Manifest(_media_type(answer), answer.body)
        self._check_digest(answer, manifest.digest, reference)
        return manifest

    def has_blob(self, digest: str) -> bool:
        return self._has_blob(digest, PULL)

    def blob(self, digest: str, limit: int) -> bytes:
        doing = f"reading the blob {digest}"
        answer = self._wire.ask(doing, "GET", f"/blobs/{digest}", limit=max(limit, ANSWER_BYTES))
        if answer.status != 200:
            raise self._refused(answer, doing)
        if len(answer.body) > limit:
            raise RegistryError(f"{doing}: in {self.name} it is longer than {limit} bytes")
        if digest_of(answer.body) != digest:
            raise RegistryError(f"{self.name} answered with other bytes than those of the blob {digest}")
        return answer.body

    def push_blob(
        self, blob: Descriptor, read: Callable[[], BinaryIO], on_sent: Callable[[int], None] = _nothing
    ) -> None:
        """An upload that failed goes on where it was when the same object is asked again; a new process begins anew,
        since where it was is kept in memory only."""
        if not self._has_blob(blob.digest, PUSH):
            upload = BlobUpload(
                self._wire, blob, Source(blob, read), on_sent, self._chunk_bytes, self._begun.pop(blob.digest, None)
            )
            try:
                upload.run()
            finally:
                if upload.location is not None:
                    self._begun[blob.digest] = upload.location
        on_sent(blob.size)

    def put_manifest(self, manifest: Manifest, tag: str | None = None) -> None:
        try:
            self._put(manifest, tag or manifest.digest)
        except TagIsTaken:
            # Amazon ECR refuses an immutable tag even for the manifest that it names (aws/containers-roadmap, 2380).
            if tag is None or not self._is_under(tag, manifest.digest):
                raise

    def remove_manifest(self, digest: str) -> None:
        doing = f"removing the manifest {digest}"
        answer = self._wire.ask(doing, "DELETE", f"/manifests/{digest}", action=DELETE)
        if answer.status not in _GOOD:
            raise self._refused(answer, doing)

    def tags_of(self, digest: str) -> tuple[str, ...]:
        """The protocol knows the way from a tag to its manifest only: each tag is asked."""
        return tuple(tag for tag in self._tags() if self._is_under(tag, digest))

    def remove_tag(self, tag: str) -> None:
        """The specification has removal by tag since 1.0; distribution before 3.0 refuses it (observed: 2.8.2)."""
        doing = f"removing the tag {tag}"
        answer = self._wire.ask(doing, "DELETE", f"/manifests/{tag}", action=DELETE)
        if answer.status not in _GOOD:
            raise self._refused(answer, doing)

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        found = self._listed_referrers(digest)
        if found is not None:
            return found
        try:
            return listed(self.manifest(referrers_tag(digest)).content)
        except NotInRegistry:
            return ()

    def attach(self, manifest: Manifest, subject: str) -> None:
        """Whether the registry keeps the list is asked of the list itself: Amazon ECR answered with OCI-Subject before
        it had one, Harbor had one without (sigstore/sigstore-js pull request 1183; goharbor/harbor issue 18865)."""
        check_subject(manifest, subject)
        self.put_manifest(manifest)
        if self._listed_referrers(subject) is not None:
            return
        tag = referrers_tag(subject)
        for _ in range(_ATTACH_TRIES):
            try:
                index = with_referrer(self.manifest(tag), manifest)
            except NotInRegistry:
                index = with_referrer(None, manifest)
            if index is None:
                return
            self.put_manifest(index, tag)
        raise RegistryError(f"others change what is attached to {subject} in {self.name} all the time; try again")

    def _has_blob(self, digest: str, action: str) -> bool:
        doing = f"looking for the blob {digest}"
        answer = self._wire.ask(doing, "HEAD", f"/blobs/{digest}", action=action)
        if answer.status == 404:
            return False
        if answer.status >= 400:
            raise self._refused(answer, doing)
        return True

    def _put(self, manifest: Manifest, reference: str) -> None:
        doing = f"writing the manifest {reference}"
        headers = {"Content-Type": manifest.media_type}
        answer = self._wire.ask(
            doing, "PUT", f"/manifests/{reference}", action=PUSH, headers=headers, body=manifest.content
        )
        if answer.status not in _GOOD:
            raise self._refused(answer, doing)
        self._check_digest(answer, manifest.digest, reference)

    def _is_under(self, tag: str, digest: str) -> bool:
        try:
            return self.manifest(tag).digest == digest
        except NotInRegistry:
            return False

    def _tags(self) -> list[str]:
        found: list[str] = []
        path: str | None = f"/tags/list?n={_MOST_TAGS}"
        for _ in range(_PAGES):
            if path is None:
                return found
            answer = self._wire.ask("listing the tags", "GET", path, limit=MANIFEST_BYTES)
            if answer.status == 404:
                return found
            if answer.status != 200:
                raise self._refused(answer, "listing the tags")
            found += _names(answer.body)
            if len(found) > _MOST_TAGS:
                break
            path = _next_page(answer, "/tags/list")
        raise RegistryError(f"{self.name} has more than {_MOST_TAGS} tags, too many to ask what each of them names")

    def _listed_referrers(self, digest: str) -> tuple[Descriptor, ...] | None:
        """By the referrers API; None where there is none."""
        found: list[Descriptor] = []
        path: str | None = f"/referrers/{digest}"
        for _ in range(_PAGES):
            if path is None:
                return tuple(found)
            doing = f"listing what is attached to {digest}"
            answer = self._wire.ask(doing, "GET", path, headers={"Accept": OCI_INDEX}, limit=MANIFEST_BYTES)
            if answer.status in (401, 403):
                raise self._refused(answer, doing)
            if answer.status != 200 or _media_type(answer) != OCI_INDEX:
                return None
            found.extend(listed(answer.body))
            if len(found) > _MOST_REFERRERS:
                break
            path = _next_page(answer, f"/referrers/{digest}")
        raise RegistryError(f"{self.name} lists what is attached to {digest} without end")

    def _check_digest(self, answer: Answer, digest: str, reference: str) -> None:
        """Against what was asked for, and against what the registry says (in an algorithm that we know)."""
        said = answer.headers.get("Docker-Content-Digest", digest)
        wrong = said.startswith("sha256:") and said != digest
        if wrong or (is_digest(reference) and reference != digest):
            raise RegistryError(
                f"{self.name} has other bytes under {reference} than it says: their digest is {digest}; ask whoever"
                " runs the registry, and use nothing of it until then"
            )

    def _refused(self, answer: Answer, doing: str) -> RegistryError:
        return self._wire.refusal(answer, doing)


def _media_type(answer: Answer) -> str:
    """Of the header; where it says nothing of worth, of the manifest itself."""
    said = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if said not in ("", "application/json", "application/octet-stream", "text/plain"):
        return said
    try:
        found = json.loads(answer.body).get("mediaType")
    except (ValueError, AttributeError, RecursionError):
        found = None
    return found if isinstance(found, str) else said


def _names(body: bytes) -> list[str]:
    """The tags of one page; a repository without any may say null."""
    try:
        tags = json.loads(body)["tags"] or []
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError("the registry's list of tags is none") from error
    return [tag for tag in tags if isinstance(tag, str) and is_tag(tag)] if isinstance(tags, list) else []


def _next_page(answer: Answer, path: str) -> str | None:
    """The path of the next page, from RFC 8288's Link header; only its parameters are taken over."""
    target, _, attributes = answer.headers.get("Link", "").partition(">")
    if 'rel="next"' not in attributes.replace("rel=next", 'rel="next"'):
        return None
    try:
        query = urlsplit(urljoin(answer.url, target.strip(" <"))).query
    except ValueError:
        return None
    return f"{path}?{query}" if query else None

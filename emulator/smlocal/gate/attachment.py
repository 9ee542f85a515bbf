"""A statement beside its image in the registry: an OCI manifest whose subject is the image, and how it is found again.

Source: the OCI image specification 1.1, "Guidelines for Artifact Usage" (the empty descriptor, artifactType, subject).
The annotation that names the predicate is that of BuildKit's attestations (docs.docker.com, attestation-storage).
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from smlocal.errors import NotInRegistry, RegistryError
from smlocal.gate.statement import IN_TOTO, LONGEST, PREDICATE_TYPE, NoStatement, Statement, read_statement
from smlocal.registry.interface import OCI_MANIFEST, Descriptor, Manifest, Repository, digest_of

PREDICATE = "in-toto.io/predicate-type"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_MOST = 100  # things attached to an image that are looked at


def attach_statement(repository: Repository, content: bytes, image: Manifest) -> str:
    """Put a statement beside the image; gives the digest under which it is found. Raises RegistryError."""
    blobs = [(_EMPTY_TYPE, _EMPTY), (IN_TOTO, content)]
    config, layer = (Descriptor(kind, digest_of(data), len(data)) for kind, data in blobs)
    for blob, (_, data) in zip((config, layer), blobs, strict=True):
        repository.push_blob(blob, lambda data=data: io.BytesIO(data))  # type: ignore[misc]
    annotations = {PREDICATE: PREDICATE_TYPE}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": IN_TOTO,
        "config": _entry(config),
        "layers": [{**_entry(layer), "annotations": annotations}],
        "subject": _entry(Descriptor(image.media_type, image.digest, len(image.content))),
        "annotations": annotations,
    }
    manifest = Manifest(OCI_MANIFEST, json.dumps(document, separators=(",", ":"), sort_keys=True).encode())
    repository.attach(manifest, image.digest)
    return manifest.digest


def _entry(blob: Descriptor) -> dict[str, Any]:
    return {"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size}


def find_statement(repository: Repository, digest: str) -> tuple[Statement, str]:
    """The newest verdict that is attached to an image and is about it, with the digest of what it was found in.

    Raises NoStatement when there is none that can be read; RegistryError.
    """
    found: list[tuple[Statement, str]] = []
    problems: list[str] = []
    for where, content in _contents(repository, digest):
        try:
            statement = read_statement(content, f"the statement {where}")
        except NoStatement as error:
            problems.append(str(error))
            continue
        if statement.subject == digest:
            found.append((statement, where))
        else:
            problems.append(f"the statement {where} is about {statement.subject}")
    if not found:
        why = f" ({'; '.join(problems)})" if problems else ""
        raise NoStatement(f"no verdict of smlocal's is attached to {digest}{why}: push it with --attach")
    return max(found, key=lambda item: item[0].examined_at)


def _contents(repository: Repository, digest: str) -> Iterator[tuple[str, bytes]]:
    """Every in-toto document of our kind that is attached. What is gone since it was listed is left out."""
    for attached in repository.referrers(digest)[:_MOST]:
        if attached.media_type != OCI_MANIFEST:
            continue
        try:
            for layer in _layers(repository.manifest(attached.digest)):
                yield attached.digest, repository.blob(layer, LONGEST)
        except NotInRegistry:
            continue


def _layers(manifest: Manifest) -> list[str]:
    """The digests of the documents in a manifest. Raises RegistryError for one that is none."""
    try:
        document = json.loads(manifest.content)
        return [
            str(layer["digest"])
            for layer in document.get("layers", ())
            if layer.get("mediaType") == IN_TOTO
            and (layer.get("annotations") or {}).get(PREDICATE, PREDICATE_TYPE) == PREDICATE_TYPE
        ]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError(f"the manifest {manifest.digest} is invalid") from error

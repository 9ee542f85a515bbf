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
from smlocal.registry.reference import is_digest

PREDICATE = "in-toto.io/predicate-type"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_MOST = 200  # things attached to an image that are looked at
_TOLD = 3  # of what is wrong with them


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
    newest: tuple[Statement, str] | None = None
    problems: list[str] = []
    for where, content in _contents(repository, digest):
        try:
            statement = read_statement(content, f"the statement {where}")
        except NoStatement as error:
            problems.append(str(error))
            continue
        if statement.subject != digest:
            problems.append(f"the statement {where} is about {statement.subject}")
        elif newest is None or statement.examined_at > newest[0].examined_at:
            newest = (statement, where)
    if newest is None:
        more = [f"and {len(problems) - _TOLD} more"] if len(problems) > _TOLD else []
        why = f" ({'; '.join(problems[:_TOLD] + more)})" if problems else ""
        raise NoStatement(f"no verdict of smlocal's is attached to {digest}{why}: push it with --attach")
    return newest


def _contents(repository: Repository, digest: str) -> Iterator[tuple[str, bytes]]:
    """Every in-toto document of our kind that is attached. What is gone since it was listed is left out. Raises
    NoStatement where there is so much that the newest could be overlooked."""
    listed = [item for item in repository.referrers(digest) if item.media_type == OCI_MANIFEST]
    attached = [item.digest for item in listed if is_digest(item.digest)]
    if len(attached) > _MOST:
        raise NoStatement(_too_many(digest, f"{len(attached)} things are"))
    seen = 0
    for one in attached:
        try:
            for layer in _layers(repository.manifest(one)):
                seen += 1
                if seen > _MOST:
                    raise NoStatement(_too_many(digest, f"more than {_MOST} statements are"))
                yield one, repository.blob(layer, LONGEST)
        except NotInRegistry:
            continue


def _too_many(digest: str, what: str) -> str:
    return (
        f"{what} attached to {digest}, and smlocal looks at {_MOST}: remove some, or name the verdict's own file with"
        " --statement"
    )


def _layers(manifest: Manifest) -> list[str]:
    """The digests of the documents in a manifest. Raises RegistryError for one that is none."""
    try:
        document = json.loads(manifest.content)
        return [
            str(layer["digest"])
            for layer in document.get("layers", ())
            if layer.get("mediaType") == IN_TOTO
            and (layer.get("annotations") or {}).get(PREDICATE, PREDICATE_TYPE) == PREDICATE_TYPE
            and is_digest(str(layer["digest"]))
        ]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise RegistryError(f"the manifest {manifest.digest} is invalid") from error

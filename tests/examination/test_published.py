"""SM102 judged of what a registry has: a real one with an OCI index, and ones that do not tell."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from smlocal.contract import Outcome, Reason
from smlocal.contract.finding import Judgement
from smlocal.contract.rules.registry import manifest_that_create_model_refuses
from smlocal.errors import RegistryDenied, RegistryUnreachable
from smlocal.examination.published import published_manifest
from smlocal.http_client import HttpClient
from smlocal.registry.distribution import DistributionRepository
from smlocal.registry.interface import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, Repository, digest_of
from smlocal.registry.reference import parse_reference
from smlocal.registry.scripted import ScriptedRepository
from tests.contract.samples import GOOD, image
from tests.images.archives import Member, oci
from tests.registry.docker_registry import docker_registry

ATTESTED = oci(attested=True)


@pytest.fixture(scope="module")
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture(scope="module")
def place(http: HttpClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry with an OCI index of an image and its attestation, and with the image's own OCI manifest."""
    with docker_registry(tmp_path_factory.mktemp("registry")) as found:
        repository = DistributionRepository(parse_reference(f"{found}/team/model"), http)
        _push(repository, ATTESTED.members)
        yield found


def _push(repository: Repository, members: list[Member]) -> None:
    blobs = {digest_of(member.content): member.content for member in members if member.name.startswith("blobs/")}
    for digest, content in blobs.items():
        repository.push_blob(Descriptor("", digest, len(content)), lambda content=content: io.BytesIO(content))  # type: ignore[misc]
    index = blobs[ATTESTED.index]
    children = [content for content in blobs.values() if b'"schemaVersion"' in content and content != index]
    for content in children:
        repository.put_manifest(Manifest(OCI_MANIFEST, content))
    repository.put_manifest(Manifest(OCI_INDEX, index), "attested")
    repository.put_manifest(Manifest(OCI_MANIFEST, blobs[ATTESTED.manifest]), "alone")


def judged(repository: Repository, reference: str) -> Judgement:
    """What SM102 says of a good image that was pushed there."""
    manifest = published_manifest(lambda _: repository, parse_reference(reference))
    return manifest_that_create_model_refuses.judge(image(GOOD, manifest=manifest))


@pytest.mark.parametrize(("tag", "kind"), [("attested", OCI_INDEX), ("alone", OCI_MANIFEST)])
def test_an_oci_manifest_in_a_real_registry_breaks_it(place: str, http: HttpClient, tag: str, kind: str) -> None:
    reference = f"{place}/team/model:{tag}"
    found = judged(DistributionRepository(parse_reference(reference), http), reference)
    assert (found.outcome, found.seen) == (Outcome.BROKEN, (f"{reference} has {kind}",))
    assert f"Unsupported manifest media type {kind}" in found.sagemaker


def test_a_digest_is_asked_for_as_it_stands(place: str, http: HttpClient) -> None:
    reference = f"{place}/team/model:alone@{ATTESTED.index}"
    assert judged(DistributionRepository(parse_reference(reference), http), reference).outcome is Outcome.BROKEN


def test_an_image_that_is_not_there_is_not_judged(place: str, http: HttpClient) -> None:
    reference = f"{place}/team/model"
    found = judged(DistributionRepository(parse_reference(reference), http), reference)
    assert (found.reason, found.seen) == (Reason.INCONCLUSIVE, (f"{reference}: the registry has no such image",))


@pytest.mark.parametrize("error", [RegistryDenied("log in first"), RegistryUnreachable("it does not answer")])
def test_what_a_registry_refuses_is_not_judged_and_said(error: Exception) -> None:
    repository = ScriptedRepository()
    repository.fail("manifest", error)
    found = judged(repository, "registry.example/team/model:1")
    assert (found.reason, found.seen) == (Reason.INCONCLUSIVE, (f"registry.example/team/model:1: {error}",))

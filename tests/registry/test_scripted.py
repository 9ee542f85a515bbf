"""What only the scripted repository does: failures on demand."""

from __future__ import annotations

import io

import pytest

from smlocal.errors import RegistryDenied, RegistryUnreachable
from smlocal.registry.interface import DOCKER_LAYER, Descriptor, Repository, digest_of
from smlocal.registry.scripted import ScriptedRepository

LAYER = bytes(200_000)
BLOB = Descriptor(DOCKER_LAYER, digest_of(LAYER), len(LAYER))


def test_a_failure_on_demand_happens_as_often_as_asked_and_does_nothing_else() -> None:
    repository = ScriptedRepository()
    repository.fail("push_blob", RegistryDenied("no"), times=2)
    for _ in range(2):
        with pytest.raises(RegistryDenied, match="no"):
            repository.push_blob(BLOB, lambda: io.BytesIO(LAYER))
    assert repository.blobs == {}
    repository.push_blob(BLOB, lambda: io.BytesIO(LAYER))
    assert repository.calls == [("push_blob", BLOB.digest)] * 3
    assert repository.blobs == {BLOB.digest: LAYER}


def test_an_upload_breaks_off_where_it_is_told_to() -> None:
    repository: Repository = (scripted := ScriptedRepository())
    scripted.break_off(after=100_000)
    sent: list[int] = []
    with pytest.raises(RegistryUnreachable):
        repository.push_blob(BLOB, lambda: io.BytesIO(LAYER), sent.append)
    assert (sent, scripted.blobs) == ([65_536, 100_000], {})


def test_a_repository_that_is_away_answers_nothing() -> None:
    repository = ScriptedRepository()
    repository.away = True
    with pytest.raises(RegistryUnreachable):
        repository.referrers(BLOB.digest)

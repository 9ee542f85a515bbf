"""What a job's outputs do to what was stored before it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from smlocal.storage.directory import DirectoryStore
from smlocal.storage.interface import ObjectStore
from smlocal.storage.mounted import MountedStore, mount_of
from smlocal.transform.outputs import Outputs
from smlocal.transform.spool import Spool

Place = tuple[ObjectStore, str, str]  # a store, a bucket and a prefix to write to


def stored(place: Place) -> dict[str, bytes]:
    store, bucket, prefix = place
    found = {}
    for item in store.list(bucket, prefix):
        with store.open(bucket, item.key) as source:
            found[item.key.removeprefix(prefix)] = source.read()
    return found


@pytest.fixture(params=["bucket", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A bucket, and a folder of the user's, in both of which an earlier job stored an output."""
    base = DirectoryStore(tmp_path / "s3")
    if request.param == "bucket":
        base.ensure_bucket("examples")
        found: Place = (base, "examples", "out/")
    else:
        bucket, mount = mount_of(tmp_path / "out", writable=True, deletable=True)
        found = (MountedStore(base, {bucket: mount}), bucket, mount.prefix)
    store, bucket, prefix = found
    store.put(bucket, f"{prefix}old", io.BytesIO(b"earlier"))
    return found


class Job:
    """Gives a job's outputs to the store, by their names."""

    def __init__(self, place: Place) -> None:
        store, bucket, self._prefix = place
        self.outputs = Outputs(store, bucket, 1024)

    def add(self, name: str, data: bytes) -> None:
        output = Spool(1024)
        output.write(data)
        self.outputs.add(f"{self._prefix}{name}", output)
        output.close()


@pytest.fixture
def job(place: Place) -> Iterator[Job]:
    made = Job(place)
    yield made
    made.outputs.close()


def test_a_new_output_is_stored_at_once_and_an_old_one_is_replaced_at_the_end(place: Place, job: Job) -> None:
    big = bytes(range(256)) * 10_000
    job.add("old", big)
    job.add("new", b"new")
    assert stored(place) == {"old": b"earlier", "new": b"new"}
    job.outputs.publish()
    assert stored(place) == {"old": big, "new": b"new"}


def test_every_held_output_gets_its_own_bytes(place: Place, job: Job) -> None:
    store, bucket, prefix = place
    wanted = {f"{number}": bytes([number]) * (number * 700) for number in range(5)}
    for name in wanted:
        store.put(bucket, f"{prefix}{name}", io.BytesIO(b"earlier"))
    for name, data in wanted.items():
        job.add(name, data)
    job.outputs.publish()
    assert stored(place) == {"old": b"earlier", **wanted}


def test_taken_back_the_store_is_as_it_was_found(place: Place, job: Job) -> None:
    job.add("old", b"later")
    job.add("new", b"new")
    job.outputs.take_back()
    assert stored(place) == {"old": b"earlier"}


def test_what_another_put_in_place_of_an_output_is_not_taken_back(place: Place, job: Job) -> None:
    store, bucket, prefix = place
    job.add("new", b"new")
    job.add("gone", b"new")
    store.put(bucket, f"{prefix}new", io.BytesIO(b"another's"))
    store.delete(bucket, f"{prefix}gone")
    job.outputs.take_back()
    assert stored(place) == {"old": b"earlier", "new": b"another's"}

"""What every repository does: the one in memory, and Debian's docker-registry with every kind of protection."""

from __future__ import annotations

import gzip
import io
import json
import os
from typing import BinaryIO

import pytest

from smlocal.errors import NotInRegistry, RegistryError
from smlocal.registry.interface import OCI_INDEX, Descriptor, Repository, digest_of
from tests.registry.samples import attachment, blob_of, sample

UNKNOWN = "sha256:" + "0" * 64


class Unseekable(io.RawIOBase):
    """Bytes that come once, like those that are compressed on their way."""

    def __init__(self, content: bytes) -> None:
        self._source = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._source.readinto(buffer)  # type: ignore[arg-type]


def test_an_image_arrives_byte_for_byte_under_its_tag_and_its_digest(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest, "1.0")
    assert repository.manifest("1.0") == image.manifest
    assert repository.manifest(image.manifest.digest) == image.manifest
    for blob, content in image.blobs:
        assert repository.has_blob(blob.digest)
        assert repository.blob(blob.digest, blob.size) == content


def test_a_manifest_may_be_put_under_its_digest_alone_and_tagged_later(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest)
    assert repository.manifest(image.manifest.digest) == image.manifest
    with pytest.raises(NotInRegistry):
        repository.manifest("1.0")
    repository.put_manifest(image.manifest, "1.0")
    assert repository.manifest("1.0") == image.manifest


def test_a_tag_moves_to_another_manifest(repository: Repository) -> None:
    first, second = sample(), sample()
    for image in (first, second):
        image.push_blobs(repository)
        repository.put_manifest(image.manifest, "latest")
    assert repository.manifest("latest") == second.manifest
    assert repository.manifest(first.manifest.digest) == first.manifest


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 100_001, 1_000_000])
def test_a_blob_of_any_size_arrives_and_its_progress_is_told(repository: Repository, size: int) -> None:
    content = os.urandom(size)
    told: list[int] = []
    repository.push_blob(blob_of(content), lambda: io.BytesIO(content), told.append)
    assert repository.has_blob(digest_of(content))
    assert repository.blob(digest_of(content), max(size, 1)) == content
    assert told[-1] == size
    assert told == sorted(told)


def test_a_blob_that_comes_once_arrives(repository: Repository) -> None:
    content = os.urandom(500_000)
    repository.push_blob(blob_of(content), lambda: io.BufferedReader(Unseekable(content)))
    assert repository.blob(digest_of(content), 500_000) == content


def test_a_blob_that_is_there_is_not_read_again(repository: Repository) -> None:
    content = os.urandom(100)
    repository.push_blob(blob_of(content), lambda: io.BytesIO(content))

    def never() -> BinaryIO:
        raise AssertionError("it was read")

    told: list[int] = []
    repository.push_blob(blob_of(content), never, told.append)
    assert told == [100]


def test_bytes_that_are_not_those_of_the_digest_are_refused(repository: Repository) -> None:
    blob = Descriptor("application/octet-stream", digest_of(b"these"), 5)
    with pytest.raises(RegistryError, match=blob.digest):
        repository.push_blob(blob, lambda: io.BytesIO(b"those"))
    assert not repository.has_blob(blob.digest)


def test_fewer_bytes_than_the_descriptor_says_are_refused(repository: Repository) -> None:
    blob = Descriptor("application/octet-stream", digest_of(b"these"), 10)
    with pytest.raises(RegistryError, match=blob.digest):
        repository.push_blob(blob, lambda: io.BytesIO(b"these"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("told to stop")])
def test_an_upload_stops_when_whoever_is_told_raises_and_works_the_next_time(
    repository: Repository, error: BaseException
) -> None:
    content = os.urandom(1_000_000)

    def stop(total: int) -> None:
        if total > 250_000:
            raise error

    with pytest.raises(type(error)):
        repository.push_blob(blob_of(content), lambda: io.BytesIO(content), stop)
    assert not repository.has_blob(digest_of(content))
    repository.push_blob(blob_of(content), lambda: io.BytesIO(content))
    assert repository.blob(digest_of(content), 1_000_000) == content


def test_an_error_of_whoever_reads_is_raised_as_it_is(repository: Repository) -> None:
    def read() -> BinaryIO:
        raise PermissionError("the archive is gone")

    with pytest.raises(PermissionError, match="the archive is gone"):
        repository.push_blob(blob_of(b"content"), read)


def test_a_manifest_whose_layers_are_not_there_is_refused(repository: Repository) -> None:
    image = sample()
    repository.push_blob(image.blobs[0][0], lambda: io.BytesIO(image.blobs[0][1]))
    with pytest.raises(RegistryError):
        repository.put_manifest(image.manifest, "1.0")
    with pytest.raises(NotInRegistry):
        repository.manifest("1.0")


def test_what_is_not_there_is_said_to_be_not_there(repository: Repository) -> None:
    assert not repository.has_blob(UNKNOWN)
    for ask in (
        lambda: repository.blob(UNKNOWN, 100),
        lambda: repository.manifest(UNKNOWN),
        lambda: repository.manifest("none"),
        lambda: repository.remove_manifest(UNKNOWN),
    ):
        with pytest.raises(NotInRegistry, match=repository.name):
            ask()


def test_a_blob_longer_than_allowed_is_not_read(repository: Repository) -> None:
    content = gzip.compress(os.urandom(10_000))
    repository.push_blob(blob_of(content), lambda: io.BytesIO(content))
    with pytest.raises(RegistryError, match="9999 bytes"):
        repository.blob(digest_of(content), 9_999)


def test_a_manifest_that_is_removed_is_gone(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest)
    repository.remove_manifest(image.manifest.digest)
    with pytest.raises(NotInRegistry):
        repository.manifest(image.manifest.digest)


def test_what_is_attached_is_listed_each_once(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest, "1.0")
    assert repository.referrers(image.manifest.digest) == ()

    attached = [attachment(image.manifest), attachment(image.manifest, "application/vnd.other")]
    for item in [*attached, attached[0]]:
        item.push_blobs(repository)
        repository.attach(item.manifest, image.manifest.digest)

    assert repository.referrers(image.manifest.digest) == tuple(
        Descriptor(item.manifest.media_type, item.manifest.digest, len(item.manifest.content)) for item in attached
    )
    assert repository.manifest(attached[0].manifest.digest) == attached[0].manifest
    assert repository.manifest("1.0") == image.manifest


def test_what_names_another_subject_is_not_attached(repository: Repository) -> None:
    image, other = sample(), sample()
    item = attachment(other.manifest)
    item.push_blobs(repository)
    with pytest.raises(RegistryError, match="subject"):
        repository.attach(item.manifest, image.manifest.digest)


def test_where_no_list_is_kept_the_index_is_under_the_tag_that_the_specification_has(repository: Repository) -> None:
    image = sample()
    item = attachment(image.manifest)
    image.push_blobs(repository)
    repository.put_manifest(image.manifest)
    item.push_blobs(repository)
    repository.attach(item.manifest, image.manifest.digest)
    try:
        index = repository.manifest(image.manifest.digest.replace(":", "-"))
    except NotInRegistry:
        assert getattr(repository, "lists_referrers", False)
        return
    entry = json.loads(index.content)["manifests"][0]
    assert index.media_type == OCI_INDEX
    assert (entry["artifactType"], entry["annotations"]) == ("application/vnd.in-toto+json", {"made": "by a test"})


def test_the_tags_of_a_manifest_are_those_that_name_it_now(repository: Repository) -> None:
    first, second = sample(), sample()
    assert repository.tags_of(first.manifest.digest) == ()
    for image in (first, second):
        image.push_blobs(repository)
        repository.put_manifest(image.manifest, "latest")
    for tag in ("1.0", "1.1"):
        repository.put_manifest(first.manifest, tag)
    assert sorted(repository.tags_of(first.manifest.digest)) == ["1.0", "1.1"]
    assert repository.tags_of(second.manifest.digest) == ("latest",)


def test_a_removed_manifest_takes_its_tags_along(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest, "1.0")
    repository.remove_manifest(image.manifest.digest)
    assert repository.tags_of(image.manifest.digest) == ()
    with pytest.raises(NotInRegistry):
        repository.manifest("1.0")


def test_a_tag_is_removed_alone_or_that_is_refused(repository: Repository) -> None:
    image = sample()
    image.push_blobs(repository)
    repository.put_manifest(image.manifest, "1.0")
    try:
        repository.remove_tag("1.0")
    except RegistryError:
        assert repository.manifest("1.0") == image.manifest  # distribution before 3.0
    else:
        with pytest.raises(NotInRegistry):
            repository.manifest("1.0")
    assert repository.manifest(image.manifest.digest) == image.manifest

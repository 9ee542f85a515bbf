"""Uploads in parts, and the transfer manager that makes them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.aws.s3 import checksums
from smlocal.storage.directory import DirectoryStore
from tests.aws.s3.clients import body_of, client_of, refused, service_in
from tests.aws.s3.server import S3Server

_numbers = itertools.count()
MEGABYTE = 1024**2


class Upload:
    """An upload of `bucket/key` and the parts that it has."""

    def __init__(self, s3: Any, key: str = "a", **how: Any) -> None:
        self.s3 = s3
        identity = s3.create_multipart_upload(Bucket="bucket", Key=key, **how)["UploadId"]
        self.named = {"Bucket": "bucket", "Key": key, "UploadId": identity}
        self.parts: dict[int, dict[str, Any]] = {}

    def put(self, number: int, body: bytes, **how: Any) -> Any:
        answer = self.s3.upload_part(**self.named, PartNumber=number, Body=body, **how)
        self.keep(number, answer)
        return answer

    def keep(self, number: int, answer: Any) -> None:
        summed = {name: value for name, value in answer.items() if name.startswith("Checksum")}
        self.parts[number] = {"PartNumber": number, "ETag": answer["ETag"], **summed}

    def complete(self, *numbers: int, **how: Any) -> Any:
        parts = [self.parts[number] for number in numbers or sorted(self.parts)]
        return self.s3.complete_multipart_upload(**self.named, MultipartUpload={"Parts": parts}, **how)

    def refused(self, *numbers: int, **how: Any) -> tuple[int, str]:
        return refused(lambda: self.complete(*numbers, **how))[:2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with S3Server(service_in(tmp_path_factory.mktemp("multipart"), smallest_part=0)) as server:
        client = client_of(server.url)
        client.create_bucket(Bucket="bucket")
        yield client
        client.close()


def etag_of(bodies: list[bytes]) -> str:
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(bodies)}"'


def summed(algorithm: str, data: bytes) -> bytes:
    total = checksums.new_sum(algorithm)
    total.update(data)
    return total.digest()


def test_the_parts_become_one_object(s3: Any, folder: Path, tmp_path: Path) -> None:
    upload = Upload(s3, ContentType="text/csv", Metadata={"x": "1"})
    upload.put(7, b"end")
    upload.put(2, b"begin")
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
    answer = upload.complete()
    assert answer["ETag"] == etag_of([b"begin", b"end"])
    got = s3.get_object(Bucket="bucket", Key="a")
    assert (body_of(got), got["ETag"]) == (b"beginend", answer["ETag"])
    assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"x": "1"})
    assert s3.list_objects_v2(Bucket="bucket")["Contents"][0]["ETag"] == answer["ETag"]
    assert (folder / "a").read_bytes() == b"beginend"
    assert list((tmp_path / "uploads/bucket").iterdir()) == []
    assert upload.refused() == (404, "NoSuchUpload")


def test_a_part_may_be_put_again_or_left_out(s3: Any) -> None:
    upload = Upload(s3)
    for number, body in ((1, b"old"), (2, b"not this"), (3, b"3"), (1, b"new")):
        upload.put(number, body)
    listed = s3.list_parts(**upload.named)
    assert [(one["PartNumber"], one["Size"]) for one in listed["Parts"]] == [(1, 3), (2, 8), (3, 1)]
    upload.complete(1, 3)
    assert body_of(s3.get_object(Bucket="bucket", Key="a")) == b"new3"


def test_what_does_not_fit_is_refused_and_the_upload_goes_on(s3: Any) -> None:
    upload = Upload(s3, ChecksumAlgorithm="CRC32")
    upload.put(1, b"1")
    upload.put(2, b"2")
    assert upload.refused(2, 1) == (400, "InvalidPartOrder")
    assert upload.refused(1, 1) == (400, "InvalidPartOrder")
    upload.parts[3] = {"PartNumber": 3, "ETag": '"x"'}
    assert upload.refused(1, 3) == (400, "InvalidPart")
    upload.parts[3] = {**upload.parts[2], "ETag": upload.parts[1]["ETag"]}
    assert upload.refused(1, 3) == (400, "InvalidPart")
    wrong = {**upload.parts[2], "ChecksumCRC32": "AAAAAA=="}
    upload.parts[3] = wrong
    assert upload.refused(1, 3) == (400, "InvalidPart")
    assert upload.refused(1, 2, MpuObjectSize=3) == (400, "InvalidRequest")
    assert (
        refused(lambda: s3.complete_multipart_upload(**upload.named, MultipartUpload={"Parts": []}))[1]
        == "MalformedXML"
    )
    upload.complete(1, 2, MpuObjectSize=2)


def test_every_part_but_the_last_has_5_megabytes(tmp_path: Path) -> None:
    with S3Server(service_in(tmp_path)) as server:
        s3 = client_of(server.url)
        s3.create_bucket(Bucket="bucket")
        upload = Upload(s3)
        upload.put(1, bytes(5 * MEGABYTE - 1))
        upload.put(2, b"end")
        assert upload.refused() == (400, "EntityTooSmall")
        upload.put(1, bytes(5 * MEGABYTE))
        upload.complete()
        s3.close()


@pytest.mark.parametrize("number", [0, 10_001, -1])
def test_a_part_has_a_number_from_1_to_10000(s3: Any, number: int) -> None:
    upload = Upload(s3)
    status, code, message = refused(lambda: upload.put(number, b"x"))
    assert (status, code) == (400, "InvalidArgument")
    assert message == "Part number must be an integer between 1 and 10000, inclusive"


def test_an_upload_is_of_one_key_and_ends(s3: Any) -> None:
    upload = Upload(s3)
    for identity in ("none", "../../x", upload.named["UploadId"][:-1]):
        named = {**upload.named, "UploadId": identity}
        assert refused(lambda named=named: s3.list_parts(**named))[:2] == (404, "NoSuchUpload")
    other = {**upload.named, "Key": "b"}
    assert refused(lambda: s3.upload_part(**other, PartNumber=1, Body=b""))[:2] == (404, "NoSuchUpload")
    upload.put(1, b"x")
    s3.abort_multipart_upload(**upload.named)
    assert refused(lambda: upload.put(2, b"x"))[:2] == (404, "NoSuchUpload")
    assert refused(lambda: s3.abort_multipart_upload(**upload.named))[:2] == (404, "NoSuchUpload")
    assert refused(lambda: s3.create_multipart_upload(Bucket="none", Key="a"))[:2] == (404, "NoSuchBucket")


def test_an_upload_completes_only_on_the_state_that_it_expects(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="a", Body=b"there")
    upload = Upload(s3)
    upload.put(1, b"new")
    assert upload.refused(IfNoneMatch="*") == (412, "PreconditionFailed")
    upload.complete(IfMatch=f'"{hashlib.md5(b"there").hexdigest()}"')


def test_uploads_are_listed_by_page_and_prefix(s3: Any) -> None:
    keys = ["a/1", "a/2", "a/2", "b", "c d"]
    made = [Upload(s3, key).named["UploadId"] for key in keys]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="bucket", PaginationConfig={"PageSize": 2})
    listed = [one for page in pages for one in page["Uploads"]]
    assert [one["Key"] for one in listed] == keys
    assert sorted(one["UploadId"] for one in listed) == sorted(made)
    rolled = s3.list_multipart_uploads(Bucket="bucket", Delimiter="/")
    assert [one["Prefix"] for one in rolled["CommonPrefixes"]] == ["a/"]
    assert [one["Key"] for one in rolled["Uploads"]] == ["b", "c d"]
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket="bucket", Prefix="c")["Uploads"]] == ["c d"]


def test_parts_are_listed_by_page(s3: Any) -> None:
    upload = Upload(s3)
    for number in (1, 5, 9):
        upload.put(number, bytes(number))
    pages = s3.get_paginator("list_parts").paginate(**upload.named, PaginationConfig={"PageSize": 2})
    assert [[part["PartNumber"] for part in page["Parts"]] for page in pages] == [[1, 5], [9]]


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_that_of_the_parts_checksums(s3: Any, algorithm: str) -> None:
    upload = Upload(s3, ChecksumAlgorithm=algorithm)
    member = f"Checksum{algorithm}"
    each = [summed(algorithm, body) for body in (b"a", b"b")]
    for number, body in ((1, b"a"), (2, b"b")):
        said = base64.b64encode(each[number - 1]).decode()
        assert upload.put(number, body, **{member: said})[member] == said
    value = f"{base64.b64encode(summed(algorithm, b''.join(each))).decode()}-2"
    assert upload.refused(**{member: "AAAA-2"}) == (400, "BadDigest")
    answer = upload.complete(**{member: value})
    assert (answer[member], answer["ChecksumType"]) == (value, "COMPOSITE")
    head = s3.head_object(Bucket="bucket", Key="a", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (value, "COMPOSITE")


def test_a_full_checksum_is_that_of_all_bytes_and_is_verified(s3: Any) -> None:
    upload = Upload(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    upload.put(1, b"hello ")
    upload.put(2, b"world")
    right = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()
    assert upload.refused(ChecksumCRC32="AAAAAA==") == (400, "BadDigest")
    assert "Contents" not in s3.list_objects_v2(Bucket="bucket")
    answer = upload.complete(ChecksumCRC32=right)
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (right, "FULL_OBJECT")


def test_a_part_has_the_checksum_that_its_upload_has(s3: Any) -> None:
    upload = Upload(s3, ChecksumAlgorithm="SHA256")
    text = "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
    assert refused(lambda: upload.put(1, b"x", ChecksumAlgorithm="CRC32")) == (400, "InvalidRequest", text)
    for how in ({"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"}, {"ChecksumType": "COMPOSITE"}):
        if "ChecksumAlgorithm" not in how:
            how |= {"ChecksumAlgorithm": "CRC64NVME"}
        assert refused(lambda how=how: Upload(s3, **how))[:2] == (400, "InvalidRequest")


def test_parts_are_copied_from_objects(s3: Any) -> None:
    data = os.urandom(1000)
    s3.put_object(Bucket="bucket", Key="source", Body=data)
    upload = Upload(s3)
    source = {"Bucket": "bucket", "Key": "source"}
    for number, asked in ((1, "bytes=0-99"), (2, "bytes=990-999"), (3, None)):
        how = {} if asked is None else {"CopySourceRange": asked}
        answer = s3.upload_part_copy(**upload.named, PartNumber=number, CopySource=source, **how)
        upload.keep(number, answer["CopyPartResult"])
    upload.complete()
    assert body_of(s3.get_object(Bucket="bucket", Key="a")) == data[:100] + data[990:] + data
    for asked in ("bytes=0-1000", "bytes=5-1", "0-1", "bytes=5-"):
        how = {"PartNumber": 1, "CopySource": source, "CopySourceRange": asked}
        named = Upload(s3).named
        assert refused(lambda named=named, how=how: s3.upload_part_copy(**named, **how))[:2] == (400, "InvalidArgument")


def test_an_answer_that_takes_long_begins_before(tmp_path: Path) -> None:
    """White space holds the client until the parts are joined; boto3 reads the answer behind it."""
    with S3Server(service_in(tmp_path, smallest_part=1, patience=0.0)) as server:
        s3 = client_of(server.url)
        s3.create_bucket(Bucket="bucket")
        upload = Upload(s3)
        upload.put(1, b"x" * MEGABYTE)
        assert upload.complete()["ETag"] == etag_of([b"x" * MEGABYTE])
        s3.copy_object(Bucket="bucket", Key="b", CopySource="bucket/a")
        status, code, _ = refused(lambda: s3.copy_object(Bucket="bucket", Key="b", CopySource="bucket/none"))
        assert (status, code) in ((404, "NoSuchKey"), (500, "NoSuchKey"))
        s3.close()


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.integers(1, 10_000), st.binary(max_size=50), min_size=1, max_size=6), st.randoms())
def test_any_parts_in_any_order_become_their_bytes_in_the_order_of_numbers(
    shared: Any, bodies: dict[int, bytes], random: Any
) -> None:
    key = f"key-{next(_numbers)}"
    upload = Upload(shared, key)
    numbers = list(bodies)
    random.shuffle(numbers)
    for number in numbers:
        upload.put(number, bodies[number])
    ordered = [bodies[number] for number in sorted(bodies)]
    assert upload.complete()["ETag"] == etag_of(ordered)
    assert body_of(shared.get_object(Bucket="bucket", Key=key)) == b"".join(ordered)


def test_the_transfer_manager_carries_many_objects_with_16_threads(s3: Any, tmp_path: Path) -> None:
    config = TransferConfig(multipart_threshold=MEGABYTE, multipart_chunksize=MEGABYTE, max_concurrency=16)
    bodies = {f"{number}": os.urandom(number * 700_000 + 1) for number in range(8)}
    faults: list[Exception] = []

    def carry(key: str, body: bytes) -> None:
        try:
            (tmp_path / key).write_bytes(body)
            s3.upload_file(str(tmp_path / key), "bucket", key, Config=config)
            s3.copy({"Bucket": "bucket", "Key": key}, "bucket", f"copy-{key}", Config=config)
            s3.download_file("bucket", f"copy-{key}", str(tmp_path / f"{key}.back"), Config=config)
            assert (tmp_path / f"{key}.back").read_bytes() == body
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=carry, args=item) for item in bodies.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    listed = {one["Key"]: one["Size"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]}
    assert listed == {f"{start}{key}": len(body) for key, body in bodies.items() for start in ("", "copy-")}
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bucket")
    assert DirectoryStore(tmp_path / "s3").head("bucket", "7").size == len(bodies["7"])

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from smlocal.aws.s3.request import bucket_of_host
from tests.aws.s3.clients import client_of, refused
from tests.aws.s3.server import S3Server


def test_a_bucket_is_a_folder(s3: Any, folder: Path, tmp_path: Path) -> None:
    assert folder.is_dir()
    (tmp_path / "s3/by-hand").mkdir()
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["bucket", "by-hand"]
    assert s3.list_buckets()["Buckets"][0]["CreationDate"]
    assert s3.list_buckets()["Owner"]["ID"]


def test_buckets_are_listed_by_prefix_and_page(s3: Any) -> None:
    for name in ("x-1", "x-2", "x-3"):
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix="x-", PaginationConfig={"PageSize": 2})
    assert [[one["Name"] for one in page["Buckets"]] for page in pages] == [["x-1", "x-2"], ["x-3"]]
    assert refused(lambda: s3.list_buckets(ContinuationToken="?"))[:2] == (400, "InvalidArgument")


def test_a_bucket_is_deleted_when_it_is_empty(s3: Any, folder: Path) -> None:
    s3.put_object(Bucket="bucket", Key="a//b", Body=b"x")
    text = "The bucket you tried to delete is not empty"
    assert refused(lambda: s3.delete_bucket(Bucket="bucket")) == (409, "BucketNotEmpty", text)
    s3.delete_object(Bucket="bucket", Key="a//b")
    (folder / "empty/folder").mkdir(parents=True)
    s3.create_multipart_upload(Bucket="bucket", Key="a")
    s3.delete_bucket(Bucket="bucket")
    assert not folder.exists()
    assert refused(lambda: s3.delete_bucket(Bucket="bucket"))[:2] == (404, "NoSuchBucket")
    s3.create_bucket(Bucket="bucket")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bucket")


def test_a_bucket_is_looked_at(s3: Any) -> None:
    assert s3.head_bucket(Bucket="bucket")["BucketRegion"] == "us-east-1"
    assert refused(lambda: s3.head_bucket(Bucket="none")) == (404, "404", "Not Found")
    assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="bucket")
    for call in (s3.get_bucket_location, s3.get_bucket_versioning):
        assert refused(lambda call=call: call(Bucket="none"))[:2] == (404, "NoSuchBucket")


def test_in_us_east_1_a_bucket_may_be_made_again_elsewhere_not(server: S3Server, s3: Any) -> None:
    s3.create_bucket(Bucket="bucket")
    there = client_of(server.url, "eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}
    there.create_bucket(Bucket="other", CreateBucketConfiguration=place)
    assert there.get_bucket_location(Bucket="other")["LocationConstraint"] == "eu-west-1"
    again = refused(lambda: there.create_bucket(Bucket="other", CreateBucketConfiguration=place))
    assert again[:2] == (409, "BucketAlreadyOwnedByYou")
    for client, how in ((there, {}), (s3, {"CreateBucketConfiguration": place})):
        status, code, _ = refused(lambda client=client, how=how: client.create_bucket(Bucket="third", **how))
        assert (status, code) == (400, "IllegalLocationConstraintException")
    there.close()


def test_a_name_that_s3_does_not_allow_is_refused(server: S3Server, s3: Any) -> None:
    assert refused(lambda: s3.create_bucket(Bucket="Upper"))[:2] == (400, "InvalidBucketName")


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("bucket.s3.amazonaws.com", "bucket"),
        ("bucket.s3.eu-west-1.amazonaws.com:443", "bucket"),
        ("bucket.s3-eu-west-1.amazonaws.com", "bucket"),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "bucket"),
        ("a.b.s3.cn-north-1.amazonaws.com.cn", "a.b"),
        ("Bucket.localhost:4566", "bucket"),
        ("bucket.s3.localhost:4566", "bucket"),
        ("bucket.s3.localhost.localstack.cloud:4566", "bucket"),
        ("bucket.127.0.0.1.nip.io:80", "bucket"),
        ("bucket.s3.127.0.0.1.nip.io", "bucket"),
        ("s3.amazonaws.com", ""),
        ("s3.eu-west-1.amazonaws.com", ""),
        ("s3.localhost:4566", ""),
        ("s3.us-east-1.localhost", ""),
        ("localhost:4566", ""),
        ("127.0.0.1:4566", ""),
        ("[::1]:4566", ""),
        ("smlocal", ""),
        ("my.host.example", ""),
        ("", ""),
    ],
)
def test_a_host_names_a_bucket_or_none(host: str, bucket: str) -> None:
    assert bucket_of_host(host) == bucket

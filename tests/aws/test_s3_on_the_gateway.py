"""S3 behind the gateway as `up` has it: objects are the store's, how a bucket is configured is moto's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from smlocal.aws.server import AwsServer
from smlocal.settings import Settings
from smlocal.wiring import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with Program(Settings(state=tmp_path, region="eu-west-1")) as made:
        yield made


@pytest.fixture
def s3(program: Program) -> Iterator[Any]:
    with AwsServer(program.http, program.gateway()) as server:
        yield boto3.client(
            "s3",
            endpoint_url=server.url,
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )


def code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def test_an_object_lies_in_the_folder_that_commands_read(s3: Any, program: Program) -> None:
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="models", Key="a/b.csv", Body=b"1,2\n")
    with program.store.open("models", "a/b.csv") as source:
        assert source.read() == b"1,2\n"
    assert s3.get_object(Bucket="models", Key="a/b.csv")["Body"].read() == b"1,2\n"


@pytest.mark.parametrize("key", ["a/../b", "line\nbreak", "a%2Fb", "a?b#c", "ü/☃", " x ", "a//b", "x" * 1024])
def test_any_key_comes_through_the_server(s3: Any, program: Program, key: str) -> None:
    program.store.ensure_bucket("odd")
    s3.put_object(Bucket="odd", Key=key, Body=b"1")
    assert s3.get_object(Bucket="odd", Key=key)["Body"].read() == b"1"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="odd")["Contents"]] == [key]


def test_a_bucket_of_the_folder_is_configured_as_any(s3: Any, program: Program) -> None:
    program.store.ensure_bucket("made-by-a-command")
    rules = {"TagSet": [{"Key": "team", "Value": "iris"}]}
    s3.put_bucket_tagging(Bucket="made-by-a-command", Tagging=rules)
    assert s3.get_bucket_tagging(Bucket="made-by-a-command")["TagSet"] == rules["TagSet"]


def test_what_is_not_there_cannot_be_configured(s3: Any) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_tagging(Bucket="no-such-bucket", Tagging={"TagSet": []})
    assert code_of(caught.value) == "NoSuchBucket"


def test_a_deleted_bucket_can_be_made_and_configured_again(s3: Any) -> None:
    for _ in range(2):
        s3.create_bucket(Bucket="again", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_tagging(Bucket="again", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        s3.delete_bucket(Bucket="again")

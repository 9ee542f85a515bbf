"""Objects through boto3, as it comes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.aws.s3.clients import body_of, refused


def test_what_was_put_is_got(s3: Any, folder: Path) -> None:
    put = s3.put_object(Bucket="bucket", Key="iris/train.csv", Body=b"1,2\n")
    assert put["ETag"] == f'"{hashlib.md5(b"1,2" + bytes([10])).hexdigest()}"'
    got = s3.get_object(Bucket="bucket", Key="iris/train.csv")
    assert body_of(got) == b"1,2\n"
    assert got["ContentType"] == "binary/octet-stream"
    assert got["ETag"] == put["ETag"]
    assert got["ResponseMetadata"]["RequestId"]
    assert (folder / "iris/train.csv").read_bytes() == b"1,2\n"


def test_a_missing_key_is_refused_as_s3_does(s3: Any) -> None:
    text = "The specified key does not exist."
    assert refused(lambda: s3.get_object(Bucket="bucket", Key="none")) == (404, "NoSuchKey", text)
    assert refused(lambda: s3.head_object(Bucket="bucket", Key="none")) == (404, "404", "Not Found")

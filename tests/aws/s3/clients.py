"""The service over a folder, boto3's client of a server, and what it raises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from smlocal.aws.s3 import ObjectService
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.uploads import Uploads

ACCOUNT = "123456789012"
_SESSION = boto3.session.Session()  # reads the service's model once


def service_in(folder: Path, **how: Any) -> ObjectService:
    """Objects in `folder/s3`, parts in `folder/uploads`."""
    store, uploads = DirectoryStore(folder / "s3"), Uploads(folder / "uploads")
    return ObjectService(store, uploads, region="us-east-1", account=ACCOUNT, **how)


def client_of(url: str, region: str = "us-east-1", **how: Any) -> Any:
    """As it comes, but that it does not try again what has failed."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=20, **how)
    return _SESSION.client(
        "s3",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=config,
    )


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    """Status, code and text of the error that the call gets."""
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def body_of(answer: Any) -> bytes:
    with answer["Body"] as source:
        return bytes(source.read())

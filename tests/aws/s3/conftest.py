from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.s3.clients import client_of, service_in
from tests.aws.s3.server import S3Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[S3Server]:
    """A server over an empty folder; parts may be of any size."""
    with S3Server(service_in(tmp_path, smallest_part=1)) as made:
        yield made


@pytest.fixture
def s3(server: S3Server) -> Iterator[Any]:
    """boto3's client as it comes, with the bucket `bucket`."""
    client = client_of(server.url)
    client.create_bucket(Bucket="bucket")
    yield client
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the bucket's files are."""
    return tmp_path / "s3" / "bucket"

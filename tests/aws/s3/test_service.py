"""The service without a server: what happens when nobody waits for the answer any more."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smlocal.aws.s3 import ObjectService
from smlocal.aws.wire import Call, Reply
from smlocal.http_client import Headers
from smlocal.settings import Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.storage.interface import StoredObject
from smlocal.storage.uploads import Uploads
from smlocal.wiring import Program
from tests.aws.s3.clients import ACCOUNT, body_of, client_of, service_in
from tests.aws.s3.server import S3Server


def put_of(body: AsyncIterator[bytes], length: int) -> Call:
    return Call("PUT", "/bucket/a", Headers((("Content-Length", str(length)),)), body, None, "localhost")


def test_a_call_that_is_broken_off_ends_and_leaves_nothing(tmp_path: Path) -> None:
    service = service_in(tmp_path)
    DirectoryStore(tmp_path / "s3").ensure_bucket("bucket")

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        await asyncio.sleep(3600)

    async def broken_off() -> None:
        calling = asyncio.create_task(service(put_of(endless(), 100)))
        await asyncio.sleep(0.1)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

    asyncio.run(asyncio.wait_for(broken_off(), 5))
    service.close()
    assert list((tmp_path / "s3/.smlocal/incoming").iterdir()) == []
    assert list(DirectoryStore(tmp_path / "s3").list("bucket")) == []


def test_what_the_body_raises_comes_through(tmp_path: Path) -> None:
    class Forged(Exception):
        pass

    async def forged() -> AsyncIterator[bytes]:
        yield b"half"
        raise Forged

    service = service_in(tmp_path)
    DirectoryStore(tmp_path / "s3").ensure_bucket("bucket")
    with pytest.raises(Forged):
        asyncio.run(_called(service, put_of(forged(), 4)))
    service.close()
    assert list(DirectoryStore(tmp_path / "s3").list("bucket")) == []


async def _called(service: object, call: Call) -> Reply:
    return await service(call)  # type: ignore[operator]


class ReplacedMeanwhile(DirectoryStore):
    """Just after it has told what an object is, the object is replaced, once."""

    def head(self, bucket: str, key: str) -> StoredObject:
        told = super().head(bucket, key)
        if told.size == 6:
            self.put(bucket, key, io.BytesIO(b"afterwards"))
        return told


def test_an_object_that_is_replaced_while_it_is_looked_for_is_told_as_one_or_the_other(tmp_path: Path) -> None:
    store = ReplacedMeanwhile(tmp_path / "s3")
    store.ensure_bucket("bucket")
    store.put("bucket", "a", io.BytesIO(b"before"))
    service = ObjectService(store, Uploads(tmp_path / "uploads"), region="us-east-1", account=ACCOUNT)

    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    reply = asyncio.run(_called(service, Call("GET", "/bucket/a", Headers(()), nothing(), None, "localhost")))
    service.close()
    assert (reply.body, reply.headers["Content-Length"]) == (b"afterwards", "10")
    assert reply.headers["ETag"] == f'"{hashlib.md5(b"afterwards").hexdigest()}"'


def test_a_program_shows_its_store_on_the_wire(tmp_path: Path) -> None:
    with Program(Settings(state=tmp_path)) as program, S3Server(program.objects) as server:
        s3 = client_of(server.url)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a", Body=b"wire")
        with program.store.open("bucket", "a") as source:
            assert source.read() == b"wire"
        (tmp_path / "s3/bucket/b").write_bytes(b"folder")
        assert body_of(s3.get_object(Bucket="bucket", Key="b")) == b"folder"
        s3.close()

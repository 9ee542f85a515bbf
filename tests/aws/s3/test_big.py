"""Big objects: memory does not grow with them, and a range costs the range."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.aws.s3.clients import body_of, client_of

MEGABYTE = 1024**2
GIGABYTE = 1024**3


@contextlib.contextmanager
def server_process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.aws.s3.serve", str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    with process:
        yield process.stdout.readline().strip(), process
        process.stdin.close()


def memory(pid: int, name: str) -> int:
    """Bytes, of `VmRSS` (now) or `VmHWM` (at most so far)."""
    match = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_object_of_5_gigabytes_passes_in_little_memory(tmp_path: Path) -> None:
    """Of 1 GB where the disk has no room for the parts and the object beside each other."""
    size = 5 * GIGABYTE if shutil.disk_usage(tmp_path).free > 16 * GIGABYTE else GIGABYTE
    source = tmp_path / "sparse"
    marks = {0: b"beginning", size // 2: b"middle", size - 3: b"end"}
    with source.open("wb") as file:
        file.truncate(size)
        for place, mark in marks.items():
            file.seek(place)
            file.write(mark)
    try:
        with server_process(tmp_path / "state") as (url, process):
            s3 = client_of(url, read_timeout=300)
            s3.create_bucket(Bucket="bucket")
            s3.put_object(Bucket="bucket", Key="small", Body=b"x" * MEGABYTE)
            before = memory(process.pid, "VmRSS")
            transfer = TransferConfig(multipart_chunksize=64 * MEGABYTE, max_concurrency=4)
            s3.upload_file(str(source), "bucket", "big", Config=transfer)
            for place, mark in marks.items():
                asked = f"bytes={place}-{place + len(mark) - 1}"
                assert body_of(s3.get_object(Bucket="bucket", Key="big", Range=asked)) == mark
            part = s3.get_object(Bucket="bucket", Key="big", Range=f"bytes=0-{size // 5}")
            with part["Body"] as body:
                assert sum(iter(lambda: len(body.read(MEGABYTE)), 0)) == size // 5 + 1
            head = s3.head_object(Bucket="bucket", Key="big")
            assert head["ContentLength"] == size
            assert head["ETag"].endswith(f'-{size // (64 * MEGABYTE)}"')
            grown = memory(process.pid, "VmHWM") - before
            print(f"{size / GIGABYTE:.0f} GB: memory grew by {grown / MEGABYTE:.0f} MB")
            assert grown < 200 * MEGABYTE
            s3.close()
    finally:
        shutil.rmtree(tmp_path / "state", ignore_errors=True)
        source.unlink()


def test_a_range_costs_the_range_and_not_the_object(s3: Any, folder: Path) -> None:
    """100 bytes of 1 GB take about as long as 100 bytes of 1 KB; a tenth of a second would be enough to see the bytes
    read (wire.md d: 0.67 s in moto)."""
    sizes = {"small": 1024, "big": GIGABYTE}
    for name, size in sizes.items():
        with (folder / name).open("wb") as file:
            file.truncate(size)
    times: dict[str, list[float]] = {name: [] for name in sizes}
    for _ in range(30):
        for name, size in sizes.items():
            began = time.perf_counter()
            got = s3.get_object(Bucket="bucket", Key=name, Range=f"bytes={size - 100}-")
            assert len(body_of(got)) == 100
            times[name].append(time.perf_counter() - began)
    ratio = statistics.median(times["big"]) / statistics.median(times["small"])
    print(f"100 bytes of 1 GB against 100 bytes of 1 KB: {ratio:.2f}")
    assert ratio < 3


def test_a_process_that_is_killed_leaves_nothing_half_and_uploads_go_on(tmp_path: Path) -> None:
    part = os.urandom(5 * MEGABYTE)
    with server_process(tmp_path) as (url, process):
        s3 = client_of(url)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="a", Body=b"before", ContentType="text/x")
        upload = s3.create_multipart_upload(Bucket="bucket", Key="parts", ContentType="text/y")["UploadId"]
        named = {"Bucket": "bucket", "Key": "parts", "UploadId": upload}
        first = s3.upload_part(**named, PartNumber=1, Body=part)
        reading = _Slow(process)
        with contextlib.suppress(Exception):
            s3.put_object(Bucket="bucket", Key="a", Body=reading)
        assert process.wait(10) == -signal.SIGKILL
        s3.close()
    with server_process(tmp_path) as (url, _):
        s3 = client_of(url)
        got = s3.get_object(Bucket="bucket", Key="a")
        assert (body_of(got), got["ContentType"]) == (b"before", "text/x")
        assert [one["Key"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["a"]
        second = s3.upload_part(**named, PartNumber=2, Body=b"end")
        told = [
            {"PartNumber": number, "ETag": one["ETag"], "ChecksumCRC32": one["ChecksumCRC32"]}
            for number, one in enumerate((first, second), start=1)
        ]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": told})
        got = s3.get_object(Bucket="bucket", Key="parts")
        assert (body_of(got), got["ContentType"]) == (part + b"end", "text/y")
        s3.close()


class _Slow:
    """A body of 20 MB of which the second half never comes: the server is killed before."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server
        self._at = 0

    def __len__(self) -> int:
        return 20 * MEGABYTE

    def tell(self) -> int:
        return self._at

    def seek(self, at: int, whence: int = 0) -> int:
        self._at = len(self) + at if whence == 2 else at
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = min(len(self) - self._at, size if size >= 0 else len(self))
        caller = sys._getframe(1).f_code.co_filename
        if "http" in caller and self._at >= 10 * MEGABYTE:
            time.sleep(0.3)
            self._server.kill()
        self._at += size
        return bytes(size)

"""What a training job leaves: the model, other output, and its last words.

    <S3OutputPath>/<job>/output/model.tar.gz    from /opt/ml/model, members relative to it; absent when it is empty
    <S3OutputPath>/<job>/output/output.tar.gz   from /opt/ml/output/data, likewise
    <S3OutputPath>/<job>/output/model/...       instead of model.tar.gz with CompressionType NONE

Source: developer guide, your-algorithms-training-algo-output. That a failed job's output is uploaded too follows from
its status `Uploading`, which users see in its log.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from smlocal import artifacts, optml
from smlocal.container import LaunchedContainer
from smlocal.errors import NotFoundInEngine
from smlocal.evidence import FileSeen
from smlocal.storage.interface import ObjectStore
from smlocal.streams import counted, reader_of
from smlocal.tarstream import Member

Read = Callable[[str], Iterator[bytes]]  # a path in the container -> its tar stream

_FAILURE_BYTES = 8192  # more than FailureReason can hold, so that a rule can tell a text that is too long


class Outputs:
    """Where a job's output goes, and what was found there."""

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, *, compressed: bool) -> None:
        self._store = store
        self._bucket = bucket
        self._prefix = prefix
        self._compressed = compressed
        self.model_files: list[FileSeen] = []
        self.output_files: list[FileSeen] = []
        self.left_out: list[str] = []

    @classmethod
    def for_job(cls, request: Mapping[str, Any], store: ObjectStore) -> Outputs:
        """Raises NoSuchBucket when the bucket of S3OutputPath is missing, before anything has run."""
        config = request["OutputDataConfig"]
        bucket, _, path = config["S3OutputPath"].partition("://")[2].partition("/")
        base = f"{path.rstrip('/')}/" if path.strip("/") else ""
        next(iter(store.list(bucket, f"{base}{request['TrainingJobName']}/output/")), None)
        compressed = config.get("CompressionType", "GZIP") == "GZIP"
        return cls(store, bucket, f"{base}{request['TrainingJobName']}/output/", compressed=compressed)

    @property
    def model_uri(self) -> str:
        """`ModelArtifacts.S3ModelArtifacts`: named from the start, also when nothing will be written."""
        return f"s3://{self._bucket}/{self._prefix}{'model.tar.gz' if self._compressed else 'model/'}"

    def upload(self, container: LaunchedContainer, on_bytes: Callable[[int], None] = lambda count: None) -> None:
        """Store the model and the other output of a container that has ended; `on_bytes` is told of every piece that is
        read of it. Raises DiskFull, StorageError."""

        def read(path: str) -> Iterator[bytes]:
            return counted(container.read(path), on_bytes)

        if self._compressed:
            self._archive(read, optml.MODEL, "model.tar.gz", self.model_files)
        else:
            self._files(read)
        # whether CompressionType NONE holds for this one too is not documented: it stays an archive
        self._archive(read, optml.OUTPUT_DATA, "output.tar.gz", self.output_files)

    def _archive(self, read: Read, path: str, name: str, seen: list[FileSeen]) -> None:
        try:
            packed = artifacts.pack(read(path), path.rpartition("/")[2], lambda m: seen.append(_seen(m)))
        except NotFoundInEngine:
            return  # the program removed the directory
        if packed is not None:
            with reader_of(packed) as source:
                self._store.put(self._bucket, self._prefix + name, source)

    def _files(self, read: Read) -> None:
        try:
            self.left_out = artifacts.upload(
                read(optml.MODEL),
                "model",
                self._store,
                self._bucket,
                f"{self._prefix}model/",
                lambda m: self.model_files.append(_seen(m)),
            )
        except NotFoundInEngine:
            return


def _seen(member: Member) -> FileSeen:
    return FileSeen(member.name, member.kind, member.size, member.mode, member.link)


def read_failure(container: LaunchedContainer) -> bytes | None:
    """The beginning of /opt/ml/output/failure, or None when there is no such file."""
    try:
        with (
            reader_of(container.read(optml.FAILURE)) as source,
            tarfile.open(fileobj=source, mode="r|") as archive,
        ):
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                return file.read(_FAILURE_BYTES) if file is not None else None
    except NotFoundInEngine:
        return None
    return None

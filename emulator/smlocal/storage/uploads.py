"""Uploads in parts: each part a file of its own until all of them become one object.

    <folder>/<bucket>/<upload id>/upload.json       what the upload is for
    <folder>/<bucket>/<upload id>/part-00001-…      a part; its name ends with its MD5 and its checksum

Nothing is kept in memory, so that an upload outlives the process. Source: Amazon S3 user guide, mpuoverview.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from smlocal.errors import NoSuchUpload, StorageError
from smlocal.requests.addresses import is_bucket_name
from smlocal.storage.keys import sort_key
from smlocal.storage.writing import CHUNK, spooled, sweep, told

_ID = re.compile(r"[A-Za-z0-9_-]{32}")
_PART = re.compile(r"part-(\d{5})-([0-9a-f]{32})-([A-Za-z0-9_=-]*)")


@dataclass(frozen=True)
class Upload:
    """An upload that is under way."""

    bucket: str
    key: str
    id: str
    begun: float  # seconds since the epoch
    about: Mapping[str, str] = field(default_factory=dict)  # of the object that it will be


@dataclass(frozen=True)
class Part:
    """One part; `etag` is its MD5, `checksum` what its writer said: base64, "" for none."""

    number: int
    etag: str
    checksum: str
    size: int
    modified: float
    path: Path


class Uploads:
    """Those that are kept in `folder`, shared by any number of threads and processes."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder.absolute()
        self._clock = clock
        self._swept = False

    def begin(self, bucket: str, key: str, about: Mapping[str, str]) -> Upload:
        upload = Upload(bucket, key, secrets.token_urlsafe(24), self._clock(), dict(about))
        with told(f"beginning an upload of s3://{bucket}/{key}"):
            made = self._incoming() / upload.id
            made.mkdir()
            (made / "upload.json").write_text(json.dumps(asdict(upload)))
            place = self._place(bucket, upload.id)
            place.parent.mkdir(parents=True, exist_ok=True)
            made.rename(place)
        return upload

    def find(self, bucket: str, key: str, identity: str) -> Upload:
        """Raises NoSuchUpload, also when it is another key's."""
        upload = self._read(bucket, identity) if _ID.fullmatch(identity) and is_bucket_name(bucket) else None
        if upload is None or upload.key != key:
            raise NoSuchUpload(f"there is no upload {identity} of s3://{bucket}/{key}")
        return upload

    def all(self, bucket: str) -> list[Upload]:
        """By key, then by when they were begun."""
        with told(f"listing the uploads of the bucket {bucket}"):
            names = [path.name for path in (self._folder / bucket).glob("*")]
        found = (self._read(bucket, name) for name in names)
        return sorted((one for one in found if one), key=lambda one: (sort_key(one.key), one.begun, one.id))

    def put_part(self, upload: Upload, number: int, source: BinaryIO, checksum: Callable[[], str]) -> Part:
        """Store all bytes of `source`; the part appears whole or not at all, in the place of one with its number.

        `checksum` is asked when the source has ended. Raises NoSuchUpload.
        """
        place = self._place(upload.bucket, upload.id)
        with (
            told(f"storing part {number} of s3://{upload.bucket}/{upload.key}"),
            spooled(self._incoming(), source) as file,
        ):
            safe = checksum().translate({ord("+"): "-", ord("/"): "_"})
            name = f"part-{number:05d}-{file.etag}-{safe}"
            try:
                file.move_to(place / name)
            except FileNotFoundError as error:
                raise NoSuchUpload(f"the upload {upload.id} has ended") from error
            for other in place.glob(f"part-{number:05d}-*"):
                if other.name != name:
                    other.unlink(missing_ok=True)
        return _part(place / name, file.status)

    def parts(self, upload: Upload) -> list[Part]:
        """By number. Raises NoSuchUpload."""
        found: dict[int, Part] = {}
        try:
            for path in self._place(upload.bucket, upload.id).iterdir():
                with contextlib.suppress(FileNotFoundError):  # replaced since
                    if _PART.fullmatch(path.name):
                        part = _part(path, path.stat())
                        if part.number not in found or found[part.number].modified < part.modified:
                            found[part.number] = part
        except FileNotFoundError as error:
            raise NoSuchUpload(f"the upload {upload.id} has ended") from error
        return [found[number] for number in sorted(found)]

    def end(self, upload: Upload) -> None:
        """Nothing of it is left; no error when there was nothing."""
        with told(f"removing what an upload of s3://{upload.bucket}/{upload.key} has left"):
            gone = self._incoming() / f"{upload.id}-gone"
            with contextlib.suppress(FileNotFoundError):
                self._place(upload.bucket, upload.id).rename(
                    gone
                )  # at once, so that it is never seen with half its parts
            shutil.rmtree(gone, ignore_errors=True)

    def _read(self, bucket: str, identity: str) -> Upload | None:
        try:
            return Upload(**json.loads((self._place(bucket, identity) / "upload.json").read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"the upload {identity} of the bucket {bucket} cannot be read: {error}") from error

    def _place(self, bucket: str, identity: str) -> Path:
        return self._folder / bucket / identity

    def _incoming(self) -> Path:
        folder = self._folder / ".incoming"  # no bucket's name
        folder.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            sweep(folder)
            for gone in folder.glob("*-gone"):
                shutil.rmtree(gone, ignore_errors=True)
        return folder


def joined(parts: Sequence[Part]) -> Iterator[bytes]:
    """The bytes of the parts, one after the other. Raises NoSuchUpload when one has gone."""
    for part in parts:
        try:
            with part.path.open("rb", buffering=0) as source:
                while data := source.read(CHUNK):
                    yield data
        except FileNotFoundError as error:
            raise NoSuchUpload(f"part {part.number} has gone") from error


def _part(path: Path, status: os.stat_result) -> Part:
    match = _PART.fullmatch(path.name)
    if match is None:
        raise StorageError(f"{path} is no part")
    checksum = match[3].translate({ord("-"): "+", ord("_"): "/"})
    return Part(int(match[1]), match[2], checksum, status.st_size, status.st_mtime, path)

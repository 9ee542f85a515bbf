"""Where inputs come from and outputs go: folders, files and s3:// addresses, and what of them the user is told."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smlocal.errors import StorageError, UsageError
from smlocal.storage.keys import checked_bucket
from smlocal.storage.mounted import Mount, mount_of

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.wiring import Program

_WEB_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Places:
    """Folders, files and s3:// addresses of the command line; folders and files become buckets of their own."""

    def __init__(self) -> None:
        self.mounts: dict[str, Mount] = {}
        self.uses_buckets = False  # whether an s3:// address was given

    def source(self, text: str, what: str) -> str:
        """The address of an input. Raises UsageError when a folder or file is not there."""
        if text.startswith("s3://"):
            return self._address(text, what)
        path = _path(text, what)
        if not path.exists():
            raise UsageError(f"{what}: there is no file or folder '{text}'")
        return self._mounted(path, writable=False)

    def target(self, text: str, what: str, *, deletable: bool = False) -> str:
        """The address of an output; a folder is made when it is not there. With `deletable`, the run may delete what
        it wrote itself. Raises UsageError when the folder cannot be written to."""
        if text.startswith("s3://"):
            return self._address(text, what)
        path = _path(text, what)
        if path.exists() and not path.is_dir():
            raise UsageError(f"{what}: '{text}' is a file, and a folder is needed")
        try:
            address = self._mounted(path, writable=True, deletable=deletable)
        except StorageError as error:
            raise UsageError(f"{what}: {error}") from error
        if not os.access(path, os.W_OK | os.X_OK):
            raise UsageError(f"{what}: the folder '{text}' cannot be written to")
        return address.rstrip("/")

    def _address(self, text: str, what: str) -> str:
        self.uses_buckets = True
        bucket = text.removeprefix("s3://").partition("/")[0]
        if not bucket:
            raise UsageError(f"{what}: '{text}' names no bucket; a good address looks like 's3://bucket/prefix/'")
        try:
            checked_bucket(bucket)
        except StorageError as error:
            raise UsageError(f"{what}: {error}") from error
        return text

    def _mounted(self, path: Path, *, writable: bool, deletable: bool = False) -> str:
        bucket, mount = mount_of(path, writable=writable, deletable=deletable)
        known = self.mounts.get(bucket)
        if known is not None and known.writable:
            mount = known
        self.mounts[bucket] = mount
        return f"s3://{bucket}/{mount.prefix}"


def say_where(terminal: Terminal, program: Program) -> None:
    """Say where s3:// addresses lead, for nothing here ever talks to AWS."""
    where = program.settings.s3_endpoint_url or program.settings.state / "s3"
    terminal.say(f"s3:// addresses lead to {where}, not to AWS")


def ensure_buckets(program: Program, request: Mapping[str, Any]) -> None:
    """The buckets that a job writes to exist: in our own store they are made, as the SageMaker SDK makes its default
    bucket; on a server of the user's they are the user's to make."""
    if program.settings.s3_endpoint_url is None:
        for address in _written(request):
            program.store.ensure_bucket(address.removeprefix("s3://").partition("/")[0])


def _written(request: Mapping[str, Any]) -> Iterator[str]:
    for part, member in (("OutputDataConfig", "S3OutputPath"), ("TransformOutput", "S3OutputPath")):
        if part in request:
            yield request[part][member]
    if "CheckpointConfig" in request:
        yield request["CheckpointConfig"]["S3Uri"]


def shown(program: Program, address: str) -> str:
    """An address as the user knows it: a path when it lies in a folder that was given."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    mount = program.mounts.get(bucket)
    if mount is None:
        return address
    # an output folder is named without its slash: `<name>` is the folder itself
    return str(mount.path / f"{key}/".removeprefix(mount.prefix).rstrip("/")) if not mount.is_file else str(mount.path)


def told(program: Program, text: str) -> str:
    """A sentence with the addresses of what was given by path as those paths."""
    for bucket, mount in program.mounts.items():
        path = str(mount.path) if mount.is_file else f"{mount.path}/"
        for address in (f"s3://{bucket}/{mount.prefix}", f"{bucket}/{mount.prefix}"):  # a data log has no scheme
            text = text.replace(address, path)
    return text


def _path(text: str, what: str) -> Path:
    """A path that can be asked about. Raises UsageError for one that no file can have, and for an address of the web,
    which would otherwise become a folder `https:`."""
    if _WEB_ADDRESS.match(text):
        raise UsageError(
            f"{what}: '{text}' is no place that smlocal knows: write a folder, a file or s3://bucket/prefix/"
        )
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:  # too long a name; a user after ~ whom nobody knows
        reason = error.strerror if isinstance(error, OSError) else "nobody knows that user's folder"
        raise UsageError(f"{what}: '{text}' cannot be used: {reason}") from error
    return path

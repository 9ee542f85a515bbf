"""Input data: from the channels of a request to the files that a container finds in `/opt/ml/input/data`.

File mode, S3Prefix. Source for the rules: AWS API reference (Channel, S3DataSource, ShuffleConfig) and developer guide,
your-algorithms-training-algo-running-container; for the manifests and the relative paths, files captured from jobs on
the platform in 2020 and 2022. What the platform does with keys that no file can be named after is not documented; the
names refused here are those that the API reference (S3ModelDataSource) refuses for a model's files.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from smlocal.errors import InvalidRequest, NoSuchBucket, NotSupported
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore, StoredObject
from smlocal.storage.keys import is_file_name, split_uri
from smlocal.tree import Entry, TreeDirectory, TreeFile, below

CHECKPOINTS = "checkpoints"

_CHANNEL_MEMBERS = {
    "ChannelName",
    "DataSource",
    "ContentType",
    "CompressionType",
    "RecordWrapperType",
    "InputMode",
    "ShuffleConfig",
}
_SOURCE_MEMBERS = {"S3DataType", "S3Uri", "S3DataDistributionType"}


@dataclass(frozen=True)
class Files:
    """The objects below an S3 address, as files with paths relative to one folder."""

    bucket: str
    prefix: str
    entries: tuple[Entry, ...]
    objects: tuple[str, ...]  # every key, folder markers too, in the order of the download

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries if isinstance(entry, TreeFile))

    @property
    def manifest(self) -> str:
        """The text of `<channel>-manifest`: the prefix, then every object's address.

        Source: captured on the platform, 2020 and 2022. That its last line ends is our assumption.
        """
        return "".join([f"{self.prefix}\n", *(f"s3://{self.bucket}/{key}\n" for key in self.objects)])


@dataclass(frozen=True)
class Channel:
    """One input channel, its objects listed, its bytes not yet read."""

    name: str
    config: Mapping[str, str]  # its member of inputdataconfig.json, keys in the documented order
    files: Files
    local_folder: Path | None  # a folder of this machine that holds exactly these files: a big one need not be copied

    @property
    def total_bytes(self) -> int:
        return self.files.size


@dataclass(frozen=True)
class Inputs:
    """All that a training job is given in files."""

    channels: tuple[Channel, ...]
    checkpoints: Files | None  # what to restore, and where to save to; None without CheckpointConfig

    @property
    def total_bytes(self) -> int:
        """What everything needs on a disk, known before anything is read."""
        return sum(channel.total_bytes for channel in self.channels) + (
            self.checkpoints.size if self.checkpoints else 0
        )

    def manifests(self) -> dict[str, str]:
        """The text of each `<name>-manifest`, by name; the checkpoints have one too, with no more than its first
        line when there are none yet. Source: captured on the platform, 2020."""
        texts = {channel.name: channel.files.manifest for channel in self.channels}
        return texts if self.checkpoints is None else {**texts, CHECKPOINTS: self.checkpoints.manifest}

    def entries_of(self, name: str) -> Iterator[Entry]:
        """The files of one channel, relative to its folder."""
        yield from next(channel.files.entries for channel in self.channels if channel.name == name)

    def data_entries(self, skip: Collection[str] = ()) -> Iterator[Entry]:
        """`data` with a folder for each channel, relative to /opt/ml/input; those in `skip` are left out."""
        yield TreeDirectory("data")
        for channel in self.channels:
            if channel.name not in skip:
                yield TreeDirectory(f"data/{channel.name}")
                for entry in channel.files.entries:
                    yield below(f"data/{channel.name}", entry)

    def checkpoint_entries(self) -> Iterator[Entry]:
        """The files to restore, relative to the checkpoint folder."""
        yield from self.checkpoints.entries if self.checkpoints else ()


def resolve(request: Mapping[str, Any], store: ObjectStore, settings: Settings) -> Inputs:
    """What a CreateTrainingJob request asks for, listed in `store`; nothing is read yet.

    Raises InvalidRequest (with SageMaker's text when an address has no objects), NotSupported for values, objects and
    names that cannot be had, NoSuchBucket when the checkpoints' bucket is missing.
    """
    configuration = request.get("InputDataConfig") or ()
    checkpoints = request.get("CheckpointConfig")
    _check_names([channel["ChannelName"] for channel in configuration], bool(checkpoints))
    channels = tuple(_resolved(channel, request, store, settings.region) for channel in configuration)
    return Inputs(channels, _checkpoints(checkpoints["S3Uri"], store) if checkpoints else None)


def _checkpoints(uri: str, store: ObjectStore) -> Files:
    """The address is a folder: `s3://b/run` means what is below `run/`, never `run-old/`, since a file is saved at the
    address plus its path. Source: developer guide, model-checkpoints."""
    bucket, key = split_uri(uri)
    return files_below(store, bucket, f"{key.rstrip('/')}/" if key.strip("/") else "")


def files_below(store: ObjectStore, bucket: str, prefix: str, seed: int | None = None) -> Files:
    """Objects whose key begins with the string `prefix`, as files named by what follows the prefix's last "/".

    A key that ends with "/" and has no bytes makes a folder, as the S3 console makes them. Raises NotSupported for
    keys that no file can be named after, NoSuchBucket.
    """
    objects = list(store.list(bucket, prefix))
    if seed is not None:
        random.Random(seed).shuffle(objects)
    start = prefix.rfind("/") + 1
    entries = [entry for item in objects if (entry := _entry(store, item, item.key[start:])) is not None]
    _check_clashes(bucket, prefix[:start], entries)
    return Files(bucket, prefix, tuple(entries), tuple(item.key for item in objects))


def _entry(store: ObjectStore, item: StoredObject, path: str) -> Entry | None:
    marker = path == "" or path.endswith("/")
    name = path.removesuffix("/")
    if marker and item.size:
        raise NotSupported(f"{item.uri} ends with / and has {item.size} bytes: it cannot be a file of a channel")
    if name == "" and item.key.endswith("/") and path == "":
        return None
    for part in name.split("/"):
        if not is_file_name(part):
            shown = "an empty name" if not part else f"a longer name than 255 bytes ({part[:20]}…)"
            shown = f'"{part}"' if part in (".", "..") else "a NUL byte" if "\0" in part else shown
            raise NotSupported(f"{item.uri} cannot be a file of a channel: its path there would have {shown} in it")
    if marker:
        return TreeDirectory(name)
    return TreeFile(name, item.size, partial(store.open, item.bucket, item.key))


def _check_clashes(bucket: str, folder: str, entries: Iterable[Entry]) -> None:
    """A file cannot have the name of a folder."""
    files = {entry.path for entry in entries if isinstance(entry, TreeFile)}
    for entry in entries:
        parts = entry.path.split("/")
        ends = len(parts) + 1 if isinstance(entry, TreeDirectory) else len(parts)
        for end in range(1, ends):
            above = "/".join(parts[:end])
            if above in files:
                raise NotSupported(
                    f"s3://{bucket}/{folder}{above} is an object, and s3://{bucket}/{folder}{entry.path} needs a "
                    "folder of that name: both cannot be files of one channel"
                )


def _check_names(names: Sequence[str], checkpoints: bool) -> None:
    """Names share one folder with each other and with their manifests."""
    taken = {f"{CHECKPOINTS}-manifest"} if checkpoints else set()
    for name in names:
        if name in (".", ".."):
            raise NotSupported(f'ChannelName "{name}" cannot be the name of a folder')
        if names.count(name) > 1 or (checkpoints and name == CHECKPOINTS):
            raise InvalidRequest(f'ChannelName "{name}" is used more than once')
        taken.add(f"{name}-manifest")
    for name in names:
        if name in taken:
            raise NotSupported(f'ChannelName "{name}" is also the name of a manifest in /opt/ml/input/data')


def _resolved(channel: Mapping[str, Any], request: Mapping[str, Any], store: ObjectStore, region: str) -> Channel:
    name = channel["ChannelName"]
    _check_supported(channel, request)
    source = channel["DataSource"]["S3DataSource"]
    bucket, prefix = split_uri(source["S3Uri"])
    shuffle = channel.get("ShuffleConfig")
    seed = None if shuffle is None else int(shuffle["Seed"])
    try:
        files = files_below(store, bucket, prefix, seed)
    except NoSuchBucket:
        files = Files(bucket, prefix, (), ())
    if not files.objects:
        raise InvalidRequest(_no_objects(source["S3Uri"], bucket, region, request.get("RoleArn", "")))
    config = {"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}
    config["TrainingInputMode"] = "File"
    config["S3DistributionType"] = source.get("S3DataDistributionType", "FullyReplicated")
    config["RecordWrapperType"] = "None"
    whole_folder = not prefix or prefix.endswith("/")
    return Channel(name, config, files, store.local_folder(bucket, prefix) if whole_folder and seed is None else None)


def _no_objects(uri: str, bucket: str, region: str, role: str) -> str:
    """Source: aws/amazon-sagemaker-examples issues 2267, 2269 and 2489."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def _check_supported(channel: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """Raises NotSupported with the channel, the member and the value."""
    where = f'channel "{channel["ChannelName"]}"'
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise NotSupported(f"{where}: DataSource.{'/'.join(channel['DataSource'])} is not supported; only S3DataSource")
    job_mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    hosts = request.get("ResourceConfig", {}).get("InstanceCount", 1)
    distributions = ("FullyReplicated", "ShardedByS3Key") if hosts == 1 else ("FullyReplicated",)
    allowed: list[tuple[str, Any, tuple[str, ...]]] = [
        ("InputMode", channel.get("InputMode") or job_mode, ("File",)),
        ("CompressionType", channel.get("CompressionType", "None"), ("None",)),
        ("RecordWrapperType", channel.get("RecordWrapperType", "None"), ("None",)),
        ("S3DataType", source["S3DataType"], ("S3Prefix",)),
        ("S3DataDistributionType", source.get("S3DataDistributionType", "FullyReplicated"), distributions),
    ]
    for member, value, values in allowed:
        if value not in values:
            extra = f" with {hosts} instances" if member == "S3DataDistributionType" else ""
            raise NotSupported(f"{where}: {member} {value} is not supported{extra}; only {' and '.join(values)}")
    for member in [*(set(channel) - _CHANNEL_MEMBERS), *(set(source) - _SOURCE_MEMBERS)]:
        raise NotSupported(f"{where}: {member} is not supported")

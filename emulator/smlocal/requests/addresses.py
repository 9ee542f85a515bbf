"""The S3 addresses of a request: none names a bucket that S3 cannot have, and none is an https address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_MEMBERS = (
    "InputDataConfig[].DataSource.S3DataSource.S3Uri",
    "CheckpointConfig.S3Uri",
    "OutputDataConfig.S3OutputPath",
    "TransformInput.DataSource.S3DataSource.S3Uri",
    "TransformOutput.S3OutputPath",
    "PrimaryContainer.ModelDataUrl",
    "PrimaryContainer.ModelDataSource.S3DataSource.S3Uri",
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
BUCKET_NAMES = "S3 allows 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"


def is_bucket_name(name: str) -> bool:
    """Whether S3 allows it. Source: Amazon S3 user guide, bucketnamingrules."""
    return bool(_BUCKET.fullmatch(name)) and ".." not in name and not _IP_ADDRESS.fullmatch(name)


def buckets_are_named(request: Mapping[str, Any]) -> Iterator[str]:
    """Faults of addresses whose bucket S3 cannot have; an https address is no fault of AWS's.

    Source: Amazon S3 user guide, bucketnamingrules. Whether SageMaker refuses such a name at once is not known; the
    text is ours.
    """
    for place, address in _addresses(request):
        bucket = address.removeprefix("s3://").partition("/")[0]
        if not address.startswith("https://") and not is_bucket_name(bucket):
            yield f'{place} "{address}" names no bucket: {BUCKET_NAMES}'


def https_addresses(request: Mapping[str, Any]) -> Iterator[str]:
    """What to do about each address that AWS takes and smlocal does not."""
    for place, address in _addresses(request):
        if address.startswith("https://"):
            yield f'{place} "{address}": write the address as s3://bucket/key'


def _addresses(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each address with its place, such as "InputDataConfig[0].DataSource.S3DataSource.S3Uri"."""
    for member in _MEMBERS:
        first, *_ = steps = member.split(".")
        if first.removesuffix("[]") not in request:
            continue
        for place, found in _at(request, steps, ""):
            if isinstance(found, str) and found:
                yield place, found


def _at(holder: Any, steps: list[str], place: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        yield place, holder
        return
    name, many = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    held = holder.get(name) if isinstance(holder, Mapping) else None
    here = f"{place}.{name}" if place else name
    for index, item in enumerate(held or ()) if many else ((0, held),):
        yield from _at(item, steps[1:], f"{here}[{index}]" if many else here)

"""The checksums of S3: CRC32, CRC32C, CRC64NVME, SHA1, SHA256, as base64 of their big-endian bytes.

Source: Amazon S3 user guide, "Checking object integrity". An object for which its writer said none has a CRC64NVME.
The one door to anycrc, which has those that Python lacks. (AWS's own library, awscrt, would have them too; where it is
installed, boto3 signs in another way, and it is not for us to change how a user's boto3 works.)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable
from typing import Protocol

from smlocal.aws.s3.errors import S3Error, not_implemented
from smlocal.http_client import Headers

DEFAULT = "CRC64NVME"
TYPE = "x-amz-checksum-type"
PREFIX = "x-amz-checksum-"
_NOT_CHECKSUMS = (TYPE, "x-amz-checksum-mode", "x-amz-checksum-algorithm")
_LENGTHS = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
FULL_OBJECT_ONLY = ("CRC64NVME",)
COMPOSITE_ONLY = ("SHA1", "SHA256")
ELEMENTS = {name: f"Checksum{name}" for name in _LENGTHS}


class Sum(Protocol):
    """A checksum over what it was given so far."""

    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], length: int) -> None:
        self._function, self._length, self._value = function, length, 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._length, "big")


def new_sum(algorithm: str) -> Sum:
    """Of one of the names above."""
    if algorithm == "SHA1":
        return hashlib.sha1(usedforsecurity=False)
    if algorithm == "SHA256":
        return hashlib.sha256()
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    import anycrc  # most commands need none

    return _Crc(anycrc.Model("CRC32-ISCSI" if algorithm == "CRC32C" else "CRC64-NVME").calc, _LENGTHS[algorithm])


def header_of(algorithm: str) -> str:
    return PREFIX + algorithm.lower()


def told(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def composite(algorithm: str, checksums: Iterable[str]) -> str:
    """Of an object in parts: the checksum of the parts' checksums, and how many they are."""
    digests = [base64.b64decode(one) for one in checksums]
    total = new_sum(algorithm)
    total.update(b"".join(digests))
    return f"{told(total.digest())}-{len(digests)}"


def known(algorithm: str) -> str:
    """Its name in upper case. Raises S3Error for one that we cannot compute."""
    if algorithm.upper() not in _LENGTHS:
        raise not_implemented(f"the checksum algorithm {algorithm}; it has {', '.join(_LENGTHS)}")
    return algorithm.upper()


def checked(algorithm: str, value: str) -> str:
    """The value itself. Raises S3Error for one that is no checksum of this kind."""
    try:
        length = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        length = -1
    if length != _LENGTHS[algorithm]:
        raise S3Error("InvalidRequest", f"Value for {header_of(algorithm)} header is invalid.")
    return value


def announced(headers: Headers) -> tuple[str, str]:
    """The algorithm of a body's checksum and its value, which is empty when it follows in a trailer; "" and "" for
    none. Raises S3Error."""
    given = [name for name in headers if name.startswith(PREFIX) and name not in _NOT_CHECKSUMS]
    trailing = headers.get("x-amz-trailer", "").strip().lower()
    trailing = trailing if trailing.startswith(PREFIX) else ""
    if len(given) + bool(trailing) > 1:
        raise S3Error(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if trailing:
        return known(trailing.removeprefix(PREFIX)), ""
    if given:
        algorithm = known(given[0].removeprefix(PREFIX))
        return algorithm, checked(algorithm, headers[given[0]])
    if headers.get("x-amz-sdk-checksum-algorithm"):
        raise S3Error(
            "InvalidRequest",
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers"
            " were found.",
        )
    return "", ""


def mismatch(algorithm: str) -> S3Error:
    return S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")

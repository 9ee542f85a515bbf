"""Buckets, keys and `s3://` addresses, and how any key becomes the name of a file and back.

A key is *plain* when each of its parts could be a file's name: it is then kept under that very path, so that whoever
looks into a bucket's folder sees `iris/train.csv`. Any other key (`a//b`, `../x`, `folder/`, a part longer than 255
bytes) is kept below the reserved folder `.smlocal.keys` under its percent-encoding, cut into pieces that a file
system takes. So is a plain key while another key's folder has its name (`a` beside `a/b`).
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from smlocal.errors import InvalidRequest, NotSupported, StorageError
from smlocal.requests.addresses import BUCKET_NAMES, is_bucket_name

LONGEST_KEY = 1024  # bytes of UTF-8; Source: Amazon S3 user guide, object-keys
LONGEST_NAME = 255  # bytes of one file name, on every file system that we know
RESERVED = ".smlocal.keys"

_PIECE = 240  # with its mark, shorter than the longest name


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix, perhaps empty) of `s3://bucket/key`. Raises InvalidRequest, NotSupported."""
    if uri.startswith("https://"):
        raise NotSupported(f'"{uri}" is an https address; smlocal takes S3 addresses as s3://bucket/key')
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise InvalidRequest(f'"{uri}" is not an S3 address: it must look like s3://bucket/key')
    return bucket, key


def checked_bucket(name: str) -> str:
    """The name itself. Raises StorageError for one that S3 does not allow."""
    if not is_bucket_name(name):
        raise StorageError(f'"{name}" cannot be the name of a bucket: {BUCKET_NAMES}')
    return name


def checked_key(key: str) -> str:
    """The key itself. Raises StorageError for one that S3 does not allow."""
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise StorageError(f"the key {key!r} is not text that UTF-8 can hold") from error
    if not 1 <= length <= LONGEST_KEY:
        raise StorageError(f"a key has 1 to {LONGEST_KEY} bytes; {key[:40]!r}… has {length}")
    return key


def is_file_name(part: str) -> bool:
    """Whether a file may bear this part of a key as its name."""
    return part not in ("", ".", "..") and "\0" not in part and len(part.encode(errors="surrogatepass")) <= LONGEST_NAME


def is_plain(key: str) -> bool:
    """Whether the key is a natural path of a file in its bucket's folder."""
    parts = key.split("/")
    return parts[0] != RESERVED and all(is_file_name(part) for part in parts)


def reserved_parts(key: str) -> list[str]:
    """The path of any key below `.smlocal.keys`: folders marked `+`, and a file marked `=`, that spell it."""
    text = quote(key, safe="")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [f"+{piece}" for piece in pieces[:-1]] + [f"={pieces[-1]}"]


def reserved_prefixes(prefix: str) -> list[str]:
    """The path prefixes below `.smlocal.keys` under which every key that begins with `prefix` is."""
    text = quote(prefix, safe="", errors="surrogatepass")
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    rest = pieces.pop() if len(text) % _PIECE else ""
    above = "".join(f"+{piece}/" for piece in pieces)
    whole = ["".join(f"+{piece}/" for piece in pieces[:-1]) + f"={pieces[-1]}"] if pieces and not rest else []
    return [*whole, f"{above}+{rest}", f"{above}={rest}"]


def key_of_reserved(parts: list[str]) -> str | None:
    """The key that `reserved_parts` spelled; None for names that it never gives."""
    if not parts or any(part[:1] != "+" for part in parts[:-1]) or parts[-1][:1] != "=":
        return None
    try:
        key = unquote("".join(part[1:] for part in parts), errors="strict")
    except UnicodeDecodeError:
        return None
    return key if key and reserved_parts(key) == parts else None


def sort_key(key: str) -> bytes:
    """S3 lists keys in the order of their UTF-8 bytes. Source: Amazon S3 API, ListObjectsV2."""
    return key.encode()

"""Lists of objects, by page: ListObjects (V1) and ListObjectsV2.

Source: Amazon S3 API, ListObjects and ListObjectsV2; user guide, using-prefixes. Not verified at AWS: what a
`start-after` that is itself a common prefix does (here it is a key like any other).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from smlocal.aws.s3 import xml
from smlocal.aws.s3.errors import invalid_argument
from smlocal.aws.s3.payload import Payload
from smlocal.aws.s3.request import Request
from smlocal.aws.wire import Reply
from smlocal.storage.interface import ObjectStore, StoredObject

MOST = 1000  # entries of a page
_PATIENCE = 1000  # objects of one common prefix that are passed over before the listing begins anew behind them
_BEHIND = "\U0010ffff" * 256  # no key that begins with a prefix comes after the prefix and this
Encode = Callable[[str], str]


@dataclass
class Page:
    """Objects and common prefixes; `last` is what the next page comes after when there is one."""

    objects: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    is_truncated: bool = False

    def __len__(self) -> int:
        return len(self.objects) + len(self.prefixes)


class Listing:
    """Pages of the objects of a bucket."""

    def __init__(self, store: ObjectStore, owner: str) -> None:
        self._store = store
        self._owner = owner

    def first_version(self, request: Request, payload: Payload) -> Reply:
        query = request.query
        prefix, delimiter, marker = query.get("prefix", ""), query.get("delimiter", ""), query.get("marker", "")
        most = at_most(request, "max-keys")
        behind = marker if delimiter and marker.endswith(delimiter) else ""
        found = page_of(self._store, request.bucket, prefix, delimiter, marker, most, behind)
        encode = encoding_of(request)
        following = encode(found.last) if found.is_truncated and delimiter else None
        body = xml.document(
            "ListBucketResult",
            xml.tag("Name", request.bucket),
            xml.tag("Prefix", encode(prefix)),
            xml.tag("Marker", encode(marker)),
            xml.tag("NextMarker", following),
            *self._common(request, found, most, encode, with_owner=True),
        )
        return Reply(200, {"Content-Type": "application/xml"}, body)

    def second_version(self, request: Request, payload: Payload) -> Reply:
        query = request.query
        if query.get("list-type") != "2":
            raise invalid_argument("list-type", query.get("list-type", ""), "Invalid List Type specified in Request")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        start, token = query.get("start-after"), query.get("continuation-token")
        most = at_most(request, "max-keys")
        after = start or "" if token is None else _last_of(token)
        behind = after if token is not None and delimiter and after.endswith(delimiter) else ""
        found = page_of(self._store, request.bucket, prefix, delimiter, after, most, behind)
        encode = encoding_of(request)
        body = xml.document(
            "ListBucketResult",
            xml.tag("Name", request.bucket),
            xml.tag("Prefix", encode(prefix)),
            xml.tag("ContinuationToken", token),
            xml.tag("NextContinuationToken", _token(found.last) if found.is_truncated else None),
            xml.tag("StartAfter", encode(start) if start else None),
            xml.tag("KeyCount", len(found)),
            *self._common(request, found, most, encode, with_owner=query.get("fetch-owner", "") == "true"),
        )
        return Reply(200, {"Content-Type": "application/xml"}, body)

    def _common(self, request: Request, found: Page, most: int, encode: Encode, *, with_owner: bool) -> Iterator[str]:
        delimiter = request.query.get("delimiter")
        yield xml.tag("MaxKeys", most)
        yield xml.tag("Delimiter", encode(delimiter) if delimiter else None)
        yield xml.tag("EncodingType", request.query.get("encoding-type"))
        yield xml.tag("IsTruncated", found.is_truncated)
        owner = xml.group("Owner", xml.tag("ID", self._owner)) if with_owner else ""
        for item in found.objects:
            yield xml.group(
                "Contents",
                xml.tag("Key", encode(item.key)),
                xml.tag("LastModified", xml.iso(item.modified)),
                xml.tag("ETag", xml.quoted(item.etag)),
                xml.tag("Size", item.size),
                owner,
                xml.tag("StorageClass", "STANDARD"),
            )
        for prefix in found.prefixes:
            yield xml.group("CommonPrefixes", xml.tag("Prefix", encode(prefix)))


def page_of(
    store: ObjectStore, bucket: str, prefix: str, delimiter: str, after: str, most: int, behind: str = ""
) -> Page:
    """At most `most` entries that come after `after`. `behind` is a common prefix that an earlier page has told."""
    found = Page()
    for item in _entries(store, bucket, prefix, delimiter, after, behind):
        if len(found) == most:
            found.is_truncated = most > 0
            break
        found.last = item if isinstance(item, str) else item.key
        if isinstance(item, str):
            found.prefixes.append(item)
        else:
            found.objects.append(item)
    return found


def _entries(
    store: ObjectStore, bucket: str, prefix: str, delimiter: str, after: str, behind: str
) -> Iterator[StoredObject | str]:
    """Objects, and in the place of those that have one their common prefix, once."""
    common, passed = behind, 0
    items = store.list(bucket, prefix, after)
    while True:
        item = next(items, None)
        if item is None:
            return
        if common and item.key.startswith(common):
            passed += 1
            if passed == _PATIENCE:
                items, passed = store.list(bucket, prefix, common + _BEHIND), 0
            continue
        start, found, _ = item.key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            common, passed = prefix + start + delimiter, 0
            yield common
        else:
            yield item


def at_most(request: Request, name: str) -> int:
    """A parameter that says how many. Raises S3Error InvalidArgument."""
    value = request.query.get(name, "") or str(MOST)
    if not (value.isascii() and value.isdecimal()) or int(value) > 2**31 - 1:
        raise invalid_argument(name, value, f"Argument {name} must be an integer between 0 and 2147483647")
    return min(int(value), MOST)


def encoding_of(request: Request) -> Encode:
    """How keys stand in the answer. Raises S3Error InvalidArgument."""
    asked = request.query.get("encoding-type")
    if asked is None:
        return str
    if asked != "url":
        raise invalid_argument("encoding-type", asked, "Invalid Encoding Method specified in Request")
    return lambda key: quote(key, safe="/")


def _token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _last_of(token: str) -> str:
    try:
        last = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        last = ""
    if not last:
        raise invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    return last

"""Lists: what a page holds, and that the pages joined are everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.s3.clients import client_of, refused, service_in
from tests.aws.s3.server import S3Server

_numbers = itertools.count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client for tests that make buckets of their own."""
    with S3Server(service_in(tmp_path_factory.mktemp("listing"))) as server:
        client = client_of(server.url)
        yield client
        client.close()


@pytest.fixture
def tree(s3: Any) -> Any:
    """The client, with keys in two folders and beside them."""
    for key in ("a/1", "a/2", "a/b/3", "b", "c/4", "d"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    return s3


def entries(page: Any) -> tuple[list[str], list[str]]:
    keys = [one["Key"] for one in page.get("Contents", [])]
    return keys, [one["Prefix"] for one in page.get("CommonPrefixes", [])]


@pytest.mark.parametrize(
    ("asked", "keys", "prefixes"),
    [
        ({}, ["a/1", "a/2", "a/b/3", "b", "c/4", "d"], []),
        ({"Delimiter": "/"}, ["b", "d"], ["a/", "c/"]),
        ({"Delimiter": "/", "Prefix": "a/"}, ["a/1", "a/2"], ["a/b/"]),
        ({"Delimiter": "/", "Prefix": "a"}, [], ["a/"]),
        ({"Delimiter": "b", "Prefix": "a"}, ["a/1", "a/2"], ["a/b"]),
        ({"Prefix": "a/b"}, ["a/b/3"], []),
        ({"Prefix": "none"}, [], []),
        ({"StartAfter": "a/2"}, ["a/b/3", "b", "c/4", "d"], []),
        ({"StartAfter": "a/1", "Delimiter": "/"}, ["b", "d"], ["a/", "c/"]),
        ({"StartAfter": "zzz"}, [], []),
        ({"MaxKeys": 0}, [], []),
    ],
)
def test_a_page_holds_what_was_asked_for(
    tree: Any, asked: dict[str, Any], keys: list[str], prefixes: list[str]
) -> None:
    page = tree.list_objects_v2(Bucket="bucket", **asked)
    assert entries(page) == (keys, prefixes)
    assert page["KeyCount"] == len(keys) + len(prefixes)
    assert page["IsTruncated"] is False
    assert {name: page[name] for name in asked} == asked


def test_an_entry_tells_size_etag_and_time(tree: Any) -> None:
    head = tree.head_object(Bucket="bucket", Key="a/b/3")
    for page in (
        tree.list_objects_v2(Bucket="bucket", Prefix="a/b/", FetchOwner=True),
        tree.list_objects(Bucket="bucket", Prefix="a/b/"),
    ):
        (entry,) = page["Contents"]
        told = (entry["Size"], entry["ETag"], entry["LastModified"], entry["StorageClass"])
        assert told == (5, head["ETag"], head["LastModified"], "STANDARD")
        assert entry["Owner"]["ID"]
    assert "Owner" not in tree.list_objects_v2(Bucket="bucket")["Contents"][0]


def test_the_first_version_pages_by_marker(tree: Any) -> None:
    first = tree.list_objects(Bucket="bucket", Delimiter="/", MaxKeys=2)
    assert (entries(first), first["IsTruncated"], first["NextMarker"]) == ((["b"], ["a/"]), True, "b")
    second = tree.list_objects(Bucket="bucket", Delimiter="/", MaxKeys=2, Marker="b")
    assert (entries(second), second["IsTruncated"]) == ((["d"], ["c/"]), False)
    behind = tree.list_objects(Bucket="bucket", Delimiter="/", Marker="a/")
    assert entries(behind) == (["b", "d"], ["c/"])
    plain = tree.list_objects(Bucket="bucket", MaxKeys=2)
    assert (plain["IsTruncated"], "NextMarker" in plain) == (True, False)


def test_a_page_has_at_most_1000_entries(s3: Any, folder: Path) -> None:
    for number in range(1001):
        (folder / f"{number:04d}").touch()
    page = s3.list_objects_v2(Bucket="bucket", MaxKeys=5000)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (1000, 1000, True)
    rest = s3.list_objects_v2(Bucket="bucket", ContinuationToken=page["NextContinuationToken"])
    assert entries(rest) == (["1000"], [])


def test_a_big_folder_is_one_common_prefix(s3: Any, folder: Path) -> None:
    (folder / "big/sub").mkdir(parents=True)
    for number in range(1100):
        (folder / f"big/{number}").touch()
        (folder / f"big/sub/{number}").touch()
    (folder / "after").touch()
    (folder / "zz").touch()
    assert entries(s3.list_objects_v2(Bucket="bucket", Delimiter="/")) == (["after", "zz"], ["big/"])


def test_a_missing_bucket_is_refused(s3: Any) -> None:
    for call in (s3.list_objects, s3.list_objects_v2):
        assert refused(lambda call=call: call(Bucket="none"))[:2] == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("asked", "argument"),
    [
        ({"MaxKeys": -1}, "max-keys"),
        ({"MaxKeys": 2**31}, "max-keys"),
        ({"ContinuationToken": "not one"}, "continuation-token"),
        ({"ContinuationToken": ""}, "continuation-token"),
        ({"EncodingType": "other"}, "encoding-type"),
    ],
)
def test_an_argument_that_is_none_is_refused_by_name(s3: Any, asked: dict[str, Any], argument: str) -> None:
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.list_objects_v2(Bucket="bucket", **asked)
    error = caught.value.response["Error"]
    assert (error["Code"], error["ArgumentName"]) == ("InvalidArgument", argument)


def test_an_object_that_is_replaced_between_pages_is_told_once(tree: Any) -> None:
    first = tree.list_objects_v2(Bucket="bucket", MaxKeys=3)
    tree.put_object(Bucket="bucket", Key="a/2/below", Body=b"")
    tree.delete_object(Bucket="bucket", Key="a/b/3")
    second = tree.list_objects_v2(Bucket="bucket", ContinuationToken=first["NextContinuationToken"])
    assert entries(second)[0] == ["b", "c/4", "d"]


PARTS = st.sampled_from(["a", "b", "a!", "", "..", "é", "%2F", "+", " ", "&", "\x01", "\U0010ffff"])
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(bool)


def expected(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    """Objects and common prefixes in their order, by the definition."""
    found = set()
    for key in keys:
        if key.startswith(prefix):
            start, there, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            found.add(f"prefix {prefix}{start}{delimiter}" if there else f"key {key}")
    return sorted(found, key=lambda one: one.partition(" ")[2].encode())


@settings(max_examples=60, deadline=None)
@given(
    st.sets(KEYS, max_size=10),
    st.sampled_from(["", "a", "a/", "a/b", "é"]),
    st.sampled_from(["", "/", "a", "//"]),
    st.integers(1, 4),
)
def test_the_pages_joined_are_everything_in_order(
    shared: Any, keys: set[str], prefix: str, delimiter: str, most: int
) -> None:
    bucket = f"pages-{next(_numbers)}"
    shared.create_bucket(Bucket=bucket)
    for key in keys:
        shared.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = expected(keys, prefix, delimiter)
    for operation in ("list_objects", "list_objects_v2"):
        found = []
        asked = {"Bucket": bucket, "Prefix": prefix, "Delimiter": delimiter, "MaxKeys": most}
        for page in shared.get_paginator(operation).paginate(**asked):
            names, prefixes = entries(page)
            assert len(names) + len(prefixes) <= most
            found += [f"key {name}" for name in names] + [f"prefix {name}" for name in prefixes]
        assert sorted(found, key=lambda one: one.partition(" ")[2].encode()) == wanted
        assert len(found) == len(wanted)

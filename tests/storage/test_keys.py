from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smlocal.errors import InvalidRequest, NotSupported, StorageError
from smlocal.requests.addresses import is_bucket_name
from smlocal.storage.keys import (
    checked_key,
    is_plain,
    key_of_reserved,
    reserved_parts,
    reserved_prefixes,
    split_uri,
)

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1024).filter(lambda key: len(key.encode()) <= 1024)


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        ("s3://bucket/iris/train.csv", ("bucket", "iris/train.csv")),
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket//a", ("bucket", "/a")),
        ("s3://bucket/a b%20c?d", ("bucket", "a b%20c?d")),
    ],
)
def test_an_address_is_bucket_and_key_and_nothing_in_it_is_decoded(uri: str, parts: tuple[str, str]) -> None:
    assert split_uri(uri) == parts


@pytest.mark.parametrize("uri", ["", "bucket/key", "s3:/bucket/key", "s3:///key", "S3://bucket", "file:///x"])
def test_what_is_no_s3_address_is_refused_with_how_one_looks(uri: str) -> None:
    with pytest.raises(InvalidRequest, match="s3://bucket/key"):
        split_uri(uri)


def test_an_https_address_is_refused_by_name() -> None:
    with pytest.raises(NotSupported, match="https"):
        split_uri("https://s3.us-east-1.amazonaws.com/bucket/key")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("sagemaker-us-east-1-000000000000", True),
        ("a.b", True),
        ("abc", True),
        ("ab", False),
        ("x" * 63, True),
        ("x" * 64, False),
        ("Abc", False),
        ("a_b", False),
        ("abc-", False),
        (".abc", False),
        ("a..b", False),
        ("10.0.0.1", False),
        ("../etc", False),
        ("abc\n", False),
        ("", False),
    ],
)
def test_bucket_names_are_those_that_s3_allows(name: str, allowed: bool) -> None:
    assert is_bucket_name(name) is allowed


@pytest.mark.parametrize(
    "key", ["a", "iris/train.csv", "a%2Fb", "a?b", "...", " ", "x" * 255, "é" * 127, ".hidden", "a\nb"]
)
def test_a_simple_key_is_its_own_path(key: str) -> None:
    assert is_plain(key)


@pytest.mark.parametrize(
    "key",
    [
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../x",
        "a/../b",
        "x" * 256,
        "é" * 128,
        "a\0b",
        "/",
        ".smlocal.keys/x",
        ".smlocal.keys",
    ],
)
def test_a_key_that_no_file_can_be_named_after_is_not_a_path(key: str) -> None:
    assert not is_plain(key)


@given(KEYS)
def test_the_reserved_place_of_a_key_spells_it_and_holds_only_safe_names(key: str) -> None:
    parts = reserved_parts(key)
    assert key_of_reserved(parts) == key
    assert all(len(part) <= 255 and part.isascii() and "/" not in part and "\0" not in part for part in parts)
    assert not {".", "..", ""} & set(parts)


@given(KEYS, st.integers(0, 1024))
def test_the_reserved_place_of_a_key_begins_as_its_prefixes_say(key: str, length: int) -> None:
    path = "/".join(reserved_parts(key))
    assert any(path.startswith(start) for start in reserved_prefixes(key[:length]))


@given(KEYS, KEYS)
def test_two_keys_never_have_one_reserved_place(one: str, other: str) -> None:
    assume(one != other)
    ours, theirs = reserved_parts(one), reserved_parts(other)
    assert ours != theirs
    assert ours != theirs[: len(ours)]  # a file is never in the way of a folder


@pytest.mark.parametrize("parts", [[], ["x"], ["=a", "=b"], ["+a"], ["=a%"], ["=%FF"], ["="], ["=a/b"], ["+a", "=b"]])
def test_a_name_that_we_never_give_is_no_key(parts: list[str]) -> None:
    assert key_of_reserved(parts) is None


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513])
def test_a_key_has_1_to_1024_bytes(key: str) -> None:
    with pytest.raises(StorageError, match="1 to 1024 bytes"):
        checked_key(key)


def test_a_key_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(StorageError, match="UTF-8"):
        checked_key("a\udcff")

"""Random sequences of operations against a dict that says what a bucket is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.aws.s3.clients import body_of, client_of, service_in
from tests.aws.s3.server import S3Server

_numbers = itertools.count()
PARTS = st.sampled_from(["a", "b", "", ".", "..", "é", "a%2Fb", "?", "#", "+", "~", "\x1f", "\n", "=a", "z" * 256])
KEYS = (
    st.lists(PARTS, min_size=1, max_size=3).map("/".join) | st.text(st.characters(codec="utf-8"), max_size=30)
).filter(lambda key: 1 <= len(key.encode()) <= 1024)
FEW = st.sampled_from(["a", "a/", "a/b", "a/b/c", "/a", "..", "b"]) | KEYS
STEPS = st.lists(
    st.tuples(st.just("put"), FEW, st.binary(max_size=40))
    | st.tuples(st.just("get"), FEW, st.none())
    | st.tuples(st.just("range"), FEW, st.tuples(st.integers(0, 45), st.integers(0, 45)))
    | st.tuples(st.just("copy"), FEW, FEW)
    | st.tuples(st.just("delete"), FEW, st.none())
    | st.tuples(st.just("list"), FEW, st.none()),
    max_size=25,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with S3Server(service_in(tmp_path_factory.mktemp("model"))) as server:
        client = client_of(server.url)
        yield client
        client.close()


class Bucket:
    """A bucket on the wire; what is missing, or no range, is None."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.name = f"model-{next(_numbers)}"
        s3.create_bucket(Bucket=self.name)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def get(self, key: str, **how: Any) -> bytes | None:
        try:
            return body_of(self.s3.get_object(Bucket=self.name, Key=key, **how))
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("NoSuchKey", "InvalidRange")
            return None

    def range(self, key: str, span: tuple[int, int]) -> bytes | None:
        return self.get(key, Range=f"bytes={span[0]}-{span[0] + span[1]}")

    def copy(self, key: str, target: str) -> None:
        source = {"Bucket": self.name, "Key": key}
        try:
            self.s3.copy_object(Bucket=self.name, Key=target, CopySource=source)
        except ClientError as error:
            assert error.response["Error"]["Code"] == ("InvalidRequest" if key == target else "NoSuchKey")

    def delete(self, key: str, _: None) -> None:
        self.s3.delete_object(Bucket=self.name, Key=key)

    def list(self, prefix: str, _: None) -> dict[str, int]:
        found = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])
        return {one["Key"]: one["Size"] for one in found}


class Model(dict[str, bytes]):
    """The same as a dict."""

    def put_(self, key: str, body: bytes) -> None:
        self[key] = body

    def get_(self, key: str, _: None) -> bytes | None:
        return self.get(key)

    def range_(self, key: str, span: tuple[int, int]) -> bytes | None:
        return self[key][span[0] : sum(span) + 1] if span[0] < len(self.get(key, b"")) else None

    def copy_(self, key: str, target: str) -> None:
        if key in self:
            self[target] = self[key]

    def delete_(self, key: str, _: None) -> None:
        self.pop(key, None)

    def list_(self, prefix: str, _: None) -> dict[str, int]:
        keys = sorted((key for key in self if key.startswith(prefix)), key=str.encode)
        return {key: len(self[key]) for key in keys}


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_bucket_is_a_dict(shared: Any, steps: list[tuple[str, str, Any]]) -> None:
    bucket, model = Bucket(shared), Model()
    for name, key, value in [*steps, ("list", "", None)]:
        real = bucket.get(key) if name == "get" else getattr(bucket, name)(key, value)
        wanted = getattr(model, f"{name}_")(key, value)
        assert real == wanted
        if name == "list":
            assert list(real) == list(wanted)
    for key, body in model.items():
        assert bucket.get(key) == body

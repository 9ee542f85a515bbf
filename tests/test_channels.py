from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal import channels
from smlocal.errors import InvalidRequest, NoSuchBucket, NotSupported
from smlocal.settings import Settings
from smlocal.storage.directory import DirectoryStore
from smlocal.tree import TreeDirectory, TreeFile

ROLE = "arn:aws:iam::000000000000:role/role"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    made = DirectoryStore(tmp_path)
    made.ensure_bucket("bucket")
    return made


def put(store: DirectoryStore, *keys: str, data: bytes = b"x") -> None:
    for key in keys:
        store.put("bucket", key, io.BytesIO(data))


def channel(uri: str = "s3://bucket/iris/", name: str = "train", **members: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, **members.pop("source", {})}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def request(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceCount": 1},
        "InputDataConfig": list(items),
        **members,
    }


def resolve(store: DirectoryStore, *items: dict[str, Any], **members: Any) -> channels.Inputs:
    return channels.resolve(request(*items, **members), store, Settings(region="us-west-2"))


def paths(inputs: channels.Inputs, name: str = "train") -> list[str]:
    return [entry.path for entry in inputs.entries_of(name)]


@pytest.mark.parametrize(
    ("uri", "keys", "files"),
    [
        # captured 2022: sub-folders are kept
        ("s3://bucket/training", ["training/en-ja/val.ja"], ["training/en-ja/val.ja"]),
        ("s3://bucket/training/", ["training/en-ja/val.ja"], ["en-ja/val.ja"]),
        # API, S3DataSource: all objects that match the key name prefix
        ("s3://bucket/train", ["train/a", "train-old/b", "trai"], ["train-old/b", "train/a"]),
        ("s3://bucket/data/tr", ["data/train/a", "data/tr", "data/test"], ["tr", "train/a"]),
        ("s3://bucket/iris/train.csv", ["iris/train.csv"], ["train.csv"]),
        ("s3://bucket/train.csv", ["train.csv"], ["train.csv"]),
        ("s3://bucket", ["a", "b/c"], ["a", "b/c"]),
        ("s3://bucket/", ["a", "b/c"], ["a", "b/c"]),
        ("s3://bucket/a b%20c/", ["a b%20c/é?"], ["é?"]),
    ],
)
def test_an_address_is_a_string_prefix_and_paths_follow_its_last_slash(
    store: DirectoryStore, uri: str, keys: list[str], files: list[str]
) -> None:
    put(store, *keys)
    assert paths(resolve(store, channel(uri))) == files


def test_the_bytes_are_those_of_the_objects(store: DirectoryStore) -> None:
    put(store, "iris/a", data=b"abc")
    put(store, "iris/b", data=b"defgh")
    inputs = resolve(store, channel())
    files = [entry for entry in inputs.entries_of("train") if isinstance(entry, TreeFile)]
    assert [(file.path, file.size, file.mode) for file in files] == [("a", 3, 0o644), ("b", 5, 0o644)]
    for file, body in zip(files, (b"abc", b"defgh"), strict=True):
        with file.open() as source:
            assert source.read() == body
    assert inputs.total_bytes == inputs.channels[0].total_bytes == 8


def test_no_objects_are_told_with_sagemakers_text(store: DirectoryStore) -> None:
    # Source: aws/amazon-sagemaker-examples issues 2267, 2269, 2489
    with pytest.raises(InvalidRequest) as raised:
        resolve(store, channel("s3://bucket/none/"))
    assert str(raised.value) == (
        'No S3 objects found under S3 URL "s3://bucket/none/" given in input data source. Please ensure that the '
        "bucket exists in the selected region (us-west-2), that objects exist under that S3 prefix, and that the role "
        f'"{ROLE}" has "s3:ListBucket" permissions on bucket "bucket".'
    )
    with pytest.raises(InvalidRequest, match='permissions on bucket "missing"'):
        resolve(store, channel("s3://missing/a"))


@pytest.mark.parametrize(
    ("members", "config"),
    [
        ({}, '{"TrainingInputMode":"File","S3DistributionType":"FullyReplicated","RecordWrapperType":"None"}'),
        (
            {"ContentType": "text/csv", "InputMode": "File", "CompressionType": "None", "RecordWrapperType": "None"},
            '{"ContentType":"text/csv","TrainingInputMode":"File","S3DistributionType":"FullyReplicated",'
            '"RecordWrapperType":"None"}',
        ),
        (
            {"source": {"S3DataDistributionType": "ShardedByS3Key"}},
            '{"TrainingInputMode":"File","S3DistributionType":"ShardedByS3Key","RecordWrapperType":"None"}',
        ),
    ],
)
def test_a_channel_is_described_as_the_guide_has_it(
    store: DirectoryStore, members: dict[str, Any], config: str
) -> None:
    # Source: developer guide, your-algorithms-training-algo-running-container
    put(store, "iris/a")
    inputs = resolve(store, channel(**members))
    assert json.dumps(dict(inputs.channels[0].config), separators=(",", ":")) == config


def test_a_manifest_has_the_prefix_and_then_every_object(store: DirectoryStore) -> None:
    # Source: captured on the platform, 2020 and 2022
    put(store, "iris/b", "iris/a/c")
    store.put("bucket", "iris/", io.BytesIO(b""))
    store.put("bucket", "ckpt/1", io.BytesIO(b"1"))
    inputs = resolve(store, channel("s3://bucket/iris"), CheckpointConfig={"S3Uri": "s3://bucket/ckpt"})
    assert inputs.manifests() == {
        "train": "iris\ns3://bucket/iris/\ns3://bucket/iris/a/c\ns3://bucket/iris/b\n",
        "checkpoints": "ckpt/\ns3://bucket/ckpt/1\n",
    }


def test_channels_stand_side_by_side_in_the_order_of_the_request(store: DirectoryStore) -> None:
    put(store, "train/x", "test/y/z")
    inputs = resolve(store, channel("s3://bucket/train/"), channel("s3://bucket/test/", name="a.validation"))
    assert [each.name for each in inputs.channels] == ["train", "a.validation"]
    everything = ["data", "data/train", "data/train/x", "data/a.validation", "data/a.validation/y/z"]
    assert [entry.path for entry in inputs.data_entries()] == everything
    assert [entry.path for entry in inputs.data_entries({"train"})] == [everything[0], *everything[3:]]


def test_a_job_may_have_no_channels(store: DirectoryStore) -> None:
    inputs = channels.resolve({"RoleArn": ROLE}, store, Settings())
    assert (inputs.channels, inputs.checkpoints, inputs.manifests(), inputs.total_bytes) == ((), None, {}, 0)
    assert [entry.path for entry in inputs.data_entries()] == ["data"]
    assert list(inputs.checkpoint_entries()) == []


def test_a_folder_marker_makes_a_folder(store: DirectoryStore) -> None:
    for key in ("iris/", "iris/empty/"):
        store.put("bucket", key, io.BytesIO(b""))
    inputs = resolve(store, channel())
    assert list(inputs.entries_of("train")) == [TreeDirectory("empty")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["iris/../x"], r's3://bucket/iris/\.\./x cannot be a file of a channel.*"\.\."'),
        (["iris/./x"], r'"\."'),
        (["iris//x"], "an empty name"),
        (["iris//"], "ends with / and has 1 bytes"),
        (["iris/" + "x" * 256], "longer name than 255 bytes"),
        (["iris/a\0b"], "a NUL byte"),
        (["iris/full/"], "ends with / and has 1 bytes"),
        (["iris/a", "iris/a/b"], "s3://bucket/iris/a is an object, and s3://bucket/iris/a/b needs a folder"),
        (["iris/a", "iris/a/b/c/d", "iris/a-"], "s3://bucket/iris/a is an object"),
    ],
)
def test_an_object_that_cannot_be_a_file_is_refused_by_name(store: DirectoryStore, keys: list[str], said: str) -> None:
    put(store, *keys)
    with pytest.raises(NotSupported, match=said):
        resolve(store, channel())


def test_a_file_and_a_marker_of_one_name_clash(store: DirectoryStore) -> None:
    put(store, "iris/a")
    store.put("bucket", "iris/a/", io.BytesIO(b""))
    with pytest.raises(NotSupported, match="s3://bucket/iris/a is an object"):
        resolve(store, channel())


PARTS = st.sampled_from(["a", "b", "..", ".", "", "é", "c" * 256, "\0", "x y"])


@settings(max_examples=200, deadline=None)
@given(st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6))
def test_no_key_leaves_its_channel_or_overwrites_another(
    tmp_path_factory: pytest.TempPathFactory, keys: set[str]
) -> None:
    store = DirectoryStore(tmp_path_factory.mktemp("store"))
    store.ensure_bucket("bucket")
    put(store, *(f"p/{key}" for key in keys))
    try:
        inputs = resolve(store, channel("s3://bucket/p/"))
    except NotSupported:
        return
    found = paths(inputs)
    assert len(set(found)) == len(found)
    assert all(not {"", ".", ".."} & set(path.split("/")) for path in found)
    assert set(found) == keys - {""}


@pytest.mark.parametrize(
    ("item", "members", "said"),
    [
        (channel(InputMode="Pipe"), {}, "InputMode Pipe"),
        (channel(InputMode="FastFile"), {}, "InputMode FastFile"),
        (channel(), {"AlgorithmSpecification": {"TrainingInputMode": "Pipe"}}, "InputMode Pipe"),
        (channel(source={"S3DataType": "ManifestFile"}), {}, "S3DataType ManifestFile"),
        (channel(source={"S3DataType": "AugmentedManifestFile"}), {}, "S3DataType AugmentedManifestFile"),
        (channel(source={"AttributeNames": ["a"]}), {}, "AttributeNames"),
        (channel(source={"InstanceGroupNames": ["a"]}), {}, "InstanceGroupNames"),
        (channel(CompressionType="Gzip"), {}, "CompressionType Gzip"),
        (channel(RecordWrapperType="RecordIO"), {}, "RecordWrapperType RecordIO"),
        (channel(NewMember=1), {}, "NewMember"),
        (
            channel(source={"S3DataDistributionType": "ShardedByS3Key"}),
            {"ResourceConfig": {"InstanceCount": 2}},
            "S3DataDistributionType ShardedByS3Key is not supported with 2 instances",
        ),
        ({"ChannelName": "train", "DataSource": {"FileSystemDataSource": {}}}, {}, "DataSource.FileSystemDataSource"),
        (channel("https://s3.amazonaws.com/bucket/iris/"), {}, "https address"),
        (channel(name=".."), {}, 'ChannelName ".."'),
        (channel(name="."), {}, 'ChannelName "."'),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    store: DirectoryStore, item: dict[str, Any], members: dict[str, Any], said: str
) -> None:
    put(store, "iris/a")
    with pytest.raises(NotSupported) as raised:
        resolve(store, item, **members)
    assert said in str(raised.value)


def test_a_channels_own_mode_goes_before_the_jobs(store: DirectoryStore) -> None:
    # Source: API, Channel.InputMode
    put(store, "iris/a")
    inputs = resolve(store, channel(InputMode="File"), AlgorithmSpecification={"TrainingInputMode": "Pipe"})
    assert inputs.channels[0].config["TrainingInputMode"] == "File"


@pytest.mark.parametrize(
    ("names", "members", "error"),
    [
        (["a", "a"], {}, InvalidRequest),
        (["a", "a-manifest"], {}, NotSupported),
        (["checkpoints"], {"CheckpointConfig": {"S3Uri": "s3://bucket/c"}}, InvalidRequest),
        (["checkpoints-manifest"], {"CheckpointConfig": {"S3Uri": "s3://bucket/c"}}, NotSupported),
    ],
)
def test_names_that_need_one_place_are_refused(
    store: DirectoryStore, names: list[str], members: dict[str, Any], error: type[Exception]
) -> None:
    put(store, "iris/a")
    with pytest.raises(error, match="ChannelName"):
        resolve(store, *(channel(name=name) for name in names), **members)


def test_a_seed_shuffles_the_order_of_the_download_and_always_alike(store: DirectoryStore) -> None:
    # Source: API, ShuffleConfig: in File mode the order of the objects is shuffled once
    names = [f"iris/{number:02}" for number in range(20)]
    put(store, *names)

    def order(seed: int) -> list[str]:
        inputs = resolve(store, channel(ShuffleConfig={"Seed": seed}))
        assert inputs.channels[0].local_folder is None
        assert [f"iris/{path}" for path in paths(inputs)] == list(inputs.channels[0].files.objects)
        return list(inputs.channels[0].files.objects)

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == names != order(1)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [("s3://bucket/iris/", "iris"), ("s3://bucket/iris", None), ("s3://bucket/iris/a", None), ("s3://bucket", "")],
)
def test_a_channel_that_is_a_whole_folder_of_this_machine_says_so(
    store: DirectoryStore, tmp_path: Path, uri: str, folder: str | None
) -> None:
    put(store, "iris/a")
    found = resolve(store, channel(uri)).channels[0].local_folder
    assert found == (None if folder is None else tmp_path / "bucket" / folder)


@pytest.mark.parametrize("uri", ["s3://bucket/ckpt", "s3://bucket/ckpt/"])
def test_checkpoints_are_what_is_below_the_address(store: DirectoryStore, uri: str) -> None:
    put(store, "ckpt/model/1", "ckpt-old/2", "ckpt/3")
    inputs = resolve(store, CheckpointConfig={"S3Uri": uri})
    assert inputs.checkpoints is not None
    assert (inputs.checkpoints.bucket, inputs.checkpoints.prefix) == ("bucket", "ckpt/")
    assert [entry.path for entry in inputs.checkpoint_entries()] == ["3", "model/1"]
    assert inputs.total_bytes == 2


def test_there_may_be_no_checkpoints_yet(store: DirectoryStore) -> None:
    inputs = resolve(store, CheckpointConfig={"S3Uri": "s3://bucket"})
    assert inputs.manifests() == {"checkpoints": "\n"}
    assert list(inputs.checkpoint_entries()) == []


def test_the_bucket_of_the_checkpoints_must_be_there(store: DirectoryStore) -> None:
    with pytest.raises(NoSuchBucket):
        resolve(store, CheckpointConfig={"S3Uri": "s3://missing/x"})

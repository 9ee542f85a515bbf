"""Every member of CreateTrainingJob's InputDataConfig and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, refused

_CHANNELS = "tests/test_channels.py::test_"
FILES = "tests/training/test_what_a_container_sees.py::test_files_are_readable_by_all_and_keep_their_folders"
_PREFIX = f"{_CHANNELS}an_address_is_a_string_prefix_and_paths_follow_its_last_slash"
_SHUFFLED = f"{_CHANNELS}a_seed_shuffles_the_order_of_the_download_and_always_alike"
_JUMPSTART = "smlocal has no model hub: put the data in a bucket or folder and name that"

_SOURCE = "InputDataConfig[].DataSource.S3DataSource"
_CONFIG = f"{_CHANNELS}a_channel_is_described_as_the_guide_has_it"

MEMBERS: Decisions = (
    *honoured("InputDataConfig", "each channel is a folder below /opt/ml/input/data", FILES),
    *honoured("InputDataConfig[].ChannelName", "names the folder", _CONFIG),
    *honoured("InputDataConfig[].DataSource", "says where the files come from", FILES),
    *honoured(_SOURCE, "the files come from an object store", FILES),
    *honoured(
        f"{_SOURCE}.S3DataType",
        "all objects whose key begins with the prefix",
        _PREFIX,
        values=("S3Prefix",),
        otherwise='smlocal reads no manifests: put the objects below one prefix and use "S3Prefix"',
    ),
    *honoured(f"{_SOURCE}.S3Uri", "the prefix, as a string", _PREFIX),
    *honoured(
        f"{_SOURCE}.S3DataDistributionType",
        "is told in inputdataconfig.json; the one instance gets all objects either way",
        _CONFIG,
        values=("FullyReplicated", "ShardedByS3Key"),
        otherwise='use "FullyReplicated"',
    ),
    *refused(f"{_SOURCE}.AttributeNames", "smlocal reads no augmented manifests: give the files themselves"),
    *refused(f"{_SOURCE}.InstanceGroupNames", "smlocal runs a job on one instance: leave it out"),
    *refused(f"{_SOURCE}.ModelAccessConfig", _JUMPSTART, below=("AcceptEula",)),
    *refused(f"{_SOURCE}.HubAccessConfig", _JUMPSTART, below=("HubContentArn",)),
    *refused(
        "InputDataConfig[].DataSource.FileSystemDataSource",
        "smlocal mounts no EFS or FSx: give the folder or its copy in a bucket as an S3DataSource",
        below=("FileSystemId FileSystemAccessMode FileSystemType DirectoryPath",),
    ),
    *refused("InputDataConfig[].DataSource.DatasetSource", _JUMPSTART, below=("DatasetArn",)),
    *honoured("InputDataConfig[].ContentType", "is told in inputdataconfig.json", _CONFIG),
    *honoured(
        "InputDataConfig[].CompressionType",
        "files are given as they are stored",
        f"{_CHANNELS}the_bytes_are_those_of_the_objects",
        values=("None",),
        otherwise="smlocal unpacks no channel: let the program do it, or store the objects uncompressed",
    ),
    *honoured(
        "InputDataConfig[].RecordWrapperType",
        "is told in inputdataconfig.json",
        _CONFIG,
        values=("None",),
        otherwise="smlocal wraps no objects in RecordIO records: store them in that format",
    ),
    *honoured(
        "InputDataConfig[].InputMode",
        "goes before TrainingInputMode",
        f"{_CHANNELS}a_channels_own_mode_goes_before_the_jobs",
        values=("File",),
        otherwise='smlocal copies channels before the start and streams none: use "File"',
    ),
    *honoured("InputDataConfig[].ShuffleConfig", "shuffles the objects", _SHUFFLED),
    *honoured(
        "InputDataConfig[].ShuffleConfig.Seed",
        "the same seed, the same order",
        _SHUFFLED,
    ),
)

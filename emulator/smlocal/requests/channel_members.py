"""Every member of CreateTrainingJob's InputDataConfig and what smlocal does with it."""

from __future__ import annotations

from smlocal.requests.decision import Decisions, honoured, refused

_CHANNELS = "tests/test_channels.py::test_"
FILES = f"{_CHANNELS}objects_become_files_named_by_what_follows_the_prefix"
_JUMPSTART = "smlocal has no model hub: put the data in a bucket or folder and name that"

_SOURCE = "InputDataConfig[].DataSource.S3DataSource"
_CONFIG = f"{_CHANNELS}a_channel_is_told_in_inputdataconfig"

MEMBERS: Decisions = (
    *honoured("InputDataConfig", "each channel is a folder below /opt/ml/input/data", FILES),
    *honoured("InputDataConfig[].ChannelName", "names the folder", _CONFIG),
    *honoured("InputDataConfig[].DataSource", "says where the files come from", FILES),
    *honoured(_SOURCE, "the files come from an object store", FILES),
    *honoured(
        f"{_SOURCE}.S3DataType",
        "all objects whose key begins with the prefix",
        FILES,
        values=("S3Prefix",),
        otherwise='smlocal reads no manifests: put the objects below one prefix and use "S3Prefix"',
    ),
    *honoured(f"{_SOURCE}.S3Uri", "the prefix, as a string", FILES),
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
        _CONFIG,
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
        _CONFIG,
        values=("File",),
        otherwise='smlocal copies channels before the start and streams none: use "File"',
    ),
    *honoured("InputDataConfig[].ShuffleConfig", "shuffles the objects", f"{_CHANNELS}a_seed_shuffles_the_objects"),
    *honoured(
        "InputDataConfig[].ShuffleConfig.Seed",
        "the same seed, the same order",
        f"{_CHANNELS}a_seed_shuffles_the_objects",
    ),
)

"""A big folder of this machine is shown to the container, not copied, and nothing of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from smlocal.settings import MEBIBYTE
from smlocal.storage.mounted import mount_of
from smlocal.wiring import Program
from tests.training.conftest import Jobs

pytestmark = pytest.mark.engine


def test_a_big_folder_is_writable_inside_and_unchanged_outside(jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "big data"
    folder.mkdir()
    (folder / "big").write_bytes(b"\1" * (65 * MEBIBYTE))
    bucket, mount = mount_of(folder)
    mine = Jobs(Program(jobs.program.settings, {bucket: mount}), jobs.image)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{mount.prefix}"}
    algorithm = {
        "TrainingImage": jobs.image,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-ec"],
        "ContainerArguments": [
            "cd /opt/ml/input/data/train; wc -c < big; echo more > new; rm big; ls; grep -c overlay /proc/self/mounts"
        ],
    }
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    result = mine.run("none", AlgorithmSpecification=algorithm, InputDataConfig=[channel])
    assert result.status == "Completed", mine.lines
    assert mine.lines == [str(65 * MEBIBYTE), "new", "2"]
    assert [path.name for path in folder.iterdir()] == ["big"]
    assert mine.program.launcher.mine() == []
    mine.program.close()

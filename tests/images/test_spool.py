"""Folders for work under way: gone afterwards, and after a kill by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smlocal.errors import StorageError
from smlocal.images.spool import spool_folder

HOLDS = """
import sys
from pathlib import Path
from smlocal.images.spool import spool_folder
with spool_folder(Path(sys.argv[1])) as folder:
    (folder / "layer").write_bytes(b"x")
    print("there", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_gone_with_all_that_is_in_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), spool_folder(tmp_path / "spool") as folder:
        (folder / "file").write_bytes(b"x")
        raise ZeroDivisionError
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_a_live_ones_is_not(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    killed, alive = processes
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"there\n"
        assert len(list(tmp_path.glob("*/layer"))) == 2
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        assert len(list(tmp_path.glob("*/layer"))) == 2

        with spool_folder(tmp_path):
            assert len(list(tmp_path.glob("*/layer"))) == 1
    finally:
        for process in processes:
            process.communicate()
    assert alive.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"preparing .*file"), spool_folder(tmp_path / "file"):
        pass

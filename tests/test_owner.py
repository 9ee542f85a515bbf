"""A process is known by its host, boot, id and start time: an id used again is not the same owner."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from smlocal.owner import Owner, is_dead, owner_of, this_process


def test_this_process_is_alive() -> None:
    me = this_process()
    assert not is_dead(me, me)


def test_labels_lead_back_to_their_owner() -> None:
    me = this_process()
    assert owner_of(me.labels()) == me


def test_labels_of_others_lead_to_nobody() -> None:
    assert owner_of({"app": "x"}) is None
    assert owner_of({**this_process().labels(), "smlocal.owner.process": "x"}) is None


def test_an_ended_process_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    me = this_process()
    theirs = Owner(me.host, me.boot, child.pid, _started_of(child.pid))
    assert not is_dead(theirs, me)
    child.communicate(b"\n")
    assert is_dead(theirs, me)


def _started_of(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[19]


def test_a_process_id_used_again_is_another_owner() -> None:
    me = this_process()
    assert is_dead(replace(me, started="1"), me)


def test_what_ran_before_the_last_boot_is_dead() -> None:
    me = this_process()
    assert is_dead(replace(me, boot="another"), me)


def test_another_hosts_process_is_never_known_to_be_dead() -> None:
    me = this_process()
    assert not is_dead(replace(me, host="elsewhere", process=1, started="0"), me)

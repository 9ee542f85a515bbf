"""Who owns what smlocal leaves in an engine: host, boot, process and its start time, as labels.

A process id alone says nothing: it is used again. With the boot and the start time beside it, it names one process
for ever, so that what a killed owner left is told from what a live one uses.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OURS = "smlocal.owner.host"
KIND = "smlocal.kind"
NAME = "smlocal.name"
RUN = "smlocal.run"
KEEP = "smlocal.keep"


@dataclass(frozen=True)
class Owner:
    """One process on one host."""

    host: str
    boot: str
    process: int
    started: str

    def labels(self) -> dict[str, str]:
        return {
            OURS: self.host,
            "smlocal.owner.boot": self.boot,
            "smlocal.owner.process": str(self.process),
            "smlocal.owner.started": self.started,
        }


def this_process() -> Owner:
    """The owner that this process is."""
    return Owner(_host(), _boot(), os.getpid(), _started(os.getpid()))


def owner_of(labels: Mapping[str, str]) -> Owner | None:
    """The owner that labels name, or None when they are not ours."""
    try:
        return Owner(
            labels[OURS],
            labels["smlocal.owner.boot"],
            int(labels["smlocal.owner.process"]),
            labels["smlocal.owner.started"],
        )
    except (KeyError, ValueError):
        return None


def is_dead(owner: Owner, here: Owner) -> bool:
    """Whether that process has certainly ended; another host's is never known to be."""
    if owner.host != here.host:
        return False
    return owner.boot != here.boot or _started(owner.process) != owner.started


def _host() -> str:
    """This machine, and within it this PID namespace: process ids mean nothing outside theirs."""
    parts = [platform.node()]
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        if Path(path).is_file():
            parts.append(Path(path).read_text(encoding="utf-8").strip())
            break
    namespace = Path("/proc/self/ns/pid")
    if namespace.is_symlink():
        parts.append(str(namespace.readlink()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _boot() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    if boot.is_file():
        return boot.read_text(encoding="utf-8").strip()
    return _output("sysctl", "-n", "kern.boottime")


def _started(process: int) -> str:
    """When a process started, in the host's own terms; "" when there is none."""
    stat = Path(f"/proc/{process}/stat")
    if Path("/proc/self/stat").is_file():
        try:
            # the command's name, in parentheses, may hold anything; field 22 is the 20th after it
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    return _output("ps", "-o", "lstart=", "-p", str(process))


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return "unknown"

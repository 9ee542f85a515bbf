"""Podman's Docker API, served by a process of ours with its own storage and configuration."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.engine.processes import EngineProcess, alone, new_folder, remove_folder, require

# The default ulimits of a root Podman are above what a container of a machine like ours may set; 65536 is Docker's own
# order of magnitude.
# Podman keeps a process for 300 s after each command that it ran in a container: `exit_command_delay`.
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
exit_command_delay = 1
tmp_dir = "{folder}/tmp"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""

# Two of these share the machine's bridge and packet filter, and the end of one would cut off the other.
_LOCK = Path(tempfile.gettempdir()) / "smlocal-podman.lock"

# A Docker daemon beside it has the kernel filter frames within a bridge too, and drops what no rule accepts; Podman
# has no such rule for its internal networks. Frames within one of its bridges only: between networks nothing changes.
_WITHIN_BRIDGES = ["FORWARD", "-i", "podman+", "-m", "physdev", "--physdev-is-bridged", "-j", "ACCEPT"]


@contextlib.contextmanager
def podman_service() -> Iterator[str]:
    """The service's address while it runs. Fails with what to install where it cannot run."""
    require("podman", "runc", "iptables", "/usr/lib/podman/netavark", packages="podman netavark runc iptables")
    with alone(_LOCK, "another run of the tests uses Podman's network on this machine"):
        yield from _served()


def _served() -> Iterator[str]:
    folder = new_folder("smlocal-podman-", _clear)
    for name in ("tmp", "networks", "storage", "run"):
        (folder / name).mkdir()
    _configure(folder)
    address = f"unix://{folder}/socket"
    had_rules = bool(_rules("filter"))
    process = EngineProcess(["podman", "system", "service", "--time=0", address], folder, _environment(folder))
    try:
        process.wait_for(address)
        _delete_bridge_rule()  # of a run that was killed
        subprocess.run(["iptables", "--wait", "--insert", *_WITHIN_BRIDGES], check=True)
        yield address
    finally:
        process.stop()
        _delete_bridge_rule()
        _clear(folder)
        if not had_rules:
            _remove_rules()


def _clear(folder: Path) -> None:
    """Remove the containers, networks and storage of a Podman that served in this folder."""
    for command in (["rm", "--all", "--force", "--time=0"], ["network", "prune", "--force"]):
        environment = {**os.environ, **_environment(folder)}
        subprocess.run(["podman", *command], env=environment, check=False, capture_output=True)
    remove_folder(folder)


def _configure(folder: Path) -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    text = _CONFIGURATION.format(folder=folder, files=_at_most(files, 65536), processes=_at_most(processes, 32768))
    (folder / "containers.conf").write_text(text)
    (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))


def _environment(folder: Path) -> dict[str, str]:
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


def _at_most(limit: int, wanted: int) -> int:
    return wanted if limit == resource.RLIM_INFINITY else min(limit, wanted)


def _rules(table: str) -> list[str]:
    """Netavark's rules and chains in the packet filter, as `iptables-save` writes them."""
    saved = subprocess.run(["iptables-save", "--table", table], capture_output=True, text=True, check=False).stdout
    return [line for line in saved.splitlines() if "NETAVARK" in line]


def _delete_bridge_rule() -> None:
    delete = ["iptables", "--wait", "--delete", *_WITHIN_BRIDGES]
    while subprocess.run(delete, check=False, capture_output=True).returncode == 0:
        continue


def _remove_rules() -> None:
    """Netavark leaves its chains behind when its last network goes."""
    for table in ("filter", "nat"):
        script = [f"*{table}"]
        lines = _rules(table)
        script += [line.replace("-A ", "-D ", 1) for line in lines if line.startswith("-A ")]
        script += [f"-X {line[1:].split()[0]}" for line in lines if line.startswith(":")]
        script += ["COMMIT", ""]
        subprocess.run(["iptables-restore", "--noflush"], input="\n".join(script), text=True, check=False)

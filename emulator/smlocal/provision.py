"""Give a bare machine a container engine: Debian's own, when we are root on Debian or Ubuntu and none answers.

An engine that DOCKER_HOST or a Docker context names is the user's business: it is used, never replaced.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from smlocal.errors import CannotRun, EngineUnavailable

ENGINE_PACKAGES = ("docker.io", "iptables", "ca-certificates")
CGROUP_PACKAGES = ("cgroupfs-mount",)
BOOTSTRAP_PACKAGES = ("mmdebstrap", "debian-archive-keyring")
ENGINE_LOG = Path("/var/log/smlocal-dockerd.log")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")

OnLine = Callable[[str], None]


class Machine(Protocol):
    """What setting up needs of a machine."""

    def is_root(self) -> bool: ...

    def distributions(self) -> frozenset[str]:
        """Names of the distribution and of those that it is made from, as /etc/os-release has them."""
        ...

    def has(self, program: str) -> bool: ...

    def has_systemd(self) -> bool: ...

    def has_cgroups(self) -> bool:
        """Whether control groups are mounted, without which no container starts."""
        ...

    def run(self, argv: Sequence[str]) -> tuple[int, str]:
        """Run to its end: exit code and output."""
        ...

    def start(self, argv: Sequence[str], log: Path) -> Callable[[], bool]:
        """Start a program that outlives us; gives a function that says whether it still runs."""
        ...

    def last_lines(self, log: Path) -> str: ...

    def wait(self, seconds: float) -> None: ...

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class ThisMachine:
    """The machine that this process runs on."""

    def __init__(self) -> None:
        folders = [*os.environ.get("PATH", "").split(os.pathsep), *SYSTEM_FOLDERS]
        self._path = os.pathsep.join(dict.fromkeys(filter(None, folders)))
        self._environment = {**os.environ, "PATH": self._path, "DEBIAN_FRONTEND": "noninteractive"}
        self._never = threading.Event()

    def is_root(self) -> bool:
        return hasattr(os, "geteuid") and os.geteuid() == 0

    def distributions(self) -> frozenset[str]:
        release = Path("/etc/os-release")
        if not release.is_file():
            return frozenset()
        pairs = [line.partition("=") for line in release.read_text(encoding="utf-8").splitlines()]
        words = [value.strip("\"'").split() for name, _, value in pairs if name in ("ID", "ID_LIKE")]
        return frozenset(word for group in words for word in group)

    def has(self, program: str) -> bool:
        return shutil.which(program, path=self._path) is not None

    def has_systemd(self) -> bool:
        return Path("/run/systemd/system").is_dir()

    def has_cgroups(self) -> bool:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        return any(line.split(" ")[2] in ("cgroup", "cgroup2") for line in mounts)

    def run(self, argv: Sequence[str]) -> tuple[int, str]:
        done = subprocess.run(
            argv, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def start(self, argv: Sequence[str], log: Path) -> Callable[[], bool]:
        with log.open("ab") as sink:
            process = subprocess.Popen(
                argv,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )
        return lambda: process.poll() is None

    def last_lines(self, log: Path) -> str:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])

    def wait(self, seconds: float) -> None:
        self._never.wait(seconds)

    def now(self) -> float:
        return time.monotonic()


def can_install(machine: Machine) -> bool:
    """Whether Debian packages may be installed here by us."""
    return machine.is_root() and "debian" in machine.distributions() and machine.has("apt-get")


def named_engine(environment: Mapping[str, str]) -> str | None:
    """What names an engine for us, in words; None when only the default socket is left."""
    if environment.get("DOCKER_HOST"):
        return f"DOCKER_HOST ({environment['DOCKER_HOST']})"
    context = environment.get("DOCKER_CONTEXT") or _current_context(environment)
    return f"the Docker context '{context}'" if context and context != "default" else None


def _current_context(environment: Mapping[str, str]) -> str | None:
    folder = environment.get("DOCKER_CONFIG") or str(Path(environment.get("HOME") or Path.home()) / ".docker")
    try:
        configuration = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    context = configuration.get("currentContext") if isinstance(configuration, dict) else None
    return context if isinstance(context, str) else None


def provide_engine(
    answers: Callable[[], str | None],
    machine: Machine,
    environment: Mapping[str, str],
    on_line: OnLine,
    seconds: float = 60.0,
) -> None:
    """Have an engine that answers; nothing is done when one does.

    `answers` gives None when an engine answers, else why none does. Raises EngineUnavailable with what to do.
    """
    reason = answers()
    if reason is None:
        return
    named = named_engine(environment)
    if named:
        raise EngineUnavailable(
            f"{named} names a container engine that does not answer: {reason}. Start it, or unset it."
        )
    if not can_install(machine):
        raise EngineUnavailable(without_engine(machine))
    if not machine.has("dockerd"):
        install(machine, ENGINE_PACKAGES, on_line)
    _start_engine(answers, machine, on_line, seconds)


def without_engine(machine: Machine) -> str:
    """The one paragraph for a machine on which we may not install an engine."""
    if "debian" in machine.distributions():
        return (
            "No container engine answers. smlocal needs Docker or Podman: run this command again as root and it"
            " installs Debian's docker.io and starts it, or install one yourself (sudo apt-get install docker.io; your"
            " user must be in the group 'docker'), or name a running one with DOCKER_HOST."
        )
    return (
        "No container engine answers. smlocal needs Docker or Podman: install Docker Engine or Docker Desktop"
        " (https://docs.docker.com/get-docker/) or Podman (https://podman.io) and start it, or name a running engine"
        " with DOCKER_HOST."
    )


def provide_bootstrap(machine: Machine, on_line: OnLine) -> None:
    """Have mmdebstrap, which makes the base image where no registry can be reached. Raises CannotRun."""
    if not machine.has("mmdebstrap"):
        if not can_install(machine):
            raise CannotRun(
                "No image registry can be reached, and mmdebstrap, which makes the base image from Debian packages, can"
                " only be installed by root on Debian or Ubuntu."
            )
        install(machine, BOOTSTRAP_PACKAGES, on_line)


def install(machine: Machine, packages: Sequence[str], on_line: OnLine) -> None:
    """Install Debian packages, fetching the package lists when those at hand do not do. Raises CannotRun."""
    on_line(f"installing {' '.join(packages)} (Debian packages)")
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    code, _ = machine.run(command)
    if code == 0:
        return
    machine.run(("apt-get", "update"))
    code, output = machine.run(command)
    if code:
        raise CannotRun(f"{' '.join(command)} failed:\n" + "\n".join(output.splitlines()[-10:]))


def _start_engine(answers: Callable[[], str | None], machine: Machine, on_line: OnLine, seconds: float) -> None:
    if not machine.has_systemd() and not machine.has_cgroups():
        if not machine.has("cgroupfs-mount"):
            install(machine, CGROUP_PACKAGES, on_line)
        machine.run(("cgroupfs-mount",))
    on_line("starting dockerd")
    start = machine.now()
    alive = _under_systemd(machine) if machine.has_systemd() else machine.start(("dockerd",), ENGINE_LOG)
    while (reason := answers()) is not None:
        if not alive() or machine.now() - start > seconds:
            why = "see: journalctl -u docker" if machine.has_systemd() else machine.last_lines(ENGINE_LOG)
            raise EngineUnavailable(f"dockerd was started and does not answer ({reason}):\n{why}")
        machine.wait(0.2)
    on_line(f"dockerd answers after {machine.now() - start:.0f} s")


def _under_systemd(machine: Machine) -> Callable[[], bool]:
    code, _ = machine.run(("systemctl", "start", "docker"))
    return lambda: code == 0

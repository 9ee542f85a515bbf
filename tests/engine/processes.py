"""Engines that tests start and stop as processes of their own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import docker
import pytest

_PATIENCE = 60.0
_IN_USE = "in-use"  # a file that is locked for as long as the engine of its folder may run


def require(*programs: str, packages: str) -> None:
    """Fail the test, saying what to install, unless we are root and have these programs."""
    if os.geteuid() != 0:
        pytest.fail("only root can start this engine: run the tests as root, or leave it out with -m 'not slow'")
    missing = [name for name in programs if shutil.which(name) is None and not Path(name).exists()]
    if missing:
        pytest.fail(f"{', '.join(missing)} missing: apt-get install --no-install-recommends {packages}")


class EngineProcess:
    """A process that serves Docker's API on a socket in `folder`; it ends with us, however we end."""

    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._in_use = (folder / _IN_USE).open("w")
        fcntl.flock(self._in_use, fcntl.LOCK_EX)
        self.log = folder / "engine.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                cwd=folder,  # Podman's conmon leaves a file `oom` where it was started
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def wait_for(self, address: str) -> None:
        """Until it answers; a failure says the end of its log."""
        if not _until(lambda: self._process.poll() is not None or _answers(address), _PATIENCE) or self._process.poll():
            tail = self.log.read_text(errors="replace")[-1500:]
            self.stop()
            pytest.fail(f"the engine did not come up at {address}:\n{tail}")

    def stop(self) -> None:
        """SIGTERM, then SIGKILL to it and whatever it started in its session."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(30)
        self._in_use.close()


def _answers(address: str) -> bool:
    """Whether something serves the socket; asked without a client, which would leave its failed attempts behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(address.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        pause.wait(0.05)
    return False


@contextlib.contextmanager
def alone(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold a lock of the machine's; fail with `otherwise` when it is not free within some minutes."""
    with lock.open("w") as held:
        if not _until(lambda: _locked(held), 4 * _PATIENCE):
            pytest.fail(otherwise)
        yield


def _locked(held: IO[str]) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def new_folder(prefix: str, clear: Callable[[Path], None]) -> Path:
    """A temporary folder for an engine. Those that killed runs of the tests left are given to `clear` first."""
    for lock in Path(tempfile.gettempdir()).glob(f"{prefix}*/{_IN_USE}"):
        with lock.open("w") as held:
            left = _locked(held)
        if left:
            clear(lock.parent)
    return Path(tempfile.mkdtemp(prefix=prefix))


def remove_folder(folder: Path) -> None:
    """Unmount whatever is mounted below a folder, the deepest first, and remove it."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in sorted((found for found in mounted if found.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False)
    shutil.rmtree(folder)


def copy_image(reference: str, source: str | None, target: str) -> None:
    """Bring an image from one engine (None: the default one) to another through their APIs."""
    giver = docker.APIClient(version="auto") if source is None else docker.APIClient(base_url=source, version="auto")
    taker = docker.APIClient(base_url=target, version="auto", timeout=300)
    try:
        for _ in taker.load_image(giver.get_image(reference)):
            continue
    finally:
        giver.close()
        taker.close()

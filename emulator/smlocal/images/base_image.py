"""Make smlocal/base: from the public slim Python image, or from Debian's packages where no registry can be reached."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from smlocal.engine.interface import Engine
from smlocal.errors import CannotRun, EngineError, NotSupported
from smlocal.images.availability import engine_has

REGISTRY_SECONDS = 10.0
_PACKAGES = "python3,python3-venv,python3-pip,nginx-light,ca-certificates"
_LEFT_OUT = ("doc", "man", "info", "locale", "lintian")
_SOURCES = (
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian bookworm-updates main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
)
# What the public slim image sets, for those parts that programs look at.
_CHANGES = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)
_APT_HINT = "apt-get install --yes mmdebstrap debian-archive-keyring"

OnLine = Callable[[str], None]


class Bootstrap(Protocol):
    """Makes the tar file of a Debian root file system."""

    def __call__(self, customize: Path, architecture: str, archive: Path, on_line: OnLine) -> None:
        """Run `customize` on the new tree and write it to `archive`. Raises CannotRun with what to do."""
        ...


def public_image(folder: Path) -> str:
    """The public image that the base's Dockerfile stands on."""
    match = re.search(r"^ARG PYTHON=(\S+)$", (folder / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise CannotRun(f"{folder / 'Dockerfile'} names no public image (ARG PYTHON=...)")
    return match[1]


def obtain_public_image(
    engine: Engine, reference: str, platform: str, on_line: OnLine, seconds: float = REGISTRY_SECONDS
) -> str | None:
    """Have the engine pull the public image. None when it has it, else the reason why it cannot be had.

    A registry behind a firewall that drops packets answers nothing at all: the first sign of life is awaited for
    `seconds`, the rest of the pull for as long as it takes.
    """
    if engine_has(engine, reference):
        return None
    alive, done, abandoned = threading.Event(), threading.Event(), threading.Event()
    refusal: list[CannotRun] = []

    def pull() -> None:
        try:
            for line in engine.pull(reference, platform):
                alive.set()
                if abandoned.is_set():
                    return
                on_line(line)
        except CannotRun as error:
            refusal.append(error)
        finally:
            done.set()
            alive.set()

    threading.Thread(target=pull, name="pull of the base image", daemon=True).start()
    if not alive.wait(seconds):
        abandoned.set()
        return f"no answer from the registry of {reference} in {seconds:g} s"
    done.wait()
    if refusal and not isinstance(refusal[0], EngineError):
        raise refusal[0]
    return str(refusal[0]) if refusal else None


def debian_recipe() -> str:
    """All that decides what the base from Debian's packages holds, beside `customize.sh`."""
    return repr((_PACKAGES, _LEFT_OUT, _SOURCES, _CHANGES))


def import_debian_base(
    engine: Engine,
    folder: Path,
    reference: str,
    platform: str,
    labels: Sequence[str],
    bootstrap: Bootstrap,
    on_line: OnLine,
) -> None:
    """Make the base from Debian's packages. `labels` are LABEL instructions for the image. Raises CannotRun."""
    architecture = platform.partition("/")[2]
    if architecture != engine.facts().architecture:
        raise NotSupported(
            f"without a registry the base image can be made for the engine's own architecture alone"
            f" (linux/{engine.facts().architecture}), not for {platform}"
        )
    with tempfile.TemporaryDirectory(prefix="smlocal-base-") as scratch:
        archive = Path(scratch) / "base.tar"
        bootstrap(folder / "customize.sh", architecture, archive, on_line)
        engine.import_image(archive, reference, (*_CHANGES, *labels))


def mmdebstrap(customize: Path, architecture: str, archive: Path, on_line: OnLine) -> None:
    """A Debian bookworm tree by the program of that name, about 25 s."""
    if shutil.which("mmdebstrap") is None:
        raise CannotRun(
            "no image registry can be reached, and mmdebstrap, which makes the base image from Debian packages, is not"
            f" installed; on Debian or Ubuntu: {_APT_HINT}"
        )
    argv = ["mmdebstrap", "--variant=minbase", f"--architectures={architecture}", f"--include={_PACKAGES}"]
    argv += ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
    argv += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _LEFT_OUT]
    # Through `sh`, because an installer of wheels may have dropped the script's mode.
    argv += [f'--customize-hook=sh {shlex.quote(str(customize))} "$1"', "bookworm", str(archive), *_SOURCES]
    last: deque[str] = deque(maxlen=10)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            last.append(text)
            on_line(text)
    if process.returncode:
        raise CannotRun("mmdebstrap could not make the base image:\n" + "\n".join(last))

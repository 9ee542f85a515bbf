"""A registry of images on loopback, for as long as a lab needs one: the distribution project's own program.

Source: its page "Configuring a registry"; that it logs the address that it listens on was seen with 2.8.2 (Debian's).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smlocal.errors import CannotRun

REGISTRY_PROGRAM = "docker-registry"
_READY_SECONDS, _END_SECONDS = 20.0, 10.0
_LISTENS = re.compile(r"listening on (127\.0\.0\.1:\d+)")
# The registry ends when the pipe from us closes, whatever ended us, kill -9 too.
_GUARDED = 'exec 3<&0; (read -r _ <&3; kill "$$") & exec "$@" </dev/null 3<&-'


@contextmanager
def loopback_registry(program: str, folder: Path) -> Iterator[str]:
    """Host and port of a registry with its files in `folder`, for whoever is on this machine; it ends with the block.

    Raises CannotRun when it does not start.
    """
    config, log = folder / "config.yml", folder / "log"
    config.write_text(json.dumps(_configuration(folder / "data")), encoding="utf-8")  # JSON is YAML
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARDED, "sh", program, "serve", str(config)],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is ours to hear: what is under way is ended before the registry
        )
    try:
        yield _place(process, log, program)
    finally:
        _end(process)


def _configuration(data: Path) -> dict[str, object]:
    return {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(data)}, "delete": {"enabled": True}},
        "http": {"addr": "127.0.0.1:0", "secret": secrets.token_hex(16)},
    }


def _environment() -> dict[str, str]:
    """Ours, without what would change the configuration."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    return {**kept, "OTEL_TRACES_EXPORTER": "none"}


def _place(process: subprocess.Popen[bytes], log: Path, program: str) -> str:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        found = _LISTENS.search(log.read_text(encoding="utf-8", errors="replace"))
        if found and not ended:
            return found[1]
        if ended:
            break
        time.sleep(0.05)
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    raise CannotRun(f"{program} did not start: {' '.join(lines[-3:]).strip() or 'it said nothing'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

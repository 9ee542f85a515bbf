"""Process 1 of a serving container: nginx, gunicorn, and the answer to `/ping`; one ends, all end.

SIGTERM lets running requests finish, then everything ends with exit code 0. Source: AWS developer guide,
your-algorithms-inference-code (SIGTERM, then SIGKILL after 30 s).
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from iris.control import ControlServer
from iris.serving_settings import ServingSettings, SettingError, processors

PROGRAM = Path(__file__).resolve().parent.parent


def nginx_conf(template: str, settings: ServingSettings, run: Path) -> str:
    """nginx's configuration for these settings."""
    words = {
        "@RUN@": str(run),
        "@PORT@": str(settings.port),
        "@TIMEOUT@": str(settings.timeout),
        "@BODY_LIMIT@": f"{settings.body_limit}m",
    }
    for word, value in words.items():
        template = template.replace(word, value)
    return template


def execution_parameters(settings: ServingSettings) -> dict[str, int | str]:
    """What a batch transform job is advised: one request for each worker, within SageMaker's product of 100 MB."""
    return {
        "MaxConcurrentTransforms": min(settings.workers, 16),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


class _SignalPipe:
    """Signals as bytes in a pipe: waiting for them takes no lock that a handler could find taken, and no polling."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in numbers:
            signal.signal(number, lambda _signal, _frame: None)

    def wait(self) -> set[int]:
        """The signals that have come since the last call, at least one."""
        select.select([self._reader], [], [])
        return set(os.read(self._reader, 1024))


class Supervisor:
    """The processes of one container, from start to end."""

    def __init__(self, settings: ServingSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = environment
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        """Serve until SIGTERM (exit code 0) or until a process ends by itself (1)."""
        signals = _SignalPipe(signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        run = Path(tempfile.mkdtemp(prefix="iris-"))
        try:
            self._start(run)
            return self._watch(signals)
        finally:
            shutil.rmtree(run, ignore_errors=True)

    def _start(self, run: Path) -> None:
        run.chmod(0o755)  # nginx's workers run as another user and must find the sockets in here
        (run / "ready").mkdir()
        ControlServer(run / "control.sock", run / "ready", execution_parameters(self._settings)).start()
        conf = run / "nginx.conf"
        conf.write_text(nginx_conf((PROGRAM / "nginx.conf").read_text(), self._settings, run))
        self._spawn("nginx", ["nginx", "-e", "stderr", "-c", str(conf)], {})
        self._spawn(
            "gunicorn",
            [sys.executable, "-u", "-m", "gunicorn", "-c", "python:iris.gunicorn_conf"],
            {
                "IRIS_RUN_FOLDER": str(run),
                "IRIS_WORKERS": str(self._settings.workers),
                "IRIS_TIMEOUT": str(self._settings.timeout),
                "IRIS_GRACE": str(self._settings.grace),
                "PYTHONPATH": str(PROGRAM),
            },
        )
        print(f"Serving on port {self._settings.port} with {self._settings.workers} workers.", flush=True)

    def _spawn(self, name: str, command: list[str], added: Mapping[str, str]) -> None:
        self._children[name] = subprocess.Popen(command, env={**self._environment, **added}, stdin=subprocess.DEVNULL)

    def _watch(self, signals: _SignalPipe) -> int:
        while True:
            for name, child in self._children.items():
                code = child.poll()
                if code is not None:
                    print(f"{name} ended by itself with code {code}; ending.", file=sys.stderr, flush=True)
                    self._end(grace=1.0)
                    return 1
            if signals.wait() & {signal.SIGTERM, signal.SIGINT}:
                print("Told to stop; letting running requests finish.", flush=True)
                self._end(grace=float(self._settings.grace))
                return 0

    def _end(self, grace: float) -> None:
        # nginx first takes no more requests (SIGQUIT is its graceful end) while gunicorn still answers running ones.
        _signal_and_wait(self._children["nginx"], signal.SIGQUIT, grace)
        _signal_and_wait(self._children["gunicorn"], signal.SIGTERM, 2.0)


def _signal_and_wait(child: subprocess.Popen[bytes], number: signal.Signals, seconds: float) -> None:
    if child.poll() is None:
        child.send_signal(number)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main() -> int:
    """Serve as the environment says; an unusable setting ends it at once with a sentence."""
    try:
        settings = ServingSettings.read(os.environ, processors())
    except SettingError as error:
        print(f"Cannot serve: {error}", file=sys.stderr, flush=True)
        return 1
    return Supervisor(settings, os.environ).run()

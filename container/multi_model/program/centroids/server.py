"""The program `serve`: one process, whose threads share the models."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import flask
from gunicorn.app.base import BaseApplication

from centroids.app import application
from centroids.model import BrokenModel
from centroids.settings import SettingError, Settings

MODEL = Path("/opt/ml/model")
_GRACE = 20  # SageMaker kills the container 30 s after SIGTERM; running requests get most of them


class Server(BaseApplication):
    """gunicorn with our application and our settings, deaf to command line and configuration files."""

    def __init__(self, app: flask.Flask, settings: Settings) -> None:
        self._app, self._settings = app, settings
        super().__init__()

    def load_config(self) -> None:
        """Threads, so that /ping never waits for an invocation; 60 s is what an invocation may take."""
        options = {
            "bind": f"0.0.0.0:{self._settings.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": self._settings.threads,
            "timeout": 60,
            "graceful_timeout": _GRACE,
            "keepalive": 60,
            "worker_tmp_dir": "/dev/shm",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        return self._app


def main() -> int:
    """Serve until SIGTERM."""
    try:
        settings = Settings.read(os.environ)
        app = application(settings, MODEL)
    except (SettingError, BrokenModel) as error:
        print(f"Serving cannot start: {error}", file=sys.stderr)
        return 1
    Server(app, settings).run()
    return 0

"""The program `serve`: one HTTP server with a process per CPU, in algorithm mode, script mode or multi-model mode.

Each process takes several requests at a time, so that /ping never waits for an invocation. Every process loads
the models before it answers; when it cannot, the server ends with a code other than 0. (AWS's image ends with 0,
a bug not copied.)

Source: sagemaker-containers 2.8.6: port, number of workers, time-out; script mode when SAGEMAKER_PROGRAM is set.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from smlocal_xgboost import log
from smlocal_xgboost.errors import ContainerError
from smlocal_xgboost.serving.settings import Settings

logger = logging.getLogger(__name__)

THREADS = 4
_SECONDS_TO_FORK = 0.2  # gunicorn takes up to half of it for each worker


class Server(BaseApplication):
    """gunicorn with our application and our settings, deaf to command line and configuration files."""

    def __init__(self, app: flask.Flask, settings: Settings, preload: Callable[[], object]) -> None:
        self._app, self._settings, self._preload = app, settings, preload
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": f"0.0.0.0:{self._settings.port}",
            "workers": self._settings.workers,
            "worker_class": "gthread",
            "threads": THREADS,
            "timeout": self._settings.timeout,
            "keepalive": 60,
            "accesslog": "-",
            "worker_tmp_dir": "/dev/shm",
            "post_worker_init": self._load_models,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        return self._app

    def _load_models(self, worker: Any) -> None:
        try:
            self._preload()
        except (ContainerError, OSError) as error:
            logger.error("The model cannot be served: %s", error)
            # not before every other worker is forked: gunicorn loses an end that it hears of while it forks, and stays
            time.sleep(_SECONDS_TO_FORK * self._settings.workers)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


def main() -> None:
    """Console script: serve until SIGTERM."""
    # A request is little work; one thread each is faster than many for all. Read by OpenMP when xgboost is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    log.set_up()
    from smlocal_xgboost.serving import applications

    try:
        settings = Settings.of(os.environ)
        app, preload = applications.of(settings)
    except ContainerError as error:
        logger.error("Serving cannot start: %s", error)
        sys.exit(1)
    Server(app, settings, preload).run()

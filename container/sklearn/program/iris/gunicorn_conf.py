"""How gunicorn runs the application; `iris.supervisor` starts it and hands over the settings by environment.

A worker with a model leaves a file named after its process in the run folder, and its master removes the file when
the worker has ended. The supervisor answers `/ping` from these files alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_run = Path(os.environ["IRIS_RUN_FOLDER"])
_seconds = int(os.environ["IRIS_TIMEOUT"])

wsgi_app = "iris.wsgi:application"
bind = f"unix:{_run / 'app.sock'}"
workers = int(os.environ["IRIS_WORKERS"])
worker_class = "sync"
preload_app = True
timeout = _seconds
graceful_timeout = int(os.environ["IRIS_GRACE"])
worker_tmp_dir = str(_run)
control_socket_disable = True  # nobody is in the container to use it
accesslog = None  # nginx logs every request
errorlog = "-"
loglevel = "info"


def post_worker_init(worker: Any) -> None:
    """Say that this worker can predict."""
    from iris.wsgi import predictor

    if predictor.healthy:
        (_run / "ready" / str(worker.pid)).touch()


def child_exit(_server: Any, worker: Any) -> None:
    """Take back what an ended worker has said."""
    (_run / "ready" / str(worker.pid)).unlink(missing_ok=True)

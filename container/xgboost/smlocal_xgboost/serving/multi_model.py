"""Many models in one server: loaded, listed, asked and unloaded by name.

Answers differ from those for one model: JSON by default, as a bare list, and CSV on one line. Client mistakes get
the statuses of the single-model server; AWS's image answers 503 to all of them, a bug not copied.

Source: AWS developer guide, mms-container-apis; aws/sagemaker-xgboost-container with multi-model-server 1.1.2,
observed in 1.7-1 and 3.0-5.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import flask
import numpy as np

from smlocal_xgboost.serving import accepts, models
from smlocal_xgboost.serving.answers import NotOffered
from smlocal_xgboost.serving.invocation import predict
from smlocal_xgboost.serving.models import Models
from smlocal_xgboost.serving.settings import MEBIBYTE, Settings

MAX_CONTENT = 20 * MEBIBYTE


class Registry:
    """The models by name; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[str, Callable[[], Models]]] = {}

    def add(self, name: str, url: str) -> bool:
        """Register the models of a folder, which are read when first asked; False when the name is taken."""

        @cache
        def loaded() -> Models:
            return models.load(Path(url), self._settings.ensemble, self._settings.environ)

        with self._lock:
            if name in self._entries:
                return False
            self._entries[name] = (url, loaded)
            return True

    def remove(self, name: str) -> bool:
        with self._lock:
            return self._entries.pop(name, None) is not None

    def describe(self, name: str) -> dict[str, str] | None:
        entry = self._entries.get(name)
        return {"modelName": name, "modelUrl": entry[0]} if entry else None

    def loader(self, name: str) -> Callable[[], Models] | None:
        entry = self._entries.get(name)
        return entry[1] if entry else None

    def names(self) -> list[str]:
        return sorted(self._entries)


def create_app(settings: Settings) -> flask.Flask:
    """The WSGI application; its registry lives in this process, so there must be one process only."""
    app = flask.Flask("smlocal_xgboost")
    limit = min(settings.max_content, MAX_CONTENT)
    app.config["MAX_CONTENT_LENGTH"] = limit
    registry = Registry(settings)
    _add_management(app, registry)

    @app.get("/ping")
    def ping() -> flask.Response:
        return _json(200, {"status": "Healthy"})

    @app.get("/execution-parameters")
    def execution_parameters() -> flask.Response:
        known = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": limit // MEBIBYTE}
        return flask.Response(json.dumps(known), mimetype="application/json")

    @app.post("/invocations")
    def invocations() -> flask.Response:
        return _error(400, "BadRequestException", "Parameter model_name is required.")

    @app.post("/models/<name>/invoke")
    def invoke(name: str) -> flask.Response:
        loader = registry.loader(name)
        if loader is None:
            return _not_found(name)
        return predict(loader, settings.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or accepts.JSON, _answer)

    return app


def _add_management(app: flask.Flask, registry: Registry) -> None:
    @app.get("/models")
    def list_models() -> flask.Response:
        return _json(200, {"models": [registry.describe(name) for name in registry.names()]})

    @app.post("/models")
    def load_model() -> flask.Response:
        wanted = flask.request.get_json(force=True, silent=True)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("url"), str):
            return _error(400, "BadRequestException", "Parameter url is required.")
        url = wanted["url"]
        name = str(wanted.get("model_name") or Path(url).name)
        if not Path(url).is_dir():
            return _error(404, "ModelNotFoundException", f"Model not found in model store: {url}")
        if not registry.add(name, url):
            return _error(409, "ConflictStatusException", f"Model {name} is already registered.")
        return _json(200, {"status": "Workers scaled"})

    @app.get("/models/<name>")
    def describe_model(name: str) -> flask.Response:
        described = registry.describe(name)
        return _json(200, described) if described else _not_found(name)

    @app.delete("/models/<name>")
    def unload_model(name: str) -> flask.Response:
        return _json(200, {"status": f'Model "{name}" unregistered'}) if registry.remove(name) else _not_found(name)


def _answer(loaded: Models, predictions: np.ndarray, accept: str) -> flask.Response:
    rows = predictions.tolist()
    if accept == accepts.JSON:
        return flask.Response(json.dumps(rows), mimetype=accept)
    if accept == accepts.CSV:
        return flask.Response(",".join(map(str, rows)), mimetype=accept)
    raise NotOffered(f"{accept} is not written by a multi-model server")


def _not_found(name: str) -> flask.Response:
    return _error(404, "ModelNotFoundException", f"Model not found: {name}")


def _error(status: int, kind: str, message: str) -> flask.Response:
    return _json(status, {"code": status, "type": kind, "message": message})


def _json(status: int, content: Any) -> flask.Response:
    return flask.Response(json.dumps(content, indent=2) + "\n", status=status, mimetype="application/json")

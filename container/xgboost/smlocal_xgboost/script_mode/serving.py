"""Serving with the customer's own program: its functions behind /ping and /invocations.

Any error of the program's is a 500 page. A program that cannot be loaded leaves the server up, with /ping
answering 500. There is no /execution-parameters.

Source: sagemaker-containers 2.8.6, observed with aws/sagemaker-xgboost-container 1.7-1 and 3.0-5.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import flask
from werkzeug.exceptions import InternalServerError

from smlocal_xgboost.script_mode import source
from smlocal_xgboost.script_mode.environment import Job
from smlocal_xgboost.script_mode.hooks import TEXT_TYPES, Hooks, hooks_of, import_script
from smlocal_xgboost.serving.settings import Settings

logger = logging.getLogger(__name__)

JSON = "application/json"


def create_app(settings: Settings) -> tuple[flask.Flask, Callable[[], object]]:
    """The WSGI application and what loads the model ahead; raises UserError or PlatformError for a missing source."""
    job = Job.of({}, settings.environ, settings.tree)
    source.provide(job.location, settings.tree.code, job.program, settings.environ)

    @cache
    def loaded() -> tuple[Hooks, Any]:
        hooks = hooks_of(import_script(settings.tree.code, job.module))
        return hooks, hooks.load(str(settings.tree.model))

    def is_ready() -> bool:
        try:
            loaded()
        except Exception:
            logger.exception("The script cannot be loaded")
            return False
        return True

    app = flask.Flask("smlocal_xgboost")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content

    @app.get("/ping")
    def ping() -> flask.Response:
        return flask.Response(status=200 if is_ready() else 500)

    @app.post("/invocations")
    def invocations() -> flask.Response:
        try:
            return respond(settings, *loaded())
        except Exception:
            logger.exception("The script failed")
            return flask.make_response(InternalServerError().get_response())

    return app, is_ready


def respond(settings: Settings, hooks: Hooks, model: Any) -> flask.Response:
    """Pass one request through the script's functions; raises whatever they raise."""
    request = flask.request
    content_type = request.content_type or JSON
    accept = request.headers.get("Accept", "*/*")
    if accept == "*/*":
        accept = settings.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON
    body: Any = request.get_data()
    if content_type.split(";")[0].strip().lower() in TEXT_TYPES:
        body = body.decode("utf-8")
    answer = hooks.transform(model, body, content_type, accept)
    if isinstance(answer, flask.wrappers.Response):
        return answer
    content, mimetype = answer if isinstance(answer, tuple) else (answer, accept)
    return flask.Response(content, mimetype=mimetype)

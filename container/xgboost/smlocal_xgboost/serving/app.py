"""The HTTP side of algorithm mode: /ping, /invocations and /execution-parameters.

Source: aws/sagemaker-xgboost-container, statuses and texts observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import flask
import numpy as np
from werkzeug.exceptions import HTTPException

from smlocal_xgboost import cpus
from smlocal_xgboost.serving import answers, models, selectable
from smlocal_xgboost.serving.invocation import predict
from smlocal_xgboost.serving.models import Models
from smlocal_xgboost.serving.settings import MEBIBYTE, Settings


def create_app(settings: Settings) -> tuple[flask.Flask, Callable[[], Models]]:
    """The WSGI application, and what loads its models ahead; without that they are loaded when first asked."""
    app = flask.Flask("smlocal_xgboost")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content

    @cache
    def served() -> Models:
        return models.load(settings.tree.model, settings.ensemble, settings.environ)

    def render(loaded: Models, predictions: np.ndarray, accept: str) -> flask.Response:
        return answer(settings, loaded, predictions, accept)

    @app.get("/ping")
    def ping() -> flask.Response:
        return flask.Response(status=200)

    @app.get("/execution-parameters")
    def execution_parameters() -> flask.Response:
        parameters = {
            "MaxConcurrentTransforms": cpus.available(),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": settings.max_content // MEBIBYTE,
        }
        return flask.Response(json.dumps(parameters), mimetype="application/json")

    @app.post("/invocations")
    def invocations() -> flask.Response:
        return predict(served, settings.default_accept, render)

    @app.errorhandler(404)
    def not_found(error: HTTPException) -> flask.Response:
        return flask.Response("{}", status=404, mimetype="application/json")

    return app, served


def answer(settings: Settings, loaded: Models, predictions: np.ndarray, accept: str) -> flask.Response:
    """The body that the environment asks for; raises UserError or NotOffered."""
    if settings.output_keys:
        rows = selectable.select(predictions, settings.output_keys, loaded.objective, loaded.num_class)
        body = selectable.render(rows, accept, loaded.objective, settings.batch)
    else:
        body = answers.render(predictions, accept, settings.batch)
    return flask.Response(body, mimetype=accept)

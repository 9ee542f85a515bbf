"""One invocation of a loaded model, and the status that each kind of mistake gets.

Source: aws/sagemaker-xgboost-container, statuses and texts observed in 1.7-1, 3.0-5 and 3.2-0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import flask
import numpy as np
import xgboost as xgb
from werkzeug.exceptions import InternalServerError

from smlocal_xgboost.errors import ContainerError, UserError
from smlocal_xgboost.serving import accepts, requests
from smlocal_xgboost.serving.answers import NotOffered
from smlocal_xgboost.serving.models import Models

logger = logging.getLogger(__name__)

Render = Callable[[Models, np.ndarray, str], flask.Response]
"""Makes the answer of (models, predictions, accepted type); raises UserError or NotOffered."""


def predict(served: Callable[[], Models], default_accept: str, render: Render) -> flask.Response:
    """Answer the request at hand: 204 without a body, 415 unreadable, 400 not to be predicted, 406 not acceptable."""
    body = flask.request.get_data()
    if not body:
        return flask.Response(status=204)
    try:
        matrix = requests.read(body, flask.request.content_type)
    except UserError as error:
        return refuse(415, str(error))
    try:
        loaded = served()
    except (ContainerError, OSError) as error:
        return refuse(500, f"Unable to load model: {error}")
    try:
        predictions = loaded.predict(matrix)
    except (xgb.core.XGBoostError, ValueError) as error:
        return refuse(400, f"Unable to evaluate payload provided: {error}")
    return _rendered(loaded, predictions, default_accept, render)


def _rendered(loaded: Models, predictions: np.ndarray, default_accept: str, render: Render) -> flask.Response:
    try:
        accept = accepts.choose(flask.request.headers.get("Accept"), default_accept)
        return render(loaded, predictions, accept)
    except accepts.NotAcceptable as error:
        return refuse(406, str(error))
    except UserError as error:
        return refuse(500, str(error))
    except NotOffered as error:
        logger.error("%s", error)
        return flask.make_response(InternalServerError().get_response())


def refuse(status: int, text: str) -> flask.Response:
    logger.error(text)
    return flask.Response(text, status=status)

"""Which of the three servers runs: one model, many models, or the customer's script.

Source: aws/sagemaker-xgboost-container: SAGEMAKER_MULTI_MODEL, SAGEMAKER_PROGRAM.
"""

from __future__ import annotations

from collections.abc import Callable

import flask

from smlocal_xgboost.errors import PlatformError
from smlocal_xgboost.script_mode import serving as script_serving
from smlocal_xgboost.serving import app, multi_model
from smlocal_xgboost.serving.settings import Settings


def of(settings: Settings) -> tuple[flask.Flask, Callable[[], object]]:
    """The application of the mode that the environment asks for, and what loads its models ahead."""
    if settings.multi_model:
        if settings.environ.get("SAGEMAKER_PROGRAM"):
            raise PlatformError("Multi model not supported in script mode.")
        return multi_model.create_app(settings), lambda: None
    if settings.environ.get("SAGEMAKER_PROGRAM"):
        return script_serving.create_app(settings)
    return app.create_app(settings)

"""The WSGI application that gunicorn serves: invocations only, since `/ping` must never wait for one."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from iris.inference import Answer, Predictor, sentence


def create_app(predictor: Predictor) -> Flask:
    """An application around one loaded model."""
    app = Flask(__name__, static_folder=None)

    @app.post("/invocations")
    def invocations() -> Response:
        return _respond(
            predictor.invoke(request.get_data(), request.headers.get("Content-Type"), request.headers.get("Accept"))
        )

    @app.route("/ping", methods=["GET", "POST"])
    def ping() -> Response:
        return _respond(predictor.ping())

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> Response:
        return _respond(sentence(error.code or 500, f"{error.name}: {request.method} {request.path}."))

    return app


def _respond(answer: Answer) -> Response:
    return Response(answer.body, status=answer.status, content_type=answer.media_type)

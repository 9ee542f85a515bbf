"""The routes: of one model, or of many with the calls by which SageMaker loads, lists and unloads them.

Source: AWS developer guide, mms-container-apis.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flask

from centroids.model import BadRecord, BrokenModel, Model
from centroids.registry import AlreadyLoaded, Entry, NoRoom, NotLoaded, Registry
from centroids.settings import Settings

CSV = "text/csv"
_STATUS = {BadRecord: 400, BrokenModel: 400, NotLoaded: 404, AlreadyLoaded: 409, NoRoom: 507}


def one_model(model: Model) -> flask.Flask:
    """The application of a usual endpoint."""
    app = _app()

    @app.post("/invocations")
    def invocations() -> flask.Response:
        return _predicted(model)

    return app


def many_models(settings: Settings) -> flask.Flask:
    """The application of a multi-model endpoint. Its models live in this process, so there must be one only."""
    app, registry = _app(), Registry(settings.most_bytes, settings.most_models)

    @app.get("/models")
    def listed() -> flask.Response:
        token = flask.request.args.get("next_page_token", "0")
        if not token.isascii() or not token.isdigit():
            flask.abort(400, f"{token!r} is no page's token.")
        entries, following = registry.page(int(token), settings.page)
        told = {"models": [_told(entry) for entry in entries]}
        return flask.jsonify(told if following is None else {**told, "nextPageToken": str(following)})

    @app.post("/models")
    def load() -> flask.Response:
        wanted = flask.request.get_json(force=True)
        name, url = (wanted.get(key) if isinstance(wanted, dict) else None for key in ("model_name", "url"))
        if not isinstance(name, str) or not isinstance(url, str):
            flask.abort(400, "model_name and url are needed, both as text.")
        registry.load(name, url)
        return flask.jsonify(_told(registry.get(name)))

    @app.get("/models/<name>")
    def described(name: str) -> flask.Response:
        return flask.jsonify(_told(registry.get(name)))

    @app.delete("/models/<name>")
    def unload(name: str) -> flask.Response:
        registry.unload(name)
        return flask.Response(status=200)

    @app.post("/models/<name>/invoke")
    def invoke(name: str) -> flask.Response:
        return _predicted(registry.get(name).model)

    return app


def application(settings: Settings, folder: Path) -> flask.Flask:
    """What this container is started for. Raises BrokenModel."""
    return many_models(settings) if settings.multi_model else one_model(Model.load(folder))


def _app() -> flask.Flask:
    app = flask.Flask("centroids")

    @app.get("/ping")
    def ping() -> flask.Response:
        return flask.Response(status=200)

    for kind, status in _STATUS.items():
        app.register_error_handler(kind, _sentence(status))
    return app


def _sentence(status: int) -> Callable[[Exception], flask.Response]:
    return lambda error: flask.Response(f"{error}\n", status, mimetype="text/plain")


def _told(entry: Entry) -> dict[str, str]:
    return {"modelName": entry.name, "modelUrl": entry.url}


def _predicted(model: Model) -> flask.Response:
    if flask.request.mimetype != CSV:
        flask.abort(415, f"{flask.request.mimetype or 'nothing'} is not read here; {CSV} is.")
    if flask.request.accept_mimetypes and CSV not in flask.request.accept_mimetypes:
        flask.abort(406, f"{CSV} is all that is written here.")
    try:
        text = flask.request.get_data().decode()
    except UnicodeDecodeError as error:
        raise BadRecord("The body is not UTF-8.") from error
    labels = "".join(f"{label}\n" for label in model.predict(text.splitlines()))
    return flask.Response(labels, mimetype=CSV)

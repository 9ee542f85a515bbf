"""Model servers made from CreateModel requests; constructed by wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from smlocal import requests
from smlocal.container import LogLine
from smlocal.hosting.failures import VARIANT
from smlocal.hosting.health import HealthChecks
from smlocal.hosting.model import PORT, Model
from smlocal.hosting.model_data import model_data, models_data
from smlocal.hosting.platforms import REAL_TIME, Platform
from smlocal.hosting.server import ModelServer
from smlocal.hosting.watch import State
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Settings
from smlocal.storage.interface import ObjectStore


class ModelHost:
    """Makes the servers of models on one engine. `endpoint` is the S3 endpoint as containers reach it."""

    def __init__(
        self,
        launcher: Launcher,
        http: HttpClient,
        store: ObjectStore,
        settings: Settings,
        *,
        endpoint: str | None = None,
    ) -> None:
        self._launcher = launcher
        self._http = http
        self._store = store
        self._settings = settings
        self._endpoint = endpoint

    def server(
        self,
        request: Mapping[str, Any],
        image: str,
        *,
        name: str | None = None,
        platform: Platform = REAL_TIME,
        checks: HealthChecks | None = None,
        instance_type: str | None = None,
        environment: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
        writable_model: bool = False,
        port: int = PORT,
        keep: bool = False,
        variant: str = VARIANT,
        on_line: Callable[[LogLine], None] = lambda line: None,
        on_state: Callable[[State], None] = lambda state: None,
    ) -> ModelServer:
        """A server, not started, of the model that a CreateModel request describes, as the local image `image`.

        `name` is the endpoint's or job's, by default the model's; `environment` wins over the model's own. With
        `models`, addresses of archives by the names of their models, it is the container of a multi-model endpoint.
        `writable_model` and another `port` are what no endpoint has.
        Raises InvalidRequest for what CreateModel refuses, NotSupported for what smlocal refuses by name.
        """
        model = self.model(request, image, name=name, environment=environment)
        model = replace(model, port=port, writable=writable_model)
        if models is not None:
            model = replace(model, contents=models_data(models, self._store), multi_model=True)
        return ModelServer(
            self._launcher,
            self._http,
            self._settings,
            model,
            platform=platform,
            checks=checks,
            instance=self._launcher.grant(instance_type) if instance_type else None,
            container_endpoint=self._endpoint,
            keep=keep,
            variant=variant,
            on_line=on_line,
            on_state=on_state,
        )

    def model(
        self,
        request: Mapping[str, Any],
        image: str,
        *,
        name: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Model:
        """The model that a CreateModel request describes, as the local image `image`; see `server`."""
        requests.check("CreateModel", request)
        requests.refuse_unsupported("CreateModel", request)
        container = request["PrimaryContainer"]
        contents, url = model_data(container, self._store)
        variables = {**(container.get("Environment") or {}), **(environment or {})}
        return Model(
            name or request["ModelName"],
            image,
            contents,
            variables,
            url,
            isolated=bool(request.get("EnableNetworkIsolation")),
            request=request,
        )

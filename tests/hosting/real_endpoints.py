"""Endpoints of broken and of reference containers on the real engine."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smlocal.errors import EndpointFailed
from smlocal.hosting import Invocation, ModelServer
from smlocal.wiring import Program

IRIS = Path(__file__).resolve().parents[2] / "fixtures" / "iris.csv"
FIXTURES = IRIS.parent / "broken"
BUCKET = "hosting-tests"
PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check."
    " Please check CloudWatch logs for this endpoint."
)


class Endpoints:
    """Makes servers of images on one engine."""

    def __init__(self, program: Program, broken: str) -> None:
        self.program = program
        self.broken = broken
        program.store.ensure_bucket(BUCKET)

    def serve(self, fault: str, *, image: str | None = None, isolated: bool = False, **options: Any) -> ModelServer:
        """A server, not started, of a broken container, or of another image."""
        request: dict[str, Any] = {
            "ModelName": f"model-{uuid.uuid4().hex[:12]}",
            "PrimaryContainer": {"Image": image or self.broken, "Environment": {"FAULT": fault}},
            "EnableNetworkIsolation": isolated,
        }
        if "archive" in options:
            self.program.store.put(BUCKET, "model.tar.gz", io.BytesIO(options.pop("archive")))
            request["PrimaryContainer"]["ModelDataUrl"] = f"s3://{BUCKET}/model.tar.gz"
        if "memory" in options:
            return self._small(request, options.pop("memory"), **options)
        return self.program.hosting.server(request, image or self.broken, **options)

    def _small(self, request: dict[str, Any], memory: int, **options: Any) -> ModelServer:
        """With less memory than any instance type has, so that it is filled soon."""
        granted = replace(self.program.launcher.grant("ml.t3.medium"), memory_bytes=memory)
        model = self.program.hosting.model(request, self.broken)
        program = self.program
        return ModelServer(program.launcher, program.http, program.settings, model, instance=granted, **options)


NewEndpoints = Callable[..., Endpoints]


def failure_of(server: ModelServer) -> EndpointFailed:
    with pytest.raises(EndpointFailed) as raised:
        server.start()
    return raised.value


def model_error(invocation: Invocation) -> dict[str, Any]:
    assert invocation.status == 424
    assert invocation.headers["x-amzn-ErrorType"] == "ModelError"
    return dict(json.loads(invocation.body))

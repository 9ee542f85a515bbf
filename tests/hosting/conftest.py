"""Model servers on the scripted engine, with SageMaker's limits scaled down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from smlocal import owner
from smlocal.engine.scripted import Answer, Request, Run, Script, ScriptedEngine, ScriptedImage, forwarder
from smlocal.hosting import Model, ModelServer
from smlocal.http_client import HttpClient
from smlocal.launch import Launcher
from smlocal.settings import Limits, Settings

LIMITS = Limits(
    ping_timeout=0.3,
    ping_interval=0.05,
    start_window=0.6,
    unhealthy_after_misses=3,
    invocation_timeout=0.4,
    invocation_body_bytes=64 * 1024,
    serving_stop_grace=0.3,
)


@pytest.fixture
def engine() -> ScriptedEngine:
    made = ScriptedEngine()
    made.add_image("relay", relay)
    return made


def relay(run: Run) -> int:
    run.write("listening\n")
    return forwarder(run)


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def settings() -> Settings:
    return replace(Settings(), limits=LIMITS, region="eu-west-1", account="123456789012")


@pytest.fixture
def launcher(engine: ScriptedEngine) -> Launcher:
    return Launcher(engine, owner.this_process(), "relay")


@pytest.fixture
def host(
    engine: ScriptedEngine, http: HttpClient, settings: Settings, launcher: Launcher
) -> Iterator[Callable[..., ModelServer]]:
    """Makes a server of a program (or handler of requests) that is called "demo"; all are stopped at the end, and
    nothing of theirs is left in the engine."""
    made: list[ModelServer] = []

    def make(program: Any, *, model: dict[str, Any] | None = None, **options: Any) -> ModelServer:
        image = program if isinstance(program, (Script, ScriptedImage)) else Script(handler=program)
        engine.add_image("model", image)
        server = ModelServer(launcher, http, settings, Model("demo", "model", **(model or {})), **options)
        made.append(server)
        return server

    yield make
    for server in made:
        server.stop()
    assert launcher.ours() == []


def healthy(request: Request) -> Answer:
    """A container that echoes what it gets."""
    if request.path == "/ping":
        return Answer(200)
    return Answer(200, request.body, {"Content-Type": request.header("Content-Type") or "text/plain"})


@pytest.fixture
def echo() -> Callable[[Request], Answer]:
    return healthy

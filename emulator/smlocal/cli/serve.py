"""`smlocal serve`: one model held up until Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smlocal.cli.interrupts import INTERRUPTED, StopRequest, stop_on_interrupt
from smlocal.cli.state import Common, common_of
from smlocal.errors import EndpointFailed, SmlocalError

if TYPE_CHECKING:
    from smlocal.cli.places import Places
    from smlocal.cli.terminal import Terminal
    from smlocal.container import LogLine
    from smlocal.hosting import ModelServer
    from smlocal.images.availability import PullPolicy
    from smlocal.journal import Record
    from smlocal.serving import Front
    from smlocal.wiring import Program

_TURN = 0.2  # seconds between looks at a wish to stop


def serve(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    model: Annotated[str | None, typer.Option(metavar="FILE_OR_DIR", help="model.tar.gz, or a folder.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to answer on loopback; 0: any.")] = 8080,
    env: Annotated[list[str] | None, typer.Option(metavar="K=V", help="One environment variable.")] = None,
    instance_type: Annotated[str, typer.Option(help="Sets vCPU and memory.")] = "ml.m5.large",
    network_isolation: Annotated[bool, typer.Option("--network-isolation", help="No network at all.")] = False,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
) -> None:
    """Run IMAGE as a SageMaker endpoint until Ctrl-C."""
    from smlocal import requests
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.model_words import create_model
    from smlocal.cli.places import Places

    common = common_of(context)
    places = Places()
    policy = pull_policy(pull)
    request = create_model(places, image, model, env or (), common.settings(), isolated=network_isolation)
    requests.check("CreateModel", request)
    requests.refuse_unsupported("CreateModel", request)
    _run(common, places, request, policy, instance_type, port)


def _run(
    common: Common, places: Places, request: dict[str, Any], policy: PullPolicy, instance_type: str, port: int
) -> None:
    from smlocal.cli.places import say_where

    terminal = common.terminal()
    with common.program(places.mounts, writing=True) as program:
        if places.uses_buckets:
            say_where(terminal, program)
        with fronted(program, terminal, request, policy, instance_type, port) as (server, front):
            _hold(terminal, server, front.url)


@contextmanager
def fronted(
    program: Program, terminal: Terminal, request: dict[str, Any], policy: PullPolicy, instance_type: str, port: int
) -> Iterator[tuple[ModelServer, Front]]:
    """A server, not started, of the model that a CreateModel request describes, with its front and its record."""
    from smlocal.cli.image_choice import chosen
    from smlocal.hosting.failures import ENDPOINT_TEXTS, Failures
    from smlocal.metrics import escape
    from smlocal.serving import Front

    program.launcher.grant(instance_type)  # refused before an image is pulled for it
    missing = Failures(ENDPOINT_TEXTS).worded(ENDPOINT_TEXTS.no_image)
    reference = chosen(program, terminal, request["PrimaryContainer"]["Image"], policy, missing)

    def on_line(line: LogLine) -> None:
        text = escape(line.text.decode("utf-8", "replace"))
        record.log(text.encode())
        terminal.log_line(text)

    server = program.hosting.server(
        request, reference, instance_type=instance_type, on_line=on_line, on_state=terminal.say
    )
    for note in server.notes:
        terminal.say(f"note: {note}")
    # it listens first: that the port is taken is no news to be had after the minutes that a model takes to load
    with Front(program.http, server, program.settings.limits, port=port) as front:
        record = program.journal.begin("endpoint", request["ModelName"], request)
        with _recorded(record):
            yield server, front


@contextmanager
def _recorded(record: Record) -> Iterator[None]:
    """Writes down how the endpoint ended, as DescribeEndpoint would tell it."""
    description = {"EndpointName": record.name, "EndpointStatus": "Deleting"}
    try:
        yield
    except SmlocalError as error:
        reason = error.failure_reason if isinstance(error, EndpointFailed) else str(error)
        description |= {"EndpointStatus": "Failed", "FailureReason": reason}
        raise
    finally:
        record.write("description.json", description)
        record.close()


def _hold(terminal: Terminal, server: ModelServer, url: str) -> None:
    """Hold the server up until the user stops it. Raises EndpointFailed when it does not come up, or ends by itself."""
    with stop_on_interrupt(terminal.say, "the endpoint") as stop:
        try:
            with terminal.working("waiting for the first healthy ping"):
                healthy = server.start(stop.event)
            if not healthy:
                raise typer.Exit(INTERRUPTED)
            _answer(terminal, server, url, stop)
        except EndpointFailed as error:
            if terminal.shows_lines:
                error.log_lines = ()  # they were shown as they came
            raise
        finally:
            server.stop(stop.hurry)


def _answer(terminal: Terminal, server: ModelServer, url: str, stop: StopRequest) -> None:
    """Answer requests until the user stops it. Raises EndpointFailed when the container ends by itself."""
    if terminal.json:
        terminal.document("endpoint", {"name": server.model.name, "url": url})
    else:
        terminal.answer(f"serving at {url} (GET /ping, POST /invocations); Ctrl-C ends it")
    while not stop.interrupted:
        ended = server.wait(_TURN)
        if ended is not None:
            text = f"the container ended by itself, exit code {ended.code}"
            raise EndpointFailed(text, "", "", server.evidence().last_lines)

"""`smlocal serve`: one model held up until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.interrupts import INTERRUPTED, StopRequest, stop_on_interrupt
from smlocal.cli.state import common_of
from smlocal.cli.train import resolved, say_where

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.container import Exit, LogLine
    from smlocal.hosting import ModelServer
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
    from smlocal.cli.model_words import create_model
    from smlocal.cli.sources import Places

    common = common_of(context)
    terminal = common.terminal()
    places = Places()
    request = create_model(places, image, model, env or (), isolated=network_isolation)
    with common.program(places.mounts) as program:
        if places.uses_buckets:
            say_where(terminal, program)
        reference = resolved(program, terminal, image, pull)
        record = program.journal.begin("endpoint", request["ModelName"], request)

        def on_line(line: LogLine) -> None:
            record.log(line.text)
            terminal.log_line(line.text.decode("utf-8", "replace"))

        server = program.hosting.server(
            request, reference, instance_type=instance_type, on_line=on_line, on_state=terminal.say
        )
        try:
            _hold(terminal, program, server, port)
        finally:
            record.write("description.json", {"EndpointName": request["ModelName"]})
            record.close()


def _hold(terminal: Terminal, program: Program, server: ModelServer, port: int) -> None:
    with stop_on_interrupt(terminal.say, "the endpoint") as stop:
        try:
            with terminal.working("waiting for the first healthy ping"):
                healthy = server.start(stop.event)
            if not healthy:
                raise typer.Exit(INTERRUPTED)
            ended = _answer(terminal, program, server, port, stop)
        finally:
            server.stop(stop.hurry)
    if ended is not None:
        terminal.say(f"the container ended by itself, exit code {ended.code}")
        raise typer.Exit(1)


def _answer(terminal: Terminal, program: Program, server: ModelServer, port: int, stop: StopRequest) -> Exit | None:
    """Answer requests until the user stops it (None) or the container ends."""
    from smlocal.serving import Front

    with Front(program.http, server, program.settings.limits, port=port) as front:
        if terminal.json:
            terminal.document("endpoint", {"name": server.model.name, "url": front.url})
        else:
            terminal.answer(f"serving at {front.url} (GET /ping, POST /invocations); Ctrl-C ends it")
        while not stop.interrupted:
            ended = server.wait(_TURN)
            if ended is not None:
                return ended
    return None

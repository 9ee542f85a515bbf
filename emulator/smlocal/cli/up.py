"""`smlocal up`: the AWS wire on one port, until Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.aws_environment import Export, client_environment, in_two_lines, written
from smlocal.cli.interrupts import stop_on_interrupt
from smlocal.cli.state import common_of
from smlocal.errors import EngineUnavailable, UsageError

if TYPE_CHECKING:
    from smlocal.aws.server import AwsServer
    from smlocal.aws_clients import Credentials
    from smlocal.cli.terminal import Terminal
    from smlocal.wiring import Program

PORT = 4650


class Auth(str, Enum):
    """Whether calls from this machine have their signatures verified; what comes from elsewhere always has."""

    none = "none"
    sigv4 = "sigv4"


AuthOption = Annotated[Auth, typer.Option(help="sigv4: verify signatures of calls from this machine too.")]
DelegateOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Where calls go that smlocal does not serve; default: moto, built in.")
]


def up(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: any.")] = PORT,
    host: Annotated[str, typer.Option(help="The address or name to listen on.")] = "127.0.0.1",
    auth: AuthOption = Auth.none,
    delegate: DelegateOption = None,
    export: Annotated[
        Export | None, typer.Option(help="Only print the environment that leads clients to this port, and end.")
    ] = None,
) -> None:
    """Answer AWS clients on one port until Ctrl-C."""
    common = common_of(context)
    terminal = common.terminal()
    if export is not None:
        if auth is Auth.sigv4 or port == 0:
            raise UsageError(
                "--export knows neither a port that is still to be chosen nor credentials still to be made"
            )
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        terminal.answer(written(client_environment(url, common.settings()), export))
        return
    with common.program(writing=True) as program, contextlib.ExitStack() as held:
        take_up = partial(_take_up, program, terminal)
        server, credentials = held.enter_context(listening(program, terminal, auth, delegate, host, port, take_up))
        stop = held.enter_context(stop_on_interrupt(terminal.say, "the gateway"))
        _say_where(terminal, program, server.url, credentials)
        while not stop.event.wait(1):
            pass


def _take_up(program: Program, terminal: Terminal) -> None:
    """Let endpoints of before serve again. Without an engine the gateway stands all the same, and SageMaker's calls
    say what they lack."""
    try:
        program.take_up_account()
    except EngineUnavailable as error:
        terminal.say(f"jobs and endpoints have to wait for a container engine: {error}")


@contextmanager
def listening(
    program: Program,
    terminal: Terminal,
    auth: Auth,
    delegate: str | None,
    host: str,
    port: int,
    before: Callable[[], None] = lambda: None,
) -> Iterator[tuple[AwsServer, Credentials]]:
    """The gateway, listening, and the credentials to call it with. `before` is called before the first call can come;
    what it lets run is heard of by CloudWatch, which the gateway brings."""
    from smlocal.aws.server import AwsServer
    from smlocal.aws_clients import DUMMY

    is_verifying = auth is Auth.sigv4
    credentials = program.aws_credentials.issue() if is_verifying else DUMMY
    gateway = program.gateway(
        verify_all=is_verifying,
        delegate=delegate,
        own_names=(host,),
        log=terminal.detail if terminal.shows_details else None,
    )
    before()
    with AwsServer(program.http, gateway, host=host, port=port) as server:
        yield server, credentials


def _say_where(terminal: Terminal, program: Program, url: str, credentials: Credentials) -> None:
    from smlocal.cli.places import say_where

    settings = program.settings
    if settings.s3_endpoint_url is not None:
        say_where(terminal, program)
    environment = client_environment(url, settings, credentials)
    if terminal.json:
        terminal.document("gateway", {"url": url, "environment": environment})
        return
    terminal.answer(
        f"answering AWS clients at {url} (account {settings.account}, region {settings.region}); Ctrl-C ends it\n"
        f"{in_two_lines(environment)}"
    )

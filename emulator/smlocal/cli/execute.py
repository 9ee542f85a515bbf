"""`smlocal exec -- CMD`: a program with a gateway of its own, for as long as it runs."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Annotated

import typer

from smlocal.cli.aws_environment import child_environment, client_environment, held_back
from smlocal.cli.state import common_of
from smlocal.cli.up import Auth, AuthOption, DelegateOption, listening
from smlocal.errors import UsageError

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)  # which it sends to every process of the group by itself
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells have it
_SIGNALLED = 128
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def execute(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="-- CMD [ARGS]...", help="The program and its words.")],
    auth: AuthOption = Auth.none,
    delegate: DelegateOption = None,
) -> None:
    """Run CMD with a gateway of its own; the exit code is CMD's."""
    common = common_of(context)
    terminal = common.terminal()
    with (
        common.program(writing=True) as program,
        listening(program, terminal, auth, delegate, "127.0.0.1", 0) as (server, credentials),
    ):
        secrets = held_back(os.environ)
        if secrets:
            terminal.say(f"your AWS credentials ({', '.join(secrets)}) are not passed on: the command gets dummy ones")
        client = client_environment(server.url, program.settings, credentials)
        code = run_child(command, child_environment(os.environ, client))
    raise typer.Exit(code)


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program to its end, with the signals that we get; its exit code, 128 and more for a signal, as shells do.

    On Linux it is sent SIGTERM when this process is killed, so that it does not live on without its gateway.
    """
    with _forwarding() as forward_to:
        try:
            child = subprocess.Popen(list(command), env=dict(environment), preexec_fn=_tied_to_parent())
        except FileNotFoundError:
            print(f"smlocal: there is no command '{command[0]}'", file=sys.stderr)
            return _NOT_FOUND
        except (PermissionError, OSError) as error:
            print(f"smlocal: '{command[0]}' cannot be run: {error.strerror}", file=sys.stderr)
            return _NOT_EXECUTABLE
        except ValueError as error:  # a word with a null character
            raise UsageError(f"the command cannot be run: {error}") from error
        forward_to(child)
        code = child.wait()
    return code if code >= 0 else _SIGNALLED - code


@contextlib.contextmanager
def _forwarding() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Within, signals go to the child that the given function is called with; those before it, at once then."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not children:
            early.append(number)
        elif not (number in _OF_THE_TERMINAL and _terminal_sends_itself()):
            children[0].send_signal(number)

    def forward_to(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in early:
            child.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in _FORWARDED}
    try:
        yield forward_to
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _terminal_sends_itself() -> bool:
    """Whether we, and so the child, are what the terminal's Ctrl-C goes to."""
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(stream) == os.getpgrp()
    return False


def _tied_to_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the program. Source: prctl(2), which exists on Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(_DIE_WITH_PARENT, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before this was set
            os._exit(_SIGNALLED + signal.SIGTERM)

    return tie

"""The command `smlocal`: its groups, its common options, its exit codes.

0    good
1    the image, the job or the request failed
2    usage: the command line or a request is wrong
3    smlocal could not run it (no engine, no space, ...)
130  interrupted
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from smlocal import __version__
from smlocal.cli import (
    badge,
    check,
    compare,
    demo,
    doctor,
    execute,
    images,
    init,
    invoke,
    jobs,
    push,
    serve,
    train,
    transform,
    up,
    verify,
)
from smlocal.cli.state import Common
from smlocal.cli.terminal import Format, brief, print_last_lines
from smlocal.cli.words import refuse_meaningless
from smlocal.errors import EndpointFailed, SmlocalError

app = typer.Typer(
    name="smlocal",
    help="Run container images as Amazon SageMaker would, on this machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smlocal {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    output: Annotated[
        Format,
        typer.Option("--format", help="How to answer; all but text and json are for check; markdown for compare, too."),
    ] = Format.text,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell more on the way.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell nothing on the way.")] = False,
    state: Annotated[str | None, typer.Option(help="Folder for objects, logs and records.")] = None,
    region: Annotated[str | None, typer.Option(help="The region that containers see.")] = None,
    s3_endpoint_url: Annotated[
        str | None, typer.Option(help="Where s3:// addresses lead; default: a folder of the state folder.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="/opt/ml/input/config with mode 0644; in check, warnings fail.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    context.obj = Common(output, verbose, quiet, state, region, s3_endpoint_url, strict)


app.command()(train.train)
app.command()(serve.serve)
app.command()(invoke.invoke)
app.command()(transform.transform)
app.command()(init.init)
app.command()(check.check)
app.command()(compare.compare)
app.command()(push.push)
app.command()(verify.verify)
app.command()(badge.badge)
app.command()(check.rules)
app.command()(check.explain)
app.command()(jobs.ps)
app.command()(jobs.logs)
app.command()(jobs.prune)
app.command()(doctor.doctor)
app.command()(demo.demo)
app.command()(up.up)
app.command("exec")(execute.execute)
app.add_typer(images.app, name="images")


_COMMON_FLAGS = re.compile(r"--verbose|--quiet|--strict|-[vq]+")
_COMMON_VALUES = ("--format", "--state", "--region", "--s3-endpoint-url")


def hoisted(arguments: Sequence[str]) -> list[str]:
    """The common options brought to the front, so that they may stand anywhere: `smlocal doctor --format json`."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif _COMMON_FLAGS.fullmatch(word) or word.startswith(tuple(f"{name}=" for name in _COMMON_VALUES)):
            front.append(word)
        elif word in _COMMON_VALUES:
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return [*front, *rest]


def _say_no_more() -> None:
    """What standard output still holds goes nowhere, or the interpreter would fail on it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str]) -> int:
    """Run one command; gives its exit code and never lets a traceback through that a user could have caused."""
    try:
        refuse_meaningless(arguments)
        app(args=hoisted(arguments), prog_name="smlocal", standalone_mode=True)
    except SmlocalError as error:
        if isinstance(error, EndpointFailed):
            print_last_lines(error.log_lines)
        print(f"smlocal: {brief(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("smlocal: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # whoever read our output has left: nothing more to say, and nothing to say it to
        _say_no_more()
        return 1
    except OSError as error:
        print(f"smlocal: {error}", file=sys.stderr)
        _say_no_more()  # it may have been the answer itself that could not be written
        return 3
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0

"""`smlocal doctor`: is this machine ready, and what mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from smlocal.cli.state import common_of


def doctor(
    context: typer.Context,
    fix: Annotated[bool, typer.Option("--fix", help="Set up what can be set up here, such as an engine.")] = False,
) -> None:
    """Say what this machine has and lacks; exit 3 when something is missing."""
    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program:
        report = program.doctor.repair(terminal.say) if fix else program.doctor.examine()
    if terminal.json:
        terminal.document("doctor", report.as_json())
    else:
        terminal.answer(report.as_text())
    raise typer.Exit(report.exit_code)

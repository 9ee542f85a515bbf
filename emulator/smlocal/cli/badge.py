"""`smlocal badge`: a saved report as a small picture for a README."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smlocal.cli.state import common_of
from smlocal.errors import CannotRun


def badge(
    context: typer.Context,
    report: Annotated[str, typer.Argument(help="A report of `check --output json=FILE`.")],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; default: standard output.")
    ] = None,
) -> None:
    """Draw a badge (SVG) of a saved report: passed or failed, clauses kept, broken and not judged.

    With --format json, what an endpoint badge of shields.io is made of. No network is used.
    """
    from smlocal.cli.compare import report_in
    from smlocal.report import badge_as_shields, badge_as_svg

    terminal = common_of(context).terminal()
    found = report_in(report)
    drawn = badge_as_shields(found) if terminal.json else badge_as_svg(found)
    if output is None:
        terminal.file(drawn)
        return
    try:
        output.write_text(drawn, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise CannotRun(f"the badge {output} cannot be written: {error.strerror}") from error

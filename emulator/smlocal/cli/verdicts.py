"""Images examined and judged, as `check` and `compare` do it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smlocal.cli.state import Common
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.examining import Examine
    from smlocal.cli.terminal import Terminal
    from smlocal.contract import Allowance, Selection
    from smlocal.examination import Plan
    from smlocal.images.availability import PullPolicy
    from smlocal.report import Report


@dataclass(frozen=True)
class Wanted:
    """With what images are examined, and by which rules they are judged."""

    plan: Plan
    selection: Selection
    allowances: tuple[Allowance, ...] = ()  # rules that may be broken


def configured(
    terminal: Terminal,
    config: Path | None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    allow: Sequence[str] = (),
) -> Wanted:
    """What the configuration says; the command's own words about rules win. Raises UsageError, SettingsError."""
    from smlocal.contract import RULES, Selection, allowances
    from smlocal.examination import read_plan
    from smlocal.settings import check_table

    table, folder, origin = check_table(Path.cwd(), config)
    plan = read_plan(table, folder, origin)
    selection = Selection.of(select or plan.select, ignore or plan.ignore, RULES)
    may_be_broken = allowances(allow, plan.allow, RULES)
    if not table and config is not None:
        raise UsageError(f"{config} has no [check] table; `smlocal init` writes one")
    if not table:
        terminal.say("note: no [check] table is configured: training and sample requests cannot be tried")
    return Wanted(plan, selection, may_be_broken)


def reports_on(
    common: Common, images: Sequence[str], wanted: Wanted, policy: PullPolicy, *, keep: bool = False
) -> list[Report]:
    """Examine the images one after the other, so that none is measured beside another, and judge them.

    Whatever can be refused is refused before the first run. The state folders of the runs are gone afterwards, unless
    they are to be kept. Raises UsageError, NotSupported, CannotRun, ImageNotFound.
    """
    from smlocal.cli.examining import ready_to_examine

    terminal = common.terminal()
    with contextlib.ExitStack() as held:
        ready = []
        for image in images:
            scratch = held.enter_context(_scratch(terminal, keep))
            ready.append(
                held.enter_context(ready_to_examine(common.settings(), scratch, terminal, image, wanted.plan, policy))
            )
        return [_report(common, image, examine, wanted) for image, examine in zip(images, ready, strict=True)]


def _report(common: Common, image: str, examine: Examine, wanted: Wanted) -> Report:
    from smlocal import __version__
    from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
    from smlocal.contract import RULES, Outcome, judge
    from smlocal.examination import Stop, Stopped
    from smlocal.report import Report

    terminal = common.terminal()
    began = time.monotonic()
    with (
        terminal.working(f"examining {image}") as tell,
        stop_on_interrupt(terminal.say, "the examination") as asked,
    ):
        try:
            examination = examine(tell, Stop(asked.event, asked.hurry))
        except Stopped as error:
            terminal.say("interrupted: there is no verdict")
            raise typer.Exit(INTERRUPTED) from error
    verdict = judge(examination, RULES, wanted.selection, allowances=wanted.allowances)
    if not any(finding.outcome in (Outcome.KEPT, Outcome.BROKEN) for finding in verdict.findings):
        raise UsageError(
            "nothing could be judged: configure data and requests in a [check] table, or select other rules"
        )
    return Report(image, examination, verdict, time.monotonic() - began, __version__, common.settings().strict)


@contextlib.contextmanager
def _scratch(terminal: Terminal, keep: bool) -> Iterator[Path]:
    """The state folder of the runs: their records and logs, and their models."""
    folder = Path(tempfile.mkdtemp(prefix="smlocal-check-"))
    try:
        yield folder
    finally:
        if keep:
            terminal.say(f"kept: {folder} (records and logs of the runs, and what they made)")
        else:
            shutil.rmtree(folder, ignore_errors=True)

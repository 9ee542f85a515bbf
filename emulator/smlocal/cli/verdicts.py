"""Images examined and judged, as `check`, `compare` and `push` do it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smlocal.cli.state import Common
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.examining import Examine, Ready
    from smlocal.cli.terminal import Terminal
    from smlocal.contract import Allowance, Selection
    from smlocal.examination import Plan
    from smlocal.gate.verdicts import Kept
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
        terminal.say(
            "note: no [check] table is configured: training and sample requests cannot be tried; `smlocal init IMAGE`"
            " writes one"
        )
    return Wanted(plan, selection, may_be_broken)


def reports_on(
    common: Common,
    images: Sequence[str],
    wanted: Wanted,
    policy: PullPolicy,
    *,
    keep: bool = False,
    fresh: bool = True,
    remember: bool = True,
) -> list[Report]:
    """Examine the images one after the other, so that none is measured beside another, and judge them.

    Whatever can be refused is refused before the first run. The state folders of the runs are gone afterwards, unless
    they are to be kept. What was seen is remembered for `push`; unless it is to be `fresh`, an image that has not
    changed is not examined again. Raises UsageError, NotSupported, CannotRun, ImageNotFound.
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
        return [_report(common, image, one, wanted, fresh, remember) for image, one in zip(images, ready, strict=True)]


def _report(common: Common, image: str, ready: Ready, wanted: Wanted, fresh: bool, remember: bool) -> Report:
    from smlocal.contract import RULES, Outcome, judge
    from smlocal.gate.circumstances import circumstances, configuration_digest, is_moving
    from smlocal.gate.verdicts import Key, VerdictStore
    from smlocal.report import Report

    terminal, settings = common.terminal(), common.settings()
    store = VerdictStore(settings.state, settings.state_limit_bytes, terminal.say)
    configuration = configuration_digest(wanted.plan)
    key = Key(ready.image_id, configuration, circumstances(settings, ready.engine))
    found = None if fresh or is_moving(wanted.plan) else store.find(key)
    if found is not None:
        when = found.examined_at.astimezone().strftime("%Y-%m-%d %H:%M")
        terminal.say(f"{image} is as it was examined on {when}, and is not examined again (--require-fresh does)")
    seen = found or _examined(common, image, ready.examine)
    verdict = judge(seen.examination, RULES, wanted.selection, allowances=wanted.allowances)
    if not any(finding.outcome in (Outcome.KEPT, Outcome.BROKEN) for finding in verdict.findings):
        raise UsageError(
            "nothing could be judged: configure data and requests in a [check] table, or select other rules"
        )
    unchanged = remember and found is None and configuration_digest(wanted.plan) == configuration
    if unchanged:  # nobody has changed the data meanwhile
        store.keep(replace(key, image=seen.examination.image.id), seen)
    return Report(
        image, seen.examination, verdict, seen.seconds, seen.smlocal, settings.strict, seen.examined_at, configuration
    )


def _examined(common: Common, image: str, examine: Examine) -> Kept:
    """The runs, made now; an examination that is interrupted ends the command."""
    from smlocal import __version__
    from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
    from smlocal.examination import Stop, Stopped
    from smlocal.gate.verdicts import Kept

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
    return Kept(examination, datetime.now(timezone.utc), time.monotonic() - began, __version__)


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

"""`smlocal check`, `smlocal rules` and `smlocal explain`: a verdict on an image, and what it is judged by."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.state import Common, common_of
from smlocal.cli.terminal import Format
from smlocal.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.contract import Rule
    from smlocal.evidence import Examination
    from smlocal.examination import Plan
    from smlocal.images.availability import PullPolicy
    from smlocal.report import Report

_WIDTH = 80
_NAMES = tuple(item.value for item in Format)
_STYLES = {"ERROR": "bold red", "WARNING": "yellow", "PASSED": "bold green", "FAILED": "bold red"}
_MARK = re.compile("^(ERROR|WARNING|PASSED|FAILED)(?= )", re.MULTILINE)


def check(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with a [check] table; default: smlocal.toml here.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="SM3,...", help="Only rules whose ids begin so.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="SM3,...", help="No rule whose id begins so.")] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help=f"Write a report too: {', '.join(_NAMES)}."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the records, logs and models of the runs.")] = False,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
) -> None:
    """Run IMAGE as SageMaker would, try to break it, and say which clauses of the contract it keeps.

    With --strict (a common option) a warning fails the image, too. Exit code 1 when it fails.
    """
    from smlocal import __version__
    from smlocal.cli.image_choice import pull_policy
    from smlocal.contract import RULES, Outcome, Selection, judge
    from smlocal.examination import read_plan
    from smlocal.report import Report
    from smlocal.settings import check_table

    common = common_of(context, tuple(Format))
    terminal = common.terminal()
    policy = pull_policy(pull)
    targets = _targets(output or ())
    table, folder, origin = check_table(Path.cwd(), config)
    plan = read_plan(table, folder, origin)
    selection = Selection.of(select or plan.select, ignore or plan.ignore, RULES)
    if not table:
        terminal.say("note: no [check] table is configured: training and sample requests cannot be tried")
    began = time.monotonic()
    examination = _examine(common, image, plan, policy, keep)
    verdict = judge(examination, RULES, selection)
    if not any(finding.outcome in (Outcome.KEPT, Outcome.BROKEN) for finding in verdict.findings):
        raise UsageError(
            "nothing could be judged: configure data and requests in a [check] table, or select other rules"
        )
    report = Report(image, examination, verdict, time.monotonic() - began, __version__, common.settings().strict)
    unwritten = _write(report, targets)
    _answer(terminal, report)
    if unwritten:
        raise CannotRun(unwritten)
    if not report.passed:
        raise typer.Exit(1)


def _write(report: Report, targets: Sequence[tuple[Format, Path]]) -> str:
    """Write the reports; which could not be written, for the verdict is worth telling all the same."""
    problems = []
    for kind, path in targets:
        try:
            path.write_text(_rendered(report, kind), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            problems.append(f"the report {path} cannot be written: {error.strerror}")
    return "; ".join(problems)


def _answer(terminal: Terminal, report: Report) -> None:
    """The report on standard output and nothing else; the marks of a text in colour on a terminal."""
    if terminal.format is not Format.text:
        terminal.file(_rendered(report, terminal.format))
        return
    from rich.text import Text

    from smlocal.report import as_text

    text = Text(as_text(report, every=terminal.shows_details).rstrip("\n"))
    for mark in _MARK.finditer(text.plain):
        text.stylize(_STYLES[mark[0]], *mark.span())
    terminal.console().print(text, soft_wrap=True)


def _examine(common: Common, image: str, plan: Plan, policy: PullPolicy, keep: bool) -> Examination:
    """Make the runs, with a state folder of their own that is gone afterwards unless it is to be kept."""
    from smlocal.cli.examining import ready_to_examine
    from smlocal.cli.interrupts import INTERRUPTED, stop_on_interrupt
    from smlocal.examination import Stop, Stopped

    terminal = common.terminal()
    with contextlib.ExitStack() as held:
        scratch = held.enter_context(_scratch(terminal, keep))
        examine = held.enter_context(ready_to_examine(common.settings(), scratch, terminal, image, plan, policy))
        tell = held.enter_context(terminal.working(f"examining {image}"))
        asked = held.enter_context(stop_on_interrupt(terminal.say, "the examination"))
        try:
            return examine(tell, Stop(asked.event, asked.hurry))
        except Stopped as error:
            terminal.say("interrupted: there is no verdict")
            raise typer.Exit(INTERRUPTED) from error


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


def rules(context: typer.Context) -> None:
    """List the rules."""
    from smlocal.contract import RULES

    terminal = common_of(context).terminal()
    if terminal.json:
        terminal.document("rules", {"rules": [_described(rule) for rule in RULES]})
        return
    terminal.table(
        ("RULE", "SEVERITY", "WHAT IS WRONG"), [(rule.id, rule.severity.value, rule.title) for rule in RULES]
    )


def explain(context: typer.Context, rule: Annotated[str, typer.Argument(help="An id, such as SM305.")]) -> None:
    """Print the page of one rule: what is wrong, why it matters, how to fix it."""
    from smlocal.contract import RULES

    terminal = common_of(context).terminal()
    found = next((item for item in RULES if item.id == rule.upper() or item.name == rule.lower()), None)
    if found is None:
        raise UsageError(f"there is no rule '{rule}'; `smlocal rules` lists them")
    if terminal.json:
        terminal.document("rule", _described(found))
    else:
        terminal.answer("\n".join(_page(found)))


def _described(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity.value,
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix,
        "sources": list(rule.sources),
    }


def _page(rule: Rule) -> Iterator[str]:
    yield f"{rule.id} {rule.name} ({rule.severity.value})"
    for head, text in (("", f"{rule.title}."), ("Why: ", rule.why), ("Fix: ", rule.fix)):
        yield ""
        yield from textwrap.wrap(f"{head}{text}", _WIDTH, break_on_hyphens=False, break_long_words=False)
    yield ""
    yield from textwrap.wrap(f"Source: {'; '.join(rule.sources)}", _WIDTH, break_on_hyphens=False)


def _targets(words: Sequence[str]) -> list[tuple[Format, Path]]:
    """`FORMAT=FILE` words, before anything is run: a report that cannot be written is an examination for nothing.

    Raises UsageError.
    """
    found: list[tuple[Format, Path]] = []
    for word in words:
        kind, separator, name = word.partition("=")
        if not separator or not name:
            raise UsageError(f"--output '{word}': write FORMAT=FILE, such as junit=report.xml")
        if kind not in _NAMES:
            raise UsageError(f"--output '{word}': there is no format '{kind}'; it is one of {', '.join(_NAMES)}")
        path = Path(name)
        problem = _unwritable(path)
        if path in (other for _, other in found):
            problem = "another report goes to the same file"
        if problem:
            raise UsageError(f"--output '{word}': {problem}")
        found.append((Format(kind), path))
    return found


def _unwritable(path: Path) -> str:
    """Why a file cannot be written; "" when it can."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_dir():
        return f"{path} is a folder"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else f"{path} cannot be written"


def _rendered(report: Report, kind: Format) -> str:
    import json

    from smlocal import report as reports
    from smlocal.cli.terminal import FORMAT_VERSION

    if kind is Format.json:
        document = {"version": FORMAT_VERSION, "kind": "check", **reports.as_document(report)}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    renderers = {
        Format.text: reports.as_text,
        Format.junit: reports.as_junit,
        Format.sarif: reports.as_sarif,
        Format.markdown: reports.as_markdown,
        Format.html: reports.as_html,
    }
    return renderers[kind](report)

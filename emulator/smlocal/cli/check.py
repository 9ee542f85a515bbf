"""`smlocal check`, `smlocal rules` and `smlocal explain`: a verdict on an image, and what it is judged by."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.reports import REPORTS, answer, report_files, write
from smlocal.cli.state import common_of
from smlocal.cli.terminal import Format
from smlocal.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from smlocal.contract import Rule

_WIDTH = 80


def check(
    context: typer.Context,
    image: Annotated[str, typer.Argument(help="The image: a local name, or an ECR URI.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with a [check] table; default: smlocal.toml here.")
    ] = None,
    select: Annotated[list[str] | None, typer.Option(metavar="SM3,...", help="Only rules whose ids begin so.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="SM3,...", help="No rule whose id begins so.")] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="SM110=REASON", help="A rule that may be broken; repeatable.")
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help=f"Write a report too: {', '.join(REPORTS)}."),
    ] = None,
    dockerfile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What IMAGE is built from: pages of code show findings at it."),
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="Build IMAGE from --dockerfile's folder first.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the records, logs and models of the runs.")] = False,
    pull: Annotated[str, typer.Option(metavar="never|missing|always", help="When to pull the image.")] = "missing",
) -> None:
    """Run IMAGE as SageMaker would, try to break it, and say which clauses of the contract it keeps.

    With --strict (a common option) a warning fails the image, too. Exit code 1 when it fails.
    """
    from smlocal.cli.dockerfile import build_image, shown_at
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.verdicts import configured, reports_on

    common = common_of(context, tuple(Format))
    policy = pull_policy(pull)
    targets = report_files(output or ())
    wanted = configured(common.terminal(), config, select or (), ignore or (), allow or ())
    if build:
        build_image(common, image, dockerfile, pull)
    (report,) = reports_on(common, [image], wanted, policy, keep=keep)
    report = replace(report, file=shown_at(dockerfile, config))
    unwritten = write(report, targets)
    answer(common.terminal(), report)
    if unwritten:
        raise CannotRun(unwritten)
    if not report.passed:
        raise typer.Exit(1)


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

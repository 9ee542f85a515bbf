"""`smlocal check`, `smlocal rules` and `smlocal explain`: a verdict on an image, and what it is judged by."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.state import common_of
from smlocal.cli.terminal import Format
from smlocal.errors import CannotRun, UsageError

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.contract import Rule
    from smlocal.report import Report

_WIDTH = 80
_NAMES = tuple(item.value for item in Format)
_STYLES = {"ERROR": "bold red", "WARNING": "yellow", "PASSED": "bold green", "FAILED": "bold red"}


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
    targets = _targets(output or ())
    wanted = configured(common.terminal(), config, select or (), ignore or ())
    if build:
        build_image(common, image, dockerfile, pull)
    (report,) = reports_on(common, [image], wanted, policy, keep=keep)
    report = replace(report, file=shown_at(dockerfile, config))
    unwritten = _write(report, targets)
    _answer(common.terminal(), report)
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
    from smlocal.report import as_text

    terminal.marked(as_text(report, every=terminal.shows_details).rstrip("\n"), _STYLES)


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
        problem = f"standard output has --format {kind}" if name == "-" else _unwritable(path)
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
        Format.codequality: reports.as_code_quality,
    }
    return renderers[kind](report)

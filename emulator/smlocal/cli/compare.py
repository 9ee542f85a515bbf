"""`smlocal compare`: two images or saved reports side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.state import Common, common_of
from smlocal.cli.terminal import ANSWERS, Format
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.contract import Selection
    from smlocal.report import SavedReport

_STYLES = {"WORSE": "bold red", "BETTER": "bold green", "UNCLEAR": "yellow", "NO CHANGE": "bold"}
_Words = list[str] | None


def compare(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="A report of `check --format json` in a file, or an image.")],
    new: Annotated[str, typer.Argument(help="What to compare with it, likewise.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with a [check] table; default: smlocal.toml here.")
    ] = None,
    select: Annotated[_Words, typer.Option(metavar="SM3,...", help="Only rules whose ids begin so.")] = None,
    ignore: Annotated[_Words, typer.Option(metavar="SM3,...", help="No rule whose id begins so.")] = None,
    pull: Annotated[
        str | None, typer.Option(metavar="never|missing|always", help="When to pull an image; default: missing.")
    ] = None,
) -> None:
    """Say what got better, worse, slower between OLD and NEW. Images are examined as `check` does it.

    Exit code 1 when NEW breaks a clause that OLD kept, with severity error; with --strict (a common option), of any
    severity. What only one of them could be judged by counts as neither better nor worse, and is listed; where there
    is nothing else, nothing was compared: exit code 2.
    """
    from smlocal import __version__
    from smlocal.report import (
        ComparisonReport,
        comparison_as_document,
        comparison_as_markdown,
        comparison_as_text,
    )

    common = common_of(context, (*ANSWERS, Format.markdown))
    terminal = common.terminal()
    before, after = _sides(common, (old, new), config, select or (), ignore or (), pull)
    report = ComparisonReport(before, after, __version__, common.settings().strict)
    if terminal.json:
        terminal.document("compare", comparison_as_document(report))
    elif terminal.format is Format.markdown:
        terminal.file(comparison_as_markdown(report))
    else:
        terminal.marked(comparison_as_text(report, every=terminal.shows_details).rstrip("\n"), _STYLES)
    if not report.comparison.says_something:
        raise UsageError("nothing could be compared: there is no rule that both were judged by")
    if not report.passed:
        raise typer.Exit(1)


def _sides(
    common: Common,
    words: tuple[str, str],
    config: Path | None,
    select: Sequence[str],
    ignore: Sequence[str],
    pull: str | None,
) -> list[SavedReport]:
    """The two reports: those of files read first, then the images examined. Raises UsageError."""
    from smlocal.cli.image_choice import pull_policy
    from smlocal.cli.terminal import FORMAT_VERSION
    from smlocal.cli.verdicts import configured, reports_on
    from smlocal.contract import RULES, Selection
    from smlocal.report import as_document, saved_report

    policy = pull_policy(pull or "missing")
    selection = Selection.of(select, ignore, RULES)
    found = {word: _selected(report_in(word), selection) for word in words if _is_file(word)}
    images = list(dict.fromkeys(word for word in words if word not in found))
    given = [name for name, value in (("--config", config), ("--pull", pull)) if value is not None]
    if given and not images:
        raise UsageError(f"OLD and NEW are saved reports, and no image is examined: leave out {', '.join(given)}")
    if images:
        wanted = configured(common.terminal(), config, select, ignore)
        for word, report in zip(images, reports_on(common, images, wanted, policy, remember=False), strict=True):
            found[word] = saved_report({"version": FORMAT_VERSION, "kind": "check", **as_document(report)}, word)
    return [found[word] for word in words]


def _is_file(word: str) -> bool:
    """Whether it is a saved report. Raises UsageError for what can only mean a file, and is none."""
    if Path(word).is_file():
        return True
    if word.endswith(".json") or word.startswith(("/", ".", "~")):
        raise UsageError(f"there is no report '{word}': save one with `smlocal check IMAGE --output json=FILE`")
    return False


def report_in(word: str) -> SavedReport:
    """The report that a file holds. Raises UsageError."""
    from smlocal.report import saved_report
    from smlocal.requests.reading import parse_object, read_text

    document = parse_object(read_text(Path(word), word), word, "a report of `smlocal check --format json`")
    return saved_report(document, word)


def _selected(report: SavedReport, selection: Selection) -> SavedReport:
    """The report with the findings that are wanted."""
    from dataclasses import replace

    return replace(report, findings=tuple(item for item in report.findings if selection.has(item.rule)))

"""Reports of a check: where the user wants them, and written there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smlocal.cli.terminal import Format
from smlocal.errors import UsageError

if TYPE_CHECKING:
    from smlocal.cli.terminal import Terminal
    from smlocal.report import Report

REPORTS = tuple(item.value for item in Format)
_STYLES = {"ERROR": "bold red", "WARNING": "yellow", "ALLOWED": "yellow", "PASSED": "bold green", "FAILED": "bold red"}


def report_files(words: Sequence[str]) -> list[tuple[Format, Path]]:
    """`FORMAT=FILE` words, before anything is run: a report that cannot be written is an examination for nothing.

    Raises UsageError.
    """
    found: list[tuple[Format, Path]] = []
    for word in words:
        kind, separator, name = word.partition("=")
        if not separator or not name:
            raise UsageError(f"--output '{word}': write FORMAT=FILE, such as junit=report.xml")
        if kind not in REPORTS:
            raise UsageError(f"--output '{word}': there is no format '{kind}'; it is one of {', '.join(REPORTS)}")
        path = Path(name)
        problem = f"standard output has --format {kind}" if name == "-" else unwritable(path)
        if path in (other for _, other in found):
            problem = "another report goes to the same file"
        if problem:
            raise UsageError(f"--output '{word}': {problem}")
        found.append((Format(kind), path))
    return found


def unwritable(path: Path) -> str:
    """Why a file cannot be written; "" when it can."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    if path.is_dir():
        return f"{path} is a folder"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else f"{path} cannot be written"


def write(report: Report, targets: Sequence[tuple[Format, Path]]) -> str:
    """Write the reports; which could not be written, for the verdict is worth telling all the same."""
    problems = []
    for kind, path in targets:
        try:
            path.write_text(_rendered(report, kind), encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            problems.append(f"the report {path} cannot be written: {error.strerror}")
    return "; ".join(problems)


def answer(terminal: Terminal, report: Report) -> None:
    """The report on standard output and nothing else; the marks of a text in colour on a terminal."""
    if terminal.format is not Format.text:
        terminal.file(_rendered(report, terminal.format))
        return
    from smlocal.report import as_text

    terminal.marked(as_text(report, every=terminal.shows_details).rstrip("\n"), _STYLES)


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

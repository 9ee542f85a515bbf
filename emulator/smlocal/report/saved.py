"""A JSON report read back, as far as two of them are compared; whatever later versions add to it is let be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from smlocal.contract import Outcome, Severity
from smlocal.errors import UsageError
from smlocal.report.members import Members

_VERSION = 1
_RULE = re.compile(r"SM\d{3}", re.ASCII)
_GOOD = ("Completed", "InService")


@dataclass(frozen=True)
class SavedFinding:
    """A rule's verdict, perhaps of another version of smlocal: its reason may be one that is not known here."""

    rule: str
    name: str
    title: str
    outcome: Outcome
    severity: Severity
    seen: tuple[str, ...]
    why_not: str
    allowed: str = ""  # why it may be broken


@dataclass(frozen=True)
class SavedRun:
    """One run. Times are seconds; None where the report does not have them."""

    word: str  # "train" or "serve"
    conditions: str
    good: bool  # it completed, or came up
    alone: bool = True  # no other run was made beside it
    job: float | None = None  # a training job as a whole
    program: float | None = None  # its program alone
    start: float | None = None  # of a server, up to its first healthy ping
    answers: float | None = None  # the median of its samples' answers


@dataclass(frozen=True)
class SavedReport:
    """One report. `source` is how the user named it: a file, or the image that was examined for it."""

    source: str
    image: str
    image_id: str
    smlocal: str  # the version
    passed: bool
    asked: Mapping[str, Any]  # {}: the report does not say
    scaled_limits: tuple[str, ...]
    architecture: str | None
    size_bytes: int | None
    runs: tuple[SavedRun, ...]
    findings: tuple[SavedFinding, ...]


def saved_report(document: Mapping[str, Any], source: str) -> SavedReport:
    """Raises UsageError, with the member that is wrong, for what is no report of a check or a newer one."""
    whole = Members(document, source, "it is no JSON report of `smlocal check`")
    _refuse_others(whole, source)
    image = whole.part("image")
    findings = tuple(_finding(part) for part in whole.parts("findings"))
    rules = [finding.rule for finding in findings]
    if len(set(rules)) != len(rules):
        raise whole.wrong("findings", "names a rule twice")
    return SavedReport(
        source=source,
        image=image.text("reference"),
        image_id=image.text("id"),
        smlocal=whole.text("smlocal"),
        passed=whole.flag("passed"),
        asked=whole.part("asked").content if whole.has("asked") else {},
        scaled_limits=whole.texts("scaled_limits"),
        architecture=image.text("architecture") if image.has("architecture") else None,
        size_bytes=image.whole_number("size_bytes") if image.has("size_bytes") else None,
        runs=tuple(_run(part) for part in whole.parts("runs")),
        findings=findings,
    )


def _refuse_others(whole: Members, source: str) -> None:
    kind = whole.text("kind")
    if kind != "check":
        raise UsageError(f"{source} is an answer of kind '{kind}', and only reports of `smlocal check` can be compared")
    version = whole.whole_number("version")
    if version > _VERSION:
        raise UsageError(
            f"{source} is a report of version {version}, and this smlocal reads up to version {_VERSION}: compare it"
            " with a newer smlocal"
        )


def _finding(part: Members) -> SavedFinding:
    reason, follows = part.text_or_none("reason"), part.text_or_none("follows")
    return SavedFinding(
        rule=part.matching("rule", _RULE),
        name=part.text("name"),
        title=part.text("title"),
        outcome=Outcome(part.one_of("outcome", [item.value for item in Outcome])),
        severity=Severity(part.one_of("severity", [item.value for item in Severity])),
        seen=part.texts("seen"),
        allowed=(part.text_or_none("allowed") or "") if part.has("allowed") else "",
        why_not=f"it follows from {follows}" if follows else reason or "",
    )


def _run(part: Members) -> SavedRun:
    run = SavedRun(
        word=part.one_of("word", ["train", "serve"]),
        conditions=part.text("conditions"),
        good=part.text("status") in _GOOD,
        alone=part.flag("alone") if part.has("alone") else True,
    )
    if run.word == "train":
        return replace(run, job=part.seconds("seconds"), program=part.seconds("program_seconds"))
    samples = part.part("sample_seconds") if part.has("sample_seconds") else None
    return replace(
        run,
        start=part.seconds("seconds_to_healthy"),
        answers=samples.seconds("median") if samples is not None else None,
    )

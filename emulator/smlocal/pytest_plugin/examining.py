"""One examination of each image in a session, whichever process comes first; the others read its findings."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from smlocal import __version__
from smlocal.cli.examining import ready_to_examine
from smlocal.contract import RULES, Finding, Outcome, Reason, Severity, judge
from smlocal.errors import CannotRun, EngineUnavailable, SmlocalError, UsageError
from smlocal.evidence import Examination
from smlocal.examination import Stop
from smlocal.pytest_plugin.options import CHECK, Check
from smlocal.pytest_plugin.session import leave, locked, read, shared_folder
from smlocal.pytest_plugin.telling import Heard, doctor_says
from smlocal.report import Report, as_document

_NOTHING = "nothing could be judged: configure data and requests in a [check] table, or select other rules"


def finding_on(config: pytest.Config, image: str, rule: str) -> Finding:
    """What a rule says of an image, examined now if it was not yet.

    Raises CannotRun when there is nothing to judge; why, is found out once in a session, too.
    """
    folder = shared_folder(config)
    name = f"check-{hashlib.sha256(image.encode()).hexdigest()[:16]}"
    path = folder / f"{name}.json"
    with locked(folder, name):
        document = read(path)
        if document is None:
            document = _examined(config, image)
            leave(path, document)
    if "problem" in document:
        raise CannotRun(document["problem"])
    return next(_finding(item) for item in document["findings"] if item["rule"] == rule)


def _examined(config: pytest.Config, image: str) -> dict[str, Any]:
    check, began = config.stash[CHECK], time.monotonic()
    try:
        examination: Examination = config.hook.pytest_smlocal_examine(config=config, image=image)
        verdict = judge(examination, RULES, check.selection, allowances=check.allowances)
        if not any(finding.outcome in (Outcome.KEPT, Outcome.BROKEN) for finding in verdict.findings):
            raise UsageError(_NOTHING)
    except SmlocalError as error:
        return {"problem": str(error)}
    return as_document(Report(image, examination, verdict, time.monotonic() - began, __version__, check.strict))


def examine(image: str, check: Check) -> Examination:
    """Make the runs as `smlocal check` does. Raises SmlocalError; without an engine, with what the doctor says."""
    with tempfile.TemporaryDirectory(prefix="smlocal-check-", ignore_cleanup_errors=True) as scratch:
        try:
            with ready_to_examine(check.settings, Path(scratch), Heard(), image, check.plan, "missing") as ready:
                return ready.examine(lambda trial: None, Stop())
        except EngineUnavailable as error:
            raise CannotRun(doctor_says(check.settings, error)) from error


def _finding(item: Mapping[str, Any]) -> Finding:
    """A finding as the JSON report has it."""
    return Finding(
        rule=item["rule"],
        name=item["name"],
        title=item["title"],
        outcome=Outcome(item["outcome"]),
        severity=Severity(item["severity"]),
        seen=tuple(item["seen"]),
        sagemaker=item["sagemaker"] or "",
        fix=item["fix"] or "",
        reason=Reason(item["reason"]) if item["reason"] else None,
        follows=item["follows"] or "",
        allowed=item["allowed"] or "",
    )

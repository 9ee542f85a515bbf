"""Saved reports for comparisons, as they are read back from what the command writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from smlocal.contract import Finding
from smlocal.evidence import Conditions, Exchange, ServingTrial, TrainingTrial
from smlocal.report import Report, SavedReport, as_document, saved_report
from tests.report.reports import SERVED, TRAINED, report


def document(of: Report) -> dict[str, Any]:
    """As the command writes it."""
    found: dict[str, Any] = json.loads(json.dumps({"version": 1, "kind": "check", **as_document(of)}))
    return found


def saved(*findings: Finding, source: str = "old.json", **trials: Mapping[str, Any]) -> SavedReport:
    """A report that holds these findings, and these runs instead of the usual ones."""
    made = report(*findings)
    return saved_report(document(replace(made, examination=replace(made.examination, **trials))), source)


def trained(seconds: float, *, status: str = "Completed", alone: bool = True, **conditions: bool) -> TrainingTrial:
    """A training whose program took so long; its job, a second more."""
    return replace(
        TRAINED,
        conditions=Conditions(**conditions),
        status=status,
        reason="",
        seconds=seconds + 1,
        alone=alone,
        program_began=0.5,
        program_ended=0.5 + seconds,
    )


def served(start: float | None, answer: float = 0.004, *, alone: bool = True, **conditions: bool) -> ServingTrial:
    """A server that was healthy after so long (None: never), and answered its sample in so long."""
    exchange = Exchange("sample", "POST /invocations text/csv, 17 bytes", 0.0, answer, 200)
    return replace(
        SERVED,
        conditions=Conditions(**conditions),
        run=replace(SERVED.run, seconds_to_healthy=start),
        exchanges=() if start is None else (exchange,),
        alone=alone,
    )

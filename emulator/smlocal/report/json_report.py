"""A report as JSON, version 1, written field by field. Its schema is `check.schema.json` beside this module."""

from __future__ import annotations

import json
import statistics
from importlib import resources
from typing import Any

from smlocal.contract import Finding, Outcome, Severity
from smlocal.evidence import Asked, ServingTrial, TrainingTrial
from smlocal.report.report import Report


def schema() -> dict[str, Any]:
    """The JSON schema of the whole document, with the version and the kind that its writer adds."""
    found: dict[str, Any] = json.loads(
        resources.files("smlocal.report").joinpath("check.schema.json").read_text(encoding="utf-8")
    )
    return found


def as_document(report: Report) -> dict[str, Any]:
    """The document without its version and kind, which the writer adds."""
    examination = report.examination
    return {
        "image": {
            "reference": report.image,
            "id": examination.image.id,
            "architecture": examination.image.architecture,
            "size_bytes": examination.image.size_bytes,
        },
        "passed": report.passed,
        "strict": report.strict,
        "smlocal": report.version,
        "seconds": round(report.seconds, 3),
        "examined_at": report.examined_at.isoformat() if report.examined_at is not None else None,
        "configuration": report.configuration or None,
        "scaled_limits": list(examination.asked.scaled_limits),
        "asked": _asked(examination.asked),
        "allowances": [
            {"rule": item.rule, "reason": item.reason, "needed": item not in report.verdict.needless}
            for item in report.verdict.allowances
        ],
        "counts": _counts(report),
        "runs": [
            *(_training(name, trial) for name, trial in examination.training.items()),
            *(_serving(name, trial, examination.asked.samples) for name, trial in examination.serving.items()),
        ],
        "findings": [_finding(finding) for finding in report.verdict.findings],
    }


def _asked(asked: Asked) -> dict[str, Any]:
    """What two examinations must have in common for their times to be comparable."""
    return {
        "architecture": asked.architecture,
        "instance_type": asked.instance_type,
        "isolated": asked.isolated,
        "training": asked.training,
        "serving": asked.serving,
        "channels": list(asked.channels),
        "hyperparameters": dict(asked.hyperparameters),
        "samples": asked.samples,
        "model_given": asked.model_given,
    }


def _counts(report: Report) -> dict[str, int]:
    verdict = report.verdict
    return {
        "errors": len(verdict.broken(Severity.ERROR)),
        "warnings": len(verdict.broken(Severity.WARNING)),
        "kept": verdict.count(Outcome.KEPT),
        "not_applicable": verdict.count(Outcome.NOT_APPLICABLE),
        "not_judged": verdict.count(Outcome.NOT_JUDGED),
        "allowed": len(verdict.allowed),
    }


def _training(name: str, trial: TrainingTrial) -> dict[str, Any]:
    return {
        "word": "train",
        "name": name,
        "conditions": str(trial.conditions),
        "status": trial.status,
        "failure_reason": trial.reason or None,
        "exit_code": trial.run.exit_code,
        "alone": trial.alone,
        "seconds": round(trial.seconds, 3),
        "program_seconds": _rounded(trial.program_seconds),
    }


def _serving(name: str, trial: ServingTrial, samples: int) -> dict[str, Any]:
    return {
        "word": "serve",
        "name": name,
        "conditions": str(trial.conditions),
        "status": "InService" if trial.healthy else "Failed",
        "failure_reason": trial.reason or None,
        "exit_code": trial.run.exit_code,
        "seconds_to_healthy": _rounded(trial.run.seconds_to_healthy),
        "requests": len(trial.exchanges),
        "alone": trial.alone,
        "seconds": _rounded(trial.seconds),
        "sample_seconds": _sample_seconds(trial, samples),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _sample_seconds(trial: ServingTrial, samples: int) -> dict[str, Any] | None:
    """How long the sample requests took that were sent one at a time and answered well; None when none was."""
    found = [
        exchange.seconds
        for exchange in trial.exchanges
        if exchange.good
        and (exchange.probe == "sample" or (exchange.probe == "one caller" and exchange.sample in range(samples)))
    ]
    if not found:
        return None
    return {"count": len(found), "median": round(statistics.median(found), 6), "most": round(max(found), 6)}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "title": finding.title,
        "outcome": finding.outcome.value,
        "severity": finding.severity.value,
        "seen": list(finding.seen),
        "sagemaker": finding.sagemaker or None,
        "fix": finding.fix or None,
        "reason": finding.reason.value if finding.reason is not None else None,
        "follows": finding.follows or None,
        "allowed": finding.allowed or None,
    }

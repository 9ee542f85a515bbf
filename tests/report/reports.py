"""Reports of examinations that were never made, for every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from smlocal.contract import RULES, Allowance, Finding, Outcome, Reason, Rule, Severity, Verdict
from smlocal.evidence import (
    Asked,
    Conditions,
    Examination,
    Exchange,
    HostingEvidence,
    ImageEvidence,
    ServingTrial,
    TrainingEvidence,
    TrainingTrial,
)
from smlocal.report import Report

IMAGE = ImageEvidence(
    reference="shop/model:1",
    id="sha256:1e59",
    architecture="amd64",
    operating_system="linux",
    size_bytes=1,
    entrypoint=(),
    command=(),
    environment={},
    labels={},
    user="",
    working_directory="/",
    programs={},
    word_on_path={},
    baked=(),
    secrets=(),
    driver_files=(),
)
TRAINED = TrainingTrial(
    Conditions(),
    status="Failed",
    reason="AlgorithmError: , exit code: 1",
    seconds=2.25,
    run=TrainingEvidence("i", 1, "", False, "", False, None, (), (), ("Traceback",), (), (), ()),
)
SERVED = ServingTrial(
    Conditions(network=True),
    HostingEvidence(
        image="i",
        model_given=True,
        start_error="",
        seconds_to_healthy=1.5,
        start_pings=(),
        listening=None,
        watched_pings=0,
        missed_pings=0,
        longest_miss=0,
        invocations=0,
        model_errors=0,
        exit_code=0,
        out_of_memory=False,
        exited_by_itself=False,
        stop_seconds=0.5,
        killed_after_grace=False,
        last_lines=(),
        scaled_limits=(),
        notes=(),
        stopped_after=3.5,
    ),
    exchanges=(Exchange("sample", "POST /invocations text/csv, 17 bytes", 0.0, 0.004, 200),),
)
NEVER_HEALTHY = replace(
    SERVED,
    conditions=Conditions(),
    run=replace(SERVED.run, seconds_to_healthy=None, exit_code=None, stop_seconds=None, stopped_after=None),
    reason="sick",
    exchanges=(),
)
TRIALS: Mapping[str, Mapping[str, Any]] = {
    "training": {"hard": TRAINED},
    "serving": {"hard": NEVER_HEALTHY, "easy": SERVED},
}


def rule(identifier: str) -> Rule:
    return next(rule for rule in RULES if rule.id == identifier)


def finding(identifier: str, outcome: Outcome = Outcome.KEPT, **changes: Any) -> Finding:
    """What a rule says; whatever is not given is as `judge` makes it."""
    page = rule(identifier)
    broken = outcome is Outcome.BROKEN
    reason = {Outcome.NOT_JUDGED: Reason.NO_SAMPLE, Outcome.NOT_APPLICABLE: Reason.NO_SUCH_CASE}.get(outcome)
    found = Finding(
        rule=page.id,
        name=page.name,
        title=page.title,
        outcome=outcome,
        severity=page.severity,
        seen=("what was seen",),
        fix=page.fix if broken else "",
        reason=reason,
    )
    return replace(found, **changes)


ONE_OF_EACH = (
    finding("SM101"),
    finding("SM107", Outcome.NOT_APPLICABLE, seen=()),
    finding("SM110", Outcome.BROKEN),
    finding("SM201", Outcome.NOT_JUDGED, seen=(), reason=Reason.FOLLOWS, follows="SM103"),
    finding("SM305", Outcome.BROKEN, seen=("GET /ping: 200 in 9.80 s", "| Traceback"), sagemaker="424 ModelError"),
    finding("SM307", Outcome.NOT_JUDGED, seen=("the sample itself fails",), reason=Reason.INCONCLUSIVE),
)
WARNINGS_ONLY = (finding("SM101"), finding("SM110", Outcome.BROKEN))
NOTHING_CONFIGURED = (finding("SM101"), finding("SM201", Outcome.NOT_JUDGED, seen=(), reason=Reason.NO_TRAINING_DATA))
ALL_KEPT = tuple(finding(page.id) for page in RULES)
HOSTILE = (
    finding(
        "SM305",
        Outcome.BROKEN,
        severity=Severity.ERROR,
        seen=("a | b", "| \x1b[2J`rm`\x00 <script>alert(1)</script>\u2028x\udc80", "]\\|["),
        sagemaker="line\r\n# head\n| x | y |\n\n[here](http://evil.example) @team {0}",
    ),
)


EXAMINED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
HOSTILE_REASON = "until <b>spring</b> | \x1b[2J [x](y)"
ALLOWED = (
    finding("SM101"),
    finding("SM110", Outcome.BROKEN, allowed="the base image is not ours"),
    finding("SM305", Outcome.BROKEN, seen=("GET /ping: 200 in 9.80 s",), allowed=HOSTILE_REASON),
)
ALLOWANCES = (
    Allowance("SM101", "needless"),
    Allowance("SM110", "the base image is not ours"),
    Allowance("SM305", HOSTILE_REASON),
)


def report(
    *findings: Finding,
    strict: bool = False,
    limits: tuple[str, ...] = (),
    image: str = "shop/model:1",
    allowances: tuple[Allowance, ...] = (),
) -> Report:
    asked = Asked(channels=("train",), hyperparameters={"n_estimators": "20"}, samples=1, scaled_limits=limits)
    examination = Examination(asked, IMAGE, TRIALS["training"], TRIALS["serving"])
    return Report(
        image, examination, Verdict(findings, allowances), 9.4321, "0.1.0", strict, EXAMINED, f"sha256:{64 * 'c'}"
    )


REPORTS = {
    "one of each outcome": report(*ONE_OF_EACH),
    "warnings only": report(*WARNINGS_ONLY),
    "warnings that count": report(*WARNINGS_ONLY, strict=True),
    "nothing configured": report(*NOTHING_CONFIGURED),
    "everything kept": report(*ALL_KEPT),
    "nothing selected": report(),
    "scaled limits": report(*ONE_OF_EACH, limits=("ping_timeout=0.5", "start_window=3.0")),
    "hostile text": report(*HOSTILE),
    "what is broken and may be": report(*ALLOWED, strict=True, allowances=ALLOWANCES),
}

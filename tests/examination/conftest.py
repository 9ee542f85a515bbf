"""Real images examined as `smlocal check` does it, with limits that are scaled so that nobody waits for minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from smlocal.cli.places import Places
from smlocal.contract import RULES, Finding, Outcome, Verdict, judge
from smlocal.engine.interface import Engine
from smlocal.evidence import Examination
from smlocal.examination import Plan, read_plan
from smlocal.examination.bounds import Bounds
from smlocal.settings import MEBIBYTE, Limits, Settings, check_table
from smlocal.wiring import Program
from tests.container.conftest import build_image, docker_client, sklearn_image, xgboost_image

__all__ = ["build_image", "docker_client", "sklearn_image", "xgboost_image"]

SCALED = Limits(
    ping_timeout=0.5,
    ping_interval=0.2,
    start_window=4,
    invocation_timeout=4,
    transform_invocation_timeout=4,
    model_load_timeout=4,
    transform_ping_interval=0.2,
    serving_stop_grace=1,
    training_stop_grace=1,
    serverless_image_bytes=256 * MEBIBYTE,
)
Examine = Callable[..., Examination]


@pytest.fixture
def examine(local_engine: Engine, tmp_path: Path) -> Examine:
    """Examine an image by a plan; nothing of it stays in the engine."""

    def run(image: str, plan: Plan, limits: Limits = SCALED, bounds: Bounds | None = None) -> Examination:
        places = Places()
        addresses = {
            (name, is_broken): places.source(str(source.path), name)
            for is_broken, sources in ((False, plan.channels), (True, plan.broken))
            for name, source in sources.items()
        }
        model = places.source(str(plan.model), "model") if plan.model is not None else None
        too_big = places.source(str(plan.too_big), "model that is too big") if plan.too_big is not None else None
        with Program(Settings(state=tmp_path / "state", limits=limits), places.mounts) as program:
            found = program.examiner.examine(image, plan, addresses, model, bounds=bounds, too_big=too_big)
            assert program.launcher.mine() == []
        return found

    return run


def plan_in(configuration: Path) -> Plan:
    """The plan that a configuration file describes."""
    table, folder, origin = check_table(configuration.parent, configuration)
    return read_plan(table, folder, origin)


def verdict_on(examination: Examination) -> Verdict:
    return judge(examination, RULES)


def in_words(finding: Finding) -> str:
    """One finding as `expected.json` has it: "kept", "broken (error)", "not judged: see SM103"."""
    if finding.outcome is Outcome.KEPT:
        return finding.outcome.value
    if finding.outcome is Outcome.BROKEN:
        return f"{finding.outcome.value} ({finding.severity.value})"
    return f"{finding.outcome.value}: {f'see {finding.follows}' if finding.follows else finding.why_not}"


def differences(verdict: Verdict, expected: Mapping[str, str]) -> str:
    """Every rule that says something else than expected, with what it saw; "" when there is none."""
    found = {finding.rule: finding for finding in verdict.findings}
    lines = [f"{rule}: expected, but there is no such rule" for rule in sorted(set(expected) - set(found))]
    for rule, finding in found.items():
        wanted, words = expected.get(rule, "nothing"), in_words(finding)
        if words != wanted:
            seen = "".join(f"\n    {line}" for line in finding.seen)
            lines.append(f"{rule} {finding.name}\n  expected: {wanted}\n  found:    {words}{seen}")
    return "".join(f"\n{line}" for line in lines)

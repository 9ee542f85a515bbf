"""What the rules about serving share: which run is judged, and exchanges in words."""

from __future__ import annotations

import hashlib

from smlocal.contract.finding import Judgement, Reason, without
from smlocal.evidence import Examination, Exchange, ServingTrial, hardest_that_answers

SERVING = "AWS developer guide, your-algorithms-inference-code"
UNHEALTHY = (
    "The primary container for production variant AllTraffic did not pass the ping health check. Please check"
    " CloudWatch logs for this endpoint."
)
TIMED_OUT = 'ModelError: Received server error (0) from primary with message "Your invocation timed out ..."'


def no_serving(examination: Examination) -> Judgement | None:
    """Why nothing can be said of serving at all."""
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    return None if _as_on_the_platform(examination) else without(Reason.RUN_MISSING)


def _as_on_the_platform(examination: Examination) -> list[ServingTrial]:
    return [trial for trial in examination.serving.values() if not trial.conditions.writable_model]


def last_trial(examination: Examination) -> ServingTrial:
    return _as_on_the_platform(examination)[-1]


def lacks_model(examination: Examination) -> bool:
    """It did not come up, and was not given the model that its training is to make: perhaps for that reason."""
    trials = examination.serving.values()
    given = any(trial.run.model_given or trial.run.start_error for trial in trials)
    return examination.asked.training and not given and healthy_trial(examination) is None


def not_up(examination: Examination) -> Judgement | None:
    """Why nothing can be said of how it comes up."""
    missing = no_serving(examination)
    if missing is not None:
        return missing
    return without(Reason.NO_MODEL) if lacks_model(examination) else None


def multi_model_trial(examination: Examination) -> ServingTrial | Judgement:
    """The run as the container of a multi-model endpoint, healthy or not; or why there is none."""
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    if not examination.image.holds_models:
        return without(Reason.ONE_MODEL)
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = examination.serving.get("multi-model")
    if trial is not None:
        return trial
    given = any(item.run.model_given for item in examination.serving.values())
    came_up = healthy_trial(examination) is not None
    return without(Reason.NO_MODEL if came_up and not given else Reason.RUN_MISSING)


def healthy_trial(examination: Examination) -> ServingTrial | None:
    """The hardest run that came up and answered; of those that came up and did not, the hardest."""
    return hardest_that_answers(_as_on_the_platform(examination))


def exchanges(examination: Examination, probe: str) -> tuple[Exchange, ...] | Judgement:
    """The exchanges of a probe, or why there are none."""
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = healthy_trial(examination)
    if trial is None:
        return without(Reason.RUN_MISSING)
    found = trial.of(probe)
    if found:
        return found
    return without(Reason.INCONCLUSIVE if examination.asked.samples else Reason.NO_SAMPLE, f"not asked: {probe}")


def sick_at_rest(trial: ServingTrial) -> Exchange | None:
    """The last of the pings that were sent while nothing else was asked, when each was slow or got another status."""
    pings = trial.of("ping at rest")
    sick = [ping for ping in pings if ping.timed_out or ping.status not in (None, 200)]
    return pings[-1] if pings and len(sick) == len(pings) else None


def is_wrong(exchange: Exchange) -> bool:
    """Its body is not the one that the configuration expects. Of a long body only the digest is whole."""
    return exchange.expected is not None and exchange.digest != hashlib.sha256(exchange.expected).hexdigest()


def said(exchange: Exchange) -> str:
    """An exchange in one line."""
    if exchange.status is None:
        return f"{exchange.request}: no answer after {exchange.seconds:.1f} s ({exchange.fault})"
    words = exchange.body[:80].decode("utf-8", "replace").split("\n", 1)[0].strip()
    answer = f"{exchange.request}: {exchange.status} in {exchange.seconds:.2f} s"
    return f"{answer}: {words}" if words else answer


def model_error(exchange: Exchange) -> str:
    """What InvokeEndpoint's caller is told."""
    if exchange.status is None:
        return TIMED_OUT if exchange.timed_out else "ModelError: Received server error (0) from primary"
    side = "client" if 400 <= exchange.status <= 499 else "server"
    return f"424 ModelError: Received {side} error ({exchange.status}) from primary with message ..."


def last_lines(trial: ServingTrial) -> tuple[str, ...]:
    return tuple(f"| {line}" for line in trial.run.last_lines[-5:])

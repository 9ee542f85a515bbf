"""SM318, SM320 and SM321: a server that lacks its model, that is started again, that is asked for long."""

from __future__ import annotations

from itertools import pairwise

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import SERVING, UNHEALTHY, healthy_trial, not_up, said
from smlocal.evidence import Examination, Exchange, ServingTrial

_MEBIBYTE = 1024 * 1024
_SETTLED = 3  # tenths of the requests after which caches and pools should have what they need
_GROWTH = 16 * _MEBIBYTE  # less is noise of an allocator
_SHARE = 0.1
_RISES = 5  # of the seven steps that follow


@rule("SM318", Severity.WARNING, SERVING)
def healthy_without_its_model(examination: Examination) -> Judgement:
    """GET /ping is 200 although the model archive lacks what the server needs.

    Why: The endpoint is InService and each of its invocations fails: a wrong archive is noticed by callers, and an
    update that would be rolled back for an unhealthy container goes through. It is a warning because a good archive
    works.

    Fix: Load the model first, and answer /ping with 200 only then; exit, or answer 503, when it cannot be loaded.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    if not examination.asked.samples:
        return without(Reason.NO_SAMPLE)
    good, empty = healthy_trial(examination), examination.serving.get("empty model")
    if good is not None and not good.run.model_given:
        return without(Reason.NO_SUCH_CASE, "it is given no model")
    if good is not None and empty is None and examination.image.holds_models:
        return without(Reason.NO_SUCH_CASE, "a server of many models is healthy before it has any")
    if good is None or empty is None:
        return without(Reason.RUN_MISSING)
    if not empty.healthy:
        told = empty.run.exited_by_itself or any(ping.status is not None for ping in empty.run.start_pings)
        seen = f"{empty.conditions}: {empty.cause}"
        return kept(seen) if told else without(Reason.INCONCLUSIVE, seen)  # perhaps it was only slow
    answer, wanted = _first(empty), _first(good)
    if answer is None or wanted is None:
        return without(Reason.INCONCLUSIVE)
    if answer.good:
        same = answer.digest == wanted.digest
        return without(Reason.NO_SUCH_CASE if same else Reason.INCONCLUSIVE, f"{empty.conditions}: {said(answer)}")
    return broken(
        f"{empty.conditions}: healthy after {empty.run.seconds_to_healthy:.1f} s; {said(answer)}",
        sagemaker="InService; each invocation: ModelError (424)",
    )


def _first(trial: ServingTrial) -> Exchange | None:
    return next(iter(trial.of("sample")), None)


@rule(
    "SM320",
    Severity.WARNING,
    "seen by users in 2026: an endpoint whose container exits stays in Creating for 24 minutes",
)
def cannot_be_started_twice(examination: Examination) -> Judgement:
    """A container that has ended does not come up when it is started again.

    Why: A container that ends (for want of memory, say) is started again with the files that it left. A lock, a socket
    or a half-made folder of the first run that stops the second one makes of a hiccup an endpoint that is down. It is a
    warning because it does no harm until then.

    Fix: Remove what a run before may have left (a socket, a pid file) at the start, and write to folders of a new name.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    seen = next((trial.second_start for trial in examination.serving.values() if trial.second_start is not None), None)
    if seen is None:
        return without(Reason.RUN_MISSING)
    if seen.seconds_to_healthy is not None:
        return kept(f"started again, it was healthy after {seen.seconds_to_healthy:.1f} s")
    lines = (f"| {line}" for line in seen.last_lines[-5:])
    return broken(f"started again: {seen.cause}", *lines, sagemaker=UNHEALTHY)


@rule("SM321", Severity.WARNING, SERVING)
def memory_grows(examination: Examination) -> Judgement:
    """The server's memory grows with every request.

    Why: An instance has the memory that its type has; when it is used up, the container is killed, the endpoint answers
    with 5xx until it is up again, and then it begins anew. It is a warning because that may take longer than the
    endpoint lives. Off unless `[check.serving] soak` says how many requests are to show it.

    Fix: Look for what each request adds to: a list or cache without bound, a graph that is kept, sessions that nobody
    closes. `--max-requests` of gunicorn makes workers anew until it is found.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    if not examination.asked.samples:
        return without(Reason.NO_SAMPLE)
    if not examination.asked.soak:
        return without(Reason.NO_SOAK)
    trial = healthy_trial(examination)
    if trial is None:
        return without(Reason.RUN_MISSING)
    held = [size for _, size in trial.memory]
    if len(held) <= _SETTLED + _RISES:
        return without(Reason.INCONCLUSIVE, f"{len(held)} looks at its memory")
    later = held[_SETTLED:]
    growth, requests = later[-1] - later[0], trial.memory[-1][0] - trial.memory[_SETTLED][0]
    rises = sum(after > before for before, after in pairwise(later))
    seen = f"{later[0] / _MEBIBYTE:.0f} MiB, and after {requests} requests more {later[-1] / _MEBIBYTE:.0f} MiB"
    if growth < max(_GROWTH, _SHARE * later[0]) or rises < _RISES:
        return kept(seen)
    return broken(f"{seen}: {growth / requests:.0f} bytes for each", sagemaker="the container is killed in the end")

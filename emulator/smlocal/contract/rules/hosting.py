"""SM3xx: how the image comes up when it is run with `serve`, how it answers pings, and how it ends."""

from __future__ import annotations

import re

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import (
    SERVING,
    UNHEALTHY,
    exchanges,
    healthy_trial,
    lacks_model,
    last_lines,
    last_trial,
    model_error,
    no_serving,
    not_up,
    said,
    sick_at_rest,
)
from smlocal.evidence import Examination

_ISOLATION = "AWS developer guide, mkt-algo-model-internet-free"
_RESOLVER = "127.0.0.11:"  # Docker's own, in every container on a network of its own
_PING_SECONDS = 2.0
_LATER = "healthy at first; later, while nothing else was asked:"
_TAKEN_FOR_SICK = "the host is taken for sick and replaced; callers get 424 or 503 meanwhile"
# whatever it names, even a path in the folder where it is; /proc and /sys are read-only, too, and no model is there
_READ_ONLY = re.compile(r"^(?!.*(?<![\w/])/(?:proc|sys)\b).*read-only file system", re.I)
_SLOW = "timed out"  # the fault of a ping that was not answered in time
_TELLING_SECONDS = 0.25  # a ping that begins later before the end of a body may outlast it by chance
_CROWDED = 8  # times what a ping takes at rest


@rule("SM301", Severity.ERROR, SERVING, "aws/amazon-sagemaker-examples issues 210, 3062")
def exits_while_starting(examination: Examination) -> Judgement:
    """The server ends before it is healthy.

    Why: SageMaker starts it again until the start window is over, which takes many minutes, and then only says that
    the ping health check was not passed. The reason stands in the container's log.

    Fix: Read its last lines. `serve` must stay in the foreground, and load its model from where /opt/ml/model has it.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = last_trial(examination)
    run = trial.run
    if healthy_trial(examination) is not None:
        return kept("it stayed up")
    if run.start_error:
        return broken(f"the engine could not start it: {run.start_error}", sagemaker=trial.reason)
    if run.exit_code is None or not run.exited_by_itself:
        return kept("it did not end by itself")
    how = "killed for want of memory" if run.out_of_memory else f"exit code {run.exit_code}"
    return broken(f"{how} before the first healthy ping", *last_lines(trial), sagemaker=UNHEALTHY)


@rule("SM302", Severity.ERROR, SERVING)
def never_healthy(examination: Examination) -> Judgement:
    """GET /ping is never answered with 200.

    Why: An endpoint that does not become healthy within its start window (8 minutes unless configured) is Failed.

    Fix: Answer GET /ping on port 8080 with 200 as soon as the model is loaded.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = healthy_trial(examination)
    if trial is not None:
        return kept(f"healthy after {trial.run.seconds_to_healthy:.1f} s")
    last = last_trial(examination)
    return broken(last.cause or "no ping was answered with 200", *last_lines(last), sagemaker=last.reason or UNHEALTHY)


@rule("SM303", Severity.ERROR, SERVING, "aws/sagemaker-python-sdk issue 1554")
def ping_is_not_200(examination: Examination) -> Judgement:
    """GET /ping is answered, but not with 200.

    Why: Only status 200 counts as healthy; a 404 (no such route), 405, 503 or a redirect does not, however well
    /invocations works.

    Fix: Add a route GET /ping that answers 200 with an empty body once the model is loaded.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = healthy_trial(examination)
    if trial is not None:
        at_rest = sick_at_rest(trial)
        if at_rest is None or at_rest.status is None:
            return kept("GET /ping: 200")
        return broken(_LATER, said(at_rest), sagemaker=_TAKEN_FOR_SICK, explains=("SM305",))
    pings = last_trial(examination).run.start_pings
    statuses = [ping.status for ping in pings if ping.status is not None]
    if not statuses or pings[-1].fault == _SLOW:
        return without(Reason.RUN_MISSING)
    return broken(
        f"GET /ping: {statuses[-1]} ({len(statuses)} of {len(pings)} pings were answered, none with 200)",
        sagemaker=UNHEALTHY,
    )


@rule("SM304", Severity.ERROR, SERVING)
def ping_takes_too_long(examination: Examination) -> Judgement:
    """GET /ping takes longer than 2 seconds.

    Why: A ping that is not answered within 2 seconds is a failed one.

    Fix: Answer at once, without predicting or loading anything, from a worker that invocations do not occupy.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = healthy_trial(examination) or last_trial(examination)
    pings = trial.run.start_pings
    if pings and (pings[-1].fault == _SLOW or pings[-1].seconds > _PING_SECONDS):
        slow = [ping for ping in pings if ping.fault == _SLOW or ping.seconds > _PING_SECONDS]
        seen = f"{len(slow)} of {len(pings)} pings took too long, the last {pings[-1].seconds:.1f} s"
        return broken(seen, sagemaker=UNHEALTHY)
    at_rest = sick_at_rest(trial)
    if at_rest is not None and at_rest.timed_out:
        return broken(_LATER, said(at_rest), sagemaker=_TAKEN_FOR_SICK, explains=("SM305",))
    answered = [ping for ping in pings if ping.status is not None]
    if not answered:
        return without(Reason.RUN_MISSING)
    return kept(f"the last ping that was answered took {answered[-1].seconds * 1000:.0f} ms")


@rule("SM305", Severity.ERROR, SERVING, "observed: pings answered with 504 under load, host replaced")
def ping_waits_for_a_running_invocation(examination: Examination) -> Judgement:
    """GET /ping waits until a running invocation is over.

    Why: SageMaker goes on pinging while it sends invocations. A server whose only worker is busy misses the 2
    seconds, counts as sick, and is replaced while it works.

    Fix: Answer /ping from another thread, worker or process than /invocations: gunicorn with several workers or
    threads behind nginx, not a single-threaded server.
    """
    pings = exchanges(examination, "ping while 6 MiB bodies are predicted")
    if isinstance(pings, Judgement):
        return pings
    bodies = exchanges(examination, "6 MiB body")
    if isinstance(bodies, Judgement):
        return bodies
    if all(body.status is None and not body.timed_out for body in bodies):
        return without(Reason.INCONCLUSIVE, "no body of 6 MiB was answered")
    last = max(body.ended for body in bodies)
    first = min(body.began for body in bodies)
    busy = [ping for ping in pings if first < ping.began < last - _TELLING_SECONDS]
    way = _slow_way(examination)
    waited = [ping for ping in busy if any(ping.began < body.ended <= ping.ended for body in bodies)]
    refused = [ping for ping in busy if ping.status != 200]
    if not busy:
        return without(Reason.INCONCLUSIVE, "the bodies were answered too soon for a ping to tell")
    longest = max(busy, key=lambda ping: ping.seconds)
    if not refused and len(waited) == len(busy) and longest.seconds <= way:
        return without(Reason.INCONCLUSIVE, f"pings take {way / _CROWDED:.1f} s on the way to this engine alone")
    if refused or len(waited) == len(busy) or longest.seconds > _PING_SECONDS + way:
        worst = refused[0] if refused else longest
        return broken(
            f"{said(worst)}; {len(waited)} of {len(busy)} pings were answered only after a request of 6 MiB",
            sagemaker=_TAKEN_FOR_SICK,
        )
    return kept(f"{len(busy)} pings while 6 MiB bodies were predicted, the longest {longest.seconds * 1000:.0f} ms")


def _slow_way(examination: Examination) -> float:
    """Seconds that a ping may take for the way to the server alone while much else goes over it: an engine elsewhere is
    reached by a process for each connection. To one on this machine the way takes no time."""
    trial = healthy_trial(examination)
    at_rest = trial.of("ping at rest") if trial is not None and examination.asked.relayed else ()
    good = [ping.seconds for ping in at_rest if ping.status == 200]
    return _CROWDED * min(good, default=0.0)


@rule("SM306", Severity.ERROR, SERVING, "aws/sagemaker-python-sdk issue 4115")
def bound_to_the_wrong_address(examination: Examination) -> Judgement:
    """The server listens on 127.0.0.1 or on another port than 8080.

    Why: SageMaker calls from outside of the container, on port 8080. A server on loopback works when it is tried from
    inside and is unreachable for everybody else.

    Fix: Listen on 0.0.0.0:8080 (or the port in SAGEMAKER_BIND_TO_PORT).
    """
    missing = no_serving(examination)
    if missing is not None:
        return missing
    if healthy_trial(examination) is not None:
        return kept("it answers on port 8080")
    if any(ping.status is not None for ping in last_trial(examination).run.start_pings):
        return kept("it answers on port 8080, if not with 200")
    listening = last_trial(examination).run.listening
    if listening is None:
        return without(Reason.NO_MODEL if lacks_model(examination) else Reason.RUN_MISSING)
    own = [address for address in listening if not address.startswith(_RESOLVER)]
    if not own:
        return without(Reason.NO_SUCH_CASE, "nothing listens in the container")
    if any(address.endswith(":8080") and not address.startswith(("127.", "[::1]")) for address in own):
        return kept(f"it listens on {', '.join(own)}")
    return broken(f"it listens on {', '.join(own)}", sagemaker=UNHEALTHY)


@rule("SM312", Severity.WARNING, SERVING)
def ignores_sigterm(examination: Examination) -> Judgement:
    """The server does not end within 30 seconds of SIGTERM.

    Why: SageMaker sends SIGTERM when an instance goes, and SIGKILL 30 seconds later: requests under way are cut off,
    and scaling in is slow. It is a warning because the container is gone in the end.

    Fix: Handle SIGTERM: the first process of a container has no handler of its own, unlike others. Write ENTRYPOINT in
    exec form, and `exec` the server from shell scripts, so that the signal reaches it.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = healthy_trial(examination)
    if trial is None or trial.run.stop_seconds is None:
        return without(Reason.RUN_MISSING)
    if trial.cause:  # healthy, and then ended because it took too much: it got no time to end by itself
        return without(Reason.INCONCLUSIVE, trial.cause)
    if trial.run.killed_after_grace:
        return broken(f"still running {trial.run.stop_seconds:.0f} s after SIGTERM", *last_lines(trial))
    return kept(f"ended {trial.run.stop_seconds:.1f} s after SIGTERM with code {trial.run.exit_code}")


@rule("SM313", Severity.ERROR, SERVING)
def writes_to_its_model(examination: Examination) -> Judgement:
    """The server writes below /opt/ml/model.

    Why: The directory is mounted read-only on endpoints: whoever unpacks, caches or compiles beside the model fails.
    Judged by what a server says of a read-only file system, and by whether it comes up where the directory can be
    written to; it is a warning when it comes up all the same.

    Fix: Write to /tmp.
    """
    missing = no_serving(examination)
    if missing is not None:
        return missing
    trial = examination.serving.get("hard")
    if trial is None or trial.run.start_error:
        return without(Reason.RUN_MISSING)
    writable = examination.serving.get("writable model")
    if writable is not None and writable.healthy:
        seen = (f"{trial.conditions}: {trial.cause}", *last_lines(trial), f"{writable.conditions}: it came up")
        return broken(*seen, sagemaker=trial.reason)
    lines = [line for line in trial.run.last_lines if _READ_ONLY.search(line)]
    if lines and healthy_trial(examination) is not None:  # if only with network: that it lacked, and no place to write
        text = "OSError: [Errno 30] in the log"
        return broken(f"| {lines[-1]}", sagemaker=text, severity=Severity.WARNING, explains=())
    if lines:
        return broken(f"| {lines[-1]}", sagemaker=trial.reason or UNHEALTHY)
    if trial.healthy:
        return kept("it came up, and its last lines complain of no read-only file system")
    return without(Reason.NO_MODEL if lacks_model(examination) else Reason.INCONCLUSIVE)


@rule("SM314", Severity.WARNING, _ISOLATION)
def needs_the_network(examination: Examination) -> Judgement:
    """The server needs the network to come up, or to answer.

    Why: With EnableNetworkIsolation nothing can be downloaded, and without it every start (or every request) depends
    on somebody else's server. It is an error when the configuration says that endpoints run isolated, and a warning
    otherwise.

    Fix: Bake into the image, or into the model archive, what it downloads.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    hard, easy = examination.serving.get("hard"), examination.serving.get("easy")
    severity = Severity.ERROR if examination.asked.isolated else None
    if hard is not None and hard.healthy:
        if hard.answers or easy is None or not easy.answers:
            return kept("it came up without network")
        fails, works = (f"{trial.conditions}: {said(trial.of('sample')[0])}" for trial in (hard, easy))
        return broken(fails, works, sagemaker=model_error(hard.of("sample")[0]), severity=severity)
    if hard is None or easy is None or not easy.healthy:
        return without(Reason.RUN_MISSING)
    return broken(f"without network: {hard.cause}", "with network it came up", sagemaker=hard.reason, severity=severity)

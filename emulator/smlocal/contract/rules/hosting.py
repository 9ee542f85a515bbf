"""SM3xx: what the image does when it is run with `serve`."""

from __future__ import annotations

import hashlib
from operator import attrgetter

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.evidence import Examination, Exchange, ServingTrial

_SERVING = "AWS developer guide, your-algorithms-inference-code"
_ISOLATION = "AWS developer guide, mkt-algo-model-internet-free"
_RESOLVER = "127.0.0.11:"  # Docker's own, in every container on a network of its own
_PING_SECONDS = 2.0
_SLOW = "timed out"  # the fault of a ping that was not answered in time
_TELLING_SECONDS = 0.25  # a ping that begins later before the end of a body may outlast it by chance
_INVOCATION_SECONDS = 60.0
_TOO_LARGE = 413
_UNHEALTHY = (
    "The primary container for production variant AllTraffic did not pass the ping health check. Please check"
    " CloudWatch logs for this endpoint."
)
_TIMED_OUT = 'ModelError: Received server error (0) from primary with message "Your invocation timed out ..."'


def _no_serving(examination: Examination) -> Judgement | None:
    """Why nothing can be said of serving at all."""
    if not examination.asked.serving:
        return without(Reason.DOES_NOT_SERVE)
    return None if examination.serving else without(Reason.RUN_MISSING)


def _last(examination: Examination) -> ServingTrial:
    return list(examination.serving.values())[-1]


def _lacks_model(examination: Examination) -> bool:
    """It did not come up, and was not given the model that its training is to make: perhaps for that reason."""
    trials = examination.serving.values()
    given = any(trial.run.model_given or trial.run.start_error for trial in trials)
    return examination.asked.training and not given and _healthy(examination) is None


def not_up(examination: Examination) -> Judgement | None:
    """Why nothing can be said of how it comes up."""
    missing = _no_serving(examination)
    if missing is not None:
        return missing
    return without(Reason.NO_MODEL) if _lacks_model(examination) else None


def _healthy(examination: Examination) -> ServingTrial | None:
    """The hardest run that came up."""
    return next((trial for trial in examination.serving.values() if trial.healthy), None)


def _exchanges(examination: Examination, probe: str) -> tuple[Exchange, ...] | Judgement:
    """The exchanges of a probe, or why there are none."""
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = _healthy(examination)
    if trial is None:
        return without(Reason.RUN_MISSING)
    found = trial.of(probe)
    if found:
        return found
    return without(Reason.INCONCLUSIVE if examination.asked.samples else Reason.NO_SAMPLE, f"not asked: {probe}")


def is_good(exchange: Exchange) -> bool:
    return exchange.status is not None and 200 <= exchange.status <= 299


def _is_wrong(exchange: Exchange) -> bool:
    """Its body is not the one that the configuration expects. Of a long body only the digest is whole."""
    return exchange.expected is not None and exchange.digest != hashlib.sha256(exchange.expected).hexdigest()


def _bad_before(examination: Examination, exchange: Exchange) -> str:
    """What went wrong before a wrong request was sent, so that its failing says nothing; "" when nothing did."""
    trial = _healthy(examination)
    exchanges = trial.exchanges if trial is not None else ()
    before = exchanges[: exchanges.index(exchange)] if exchange in exchanges else ()
    if before and before[-1].status is None:
        return f"{before[-1].probe}: {said(before[-1])}"
    samples = [item for item in before if item.probe == "sample"]
    return said(samples[0]) if samples and not is_good(samples[0]) else ""


def _lines(trial: ServingTrial) -> tuple[str, ...]:
    return tuple(f"| {line}" for line in trial.run.last_lines[-5:])


def said(exchange: Exchange) -> str:
    """An exchange in one line."""
    if exchange.status is None:
        return f"{exchange.request}: no answer after {exchange.seconds:.1f} s ({exchange.fault})"
    words = exchange.body[:80].decode("utf-8", "replace").split("\n", 1)[0]
    return f"{exchange.request}: {exchange.status} in {exchange.seconds:.2f} s: {words}"


def _model_error(exchange: Exchange) -> str:
    """What InvokeEndpoint's caller is told."""
    if exchange.status is None:
        return _TIMED_OUT if exchange.timed_out else "ModelError: Received server error (0) from primary"
    side = "client" if 400 <= exchange.status <= 499 else "server"
    return f"424 ModelError: Received {side} error ({exchange.status}) from primary with message ..."


@rule("SM301", Severity.ERROR, _SERVING, "aws/amazon-sagemaker-examples issues 210, 3062")
def exits_while_starting(examination: Examination) -> Judgement:
    """The server ends before it is healthy.

    Why: SageMaker starts it again until the start window is over, which takes many minutes, and then only says that
    the ping health check was not passed. The reason stands in the container's log.

    Fix: Read its last lines. `serve` must stay in the foreground, and load its model from where /opt/ml/model has it.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = _last(examination)
    run = trial.run
    if _healthy(examination) is not None:
        return kept("it stayed up")
    if run.start_error:
        return broken(f"the engine could not start it: {run.start_error}", sagemaker=trial.reason)
    if run.exit_code is None or not run.exited_by_itself:
        return kept("it did not end by itself")
    how = "killed for want of memory" if run.out_of_memory else f"exit code {run.exit_code}"
    return broken(f"{how} before the first healthy ping", *_lines(trial), sagemaker=_UNHEALTHY)


@rule("SM302", Severity.ERROR, _SERVING)
def never_healthy(examination: Examination) -> Judgement:
    """GET /ping is never answered with 200.

    Why: An endpoint that does not become healthy within its start window (8 minutes unless configured) is Failed.

    Fix: Answer GET /ping on port 8080 with 200 as soon as the model is loaded.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = _healthy(examination)
    if trial is not None:
        return kept(f"healthy after {trial.run.seconds_to_healthy:.1f} s")
    last = _last(examination)
    return broken(last.cause or "no ping was answered with 200", *_lines(last), sagemaker=last.reason or _UNHEALTHY)


@rule("SM303", Severity.ERROR, _SERVING, "aws/sagemaker-python-sdk issue 1554")
def ping_is_not_200(examination: Examination) -> Judgement:
    """GET /ping is answered, but not with 200.

    Why: Only status 200 counts as healthy; a 404 (no such route), 405, 503 or a redirect does not, however well
    /invocations works.

    Fix: Add a route GET /ping that answers 200 with an empty body once the model is loaded.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    if _healthy(examination) is not None:
        return kept("GET /ping: 200")
    pings = _last(examination).run.start_pings
    statuses = [ping.status for ping in pings if ping.status is not None]
    if not statuses or pings[-1].fault == _SLOW:
        return without(Reason.RUN_MISSING)
    return broken(
        f"GET /ping: {statuses[-1]} ({len(statuses)} of {len(pings)} pings were answered, none with 200)",
        sagemaker=_UNHEALTHY,
    )


@rule("SM304", Severity.ERROR, _SERVING)
def ping_takes_too_long(examination: Examination) -> Judgement:
    """GET /ping takes longer than 2 seconds.

    Why: A ping that is not answered within 2 seconds is a failed one.

    Fix: Answer at once, without predicting or loading anything, from a worker that invocations do not occupy.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = _healthy(examination) or _last(examination)
    pings = trial.run.start_pings
    if pings and (pings[-1].fault == _SLOW or pings[-1].seconds > _PING_SECONDS):
        slow = [ping for ping in pings if ping.fault == _SLOW or ping.seconds > _PING_SECONDS]
        seen = f"{len(slow)} of {len(pings)} pings took too long, the last {pings[-1].seconds:.1f} s"
        return broken(seen, sagemaker=_UNHEALTHY)
    answered = [ping for ping in pings if ping.status is not None]
    if not answered:
        return without(Reason.RUN_MISSING)
    return kept(f"the last ping that was answered took {answered[-1].seconds * 1000:.0f} ms")


@rule("SM305", Severity.ERROR, _SERVING, "observed: pings answered with 504 under load, host replaced")
def ping_waits_for_a_running_invocation(examination: Examination) -> Judgement:
    """GET /ping waits until a running invocation is over.

    Why: SageMaker goes on pinging while it sends invocations. A server whose only worker is busy misses the 2
    seconds, counts as sick, and is replaced while it works.

    Fix: Answer /ping from another thread, worker or process than /invocations: gunicorn with several workers or
    threads behind nginx, not a single-threaded server.
    """
    pings = _exchanges(examination, "ping while 6 MiB bodies are predicted")
    if isinstance(pings, Judgement):
        return pings
    bodies = _exchanges(examination, "6 MiB body")
    if isinstance(bodies, Judgement):
        return bodies
    if all(body.status is None and not body.timed_out for body in bodies):
        return without(Reason.INCONCLUSIVE, "no body of 6 MiB was answered")
    last = max(body.ended for body in bodies)
    first = min(body.began for body in bodies)
    busy = [ping for ping in pings if first < ping.began < last - _TELLING_SECONDS]
    waited = [ping for ping in busy if any(ping.began < body.ended <= ping.ended for body in bodies)]
    refused = [ping for ping in busy if ping.status != 200]
    if not busy:
        return without(Reason.INCONCLUSIVE, "the bodies were answered too soon for a ping to tell")
    longest = max(busy, key=lambda ping: ping.seconds)
    if refused or len(waited) == len(busy) or longest.seconds > _PING_SECONDS:
        worst = refused[0] if refused else longest
        return broken(
            f"{said(worst)}; {len(waited)} of {len(busy)} pings were answered only after a body of 6 MiB was",
            sagemaker="the host is taken for sick and replaced; callers get 424 or 503 meanwhile",
        )
    return kept(f"{len(busy)} pings while 6 MiB bodies were predicted, the longest {longest.seconds * 1000:.0f} ms")


@rule("SM306", Severity.ERROR, _SERVING, "aws/sagemaker-python-sdk issue 4115")
def bound_to_the_wrong_address(examination: Examination) -> Judgement:
    """The server listens on 127.0.0.1 or on another port than 8080.

    Why: SageMaker calls from outside of the container, on port 8080. A server on loopback works when it is tried from
    inside and is unreachable for everybody else.

    Fix: Listen on 0.0.0.0:8080 (or the port in SAGEMAKER_BIND_TO_PORT).
    """
    missing = _no_serving(examination)
    if missing is not None:
        return missing
    if _healthy(examination) is not None:
        return kept("it answers on port 8080")
    if any(ping.status is not None for ping in _last(examination).run.start_pings):
        return kept("it answers on port 8080, if not with 200")
    listening = _last(examination).run.listening
    if listening is None:
        return without(Reason.NO_MODEL if _lacks_model(examination) else Reason.RUN_MISSING)
    own = [address for address in listening if not address.startswith(_RESOLVER)]
    if not own:
        return without(Reason.NO_SUCH_CASE, "nothing listens in the container")
    if any(address.endswith(":8080") and not address.startswith(("127.", "[::1]")) for address in own):
        return kept(f"it listens on {', '.join(own)}")
    return broken(f"it listens on {', '.join(own)}", sagemaker=_UNHEALTHY)


@rule("SM307", Severity.ERROR, _SERVING)
def sample_request_fails(examination: Examination) -> Judgement:
    """A sample request is not answered as it should be.

    Why: Anything but a 2xx status becomes a ModelError for the caller of the endpoint, and fails a batch transform.

    Fix: Send the sample with `smlocal invoke` to `smlocal serve` and read the log.
    """
    samples = _exchanges(examination, "sample")
    if isinstance(samples, Judgement):
        return samples
    for sample in sorted(samples, key=attrgetter("timed_out")):  # a rule of its own speaks of those that take too long
        if not is_good(sample):
            return broken(said(sample), sagemaker=_model_error(sample))
        if _is_wrong(sample):
            expected = (sample.expected or b"")[:80].decode("utf-8", "replace")
            return broken(said(sample), f"expected: {expected!r}", sagemaker="200, and the wrong answer")
    return kept(*(said(sample) for sample in samples))


@rule("SM308", Severity.ERROR, _SERVING, "aws/sagemaker-python-sdk issues 1119, 2574")
def invocation_takes_too_long(examination: Examination) -> Judgement:
    """A sample request takes longer than 60 seconds.

    Why: SageMaker gives a container 60 seconds for an invocation; no setting of the server raises that.

    Fix: Make the request smaller or the model quicker, or use asynchronous inference or batch transform.
    """
    samples = _exchanges(examination, "sample")
    if isinstance(samples, Judgement):
        return samples
    slow = [sample for sample in samples if sample.timed_out or sample.seconds > _INVOCATION_SECONDS]
    if slow:
        others = [sample for sample in samples if sample not in slow]
        all_else_good = all(is_good(sample) and not _is_wrong(sample) for sample in others)
        return broken(said(slow[0]), sagemaker=_TIMED_OUT, explains=("SM3", "SM4") if all_else_good else ())
    answered = [sample.seconds for sample in samples if sample.status is not None]
    if not answered:
        return without(Reason.INCONCLUSIVE, said(samples[0]))
    return kept(f"the slowest took {max(answered):.2f} s")


@rule("SM309", Severity.WARNING, "RFC 9110, 415")
def unknown_content_type_gives_5xx(examination: Examination) -> Judgement:
    """A content type that the server does not know gives a 5xx status.

    Why: A 5xx says that the server is broken: batch transforms retry it three times, alarms go off, and the caller
    does not learn that the request was wrong. It is a warning because the request fails in either case.

    Fix: Answer 415 with a sentence that names the content types that are known.
    """
    return _client_fault(examination, "unknown content type")


@rule("SM310", Severity.ERROR, "RFC 9110, 400")
def broken_body_harms(examination: Examination) -> Judgement:
    """A body that cannot be read gives a 5xx status, hangs, or ends the server.

    Why: One bad record of one caller must not take the endpoint away from the others. A 5xx alone is a warning: the
    request fails in either case.

    Fix: Catch what parsing raises, and answer 400 with a sentence.
    """
    return _client_fault(examination, "broken body", may_end=True)


def _client_fault(examination: Examination, probe: str, may_end: bool = False) -> Judgement:
    """Whether a wrong request gets a 4xx (or is taken for a good one). `may_end`: it is the last of all requests, and
    one that may hang or end the server."""
    found = _exchanges(examination, probe)
    if isinstance(found, Judgement):
        return found
    exchange, trial = found[0], _healthy(examination)
    bad_before = _bad_before(examination, exchange)
    is_dead = may_end and trial is not None and not trial.alive_after
    if bad_before and (exchange.status is None or exchange.status >= 500 or is_dead):
        return without(Reason.INCONCLUSIVE, f"already before: {bad_before}")
    if is_dead:
        return broken(said(exchange), "afterwards GET /ping is not answered with 200", sagemaker=_UNHEALTHY)
    if exchange.status is None:
        severity = Severity.ERROR if may_end else Severity.WARNING
        return broken(said(exchange), sagemaker=_model_error(exchange), severity=severity)
    if exchange.status >= 500:
        return broken(said(exchange), sagemaker=_model_error(exchange), severity=Severity.WARNING)
    return kept(said(exchange))


@rule("SM311", Severity.ERROR, "API: runtime_InvokeEndpoint, Body")
def refuses_a_body_of_6_mib(examination: Examination) -> Judgement:
    """A body of 6 MiB is refused.

    Why: A caller may send as much, and batch transforms fill their requests up to 6 MB by default. Web servers in
    front of a model often stop at 1 or 5 MB: 413 Request Entity Too Large, and the whole job fails.

    Fix: Raise the limit of the web server: `client_max_body_size 0;` in nginx, MMS_MAX_REQUEST_SIZE,
    TS_MAX_REQUEST_SIZE."""
    found = _exchanges(examination, "6 MiB body")
    if isinstance(found, Judgement):
        return found
    refused = [exchange for exchange in found if exchange.status == _TOO_LARGE]
    good = [exchange for exchange in found if is_good(exchange)]
    if refused:
        return broken(said(refused[0]), sagemaker="ClientError: 413; on an endpoint 424 ModelError")
    if good:
        return kept(said(good[0]))
    samples = _exchanges(examination, "sample")
    if isinstance(samples, Judgement) or not is_good(samples[0]):
        return without(Reason.INCONCLUSIVE, "the sample that it is made of fails, too")
    return broken(said(found[0]), sagemaker=_model_error(found[0]), severity=Severity.WARNING, explains=())


@rule("SM312", Severity.WARNING, _SERVING)
def ignores_sigterm(examination: Examination) -> Judgement:
    """The server does not end within 30 seconds of SIGTERM.

    Why: SageMaker sends SIGTERM when an instance goes, and SIGKILL 30 seconds later: requests under way are cut off,
    and scaling in is slow. It is a warning because the container is gone in the end.

    Fix: Write ENTRYPOINT in exec form, `exec` the server from shell scripts, and handle SIGTERM.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    trial = _healthy(examination)
    if trial is None or trial.run.stop_seconds is None:
        return without(Reason.RUN_MISSING)
    if trial.run.killed_after_grace:
        return broken(f"still running {trial.run.stop_seconds:.0f} s after SIGTERM", *_lines(trial))
    return kept(f"ended {trial.run.stop_seconds:.1f} s after SIGTERM with code {trial.run.exit_code}")


@rule("SM313", Severity.ERROR, _SERVING)
def writes_to_its_model(examination: Examination) -> Judgement:
    """The server writes below /opt/ml/model.

    Why: The directory is mounted read-only on endpoints: whoever unpacks, caches or compiles beside the model fails.
    Judged by what a server says of a read-only file system; it is a warning when it comes up all the same.

    Fix: Write to /tmp.
    """
    missing = _no_serving(examination)
    if missing is not None:
        return missing
    trial = examination.serving.get("hard")
    if trial is None or trial.run.start_error:
        return without(Reason.RUN_MISSING)
    lines = [line for line in trial.run.last_lines if "read-only file system" in line.lower() and "/opt/ml" in line]
    if lines:
        severity = Severity.WARNING if trial.healthy else None
        text = trial.reason or "OSError: [Errno 30] in the log"
        return broken(f"| {lines[-1]}", sagemaker=text, severity=severity)
    if trial.healthy:
        return kept("it came up, and its last lines complain of no read-only file system")
    return without(Reason.NO_MODEL if _lacks_model(examination) else Reason.INCONCLUSIVE)


@rule("SM314", Severity.WARNING, _ISOLATION)
def needs_the_network(examination: Examination) -> Judgement:
    """The server needs the network to come up.

    Why: With EnableNetworkIsolation nothing can be downloaded, and without it every start depends on somebody else's
    server. It is an error when the configuration says that endpoints run isolated, and a warning otherwise.

    Fix: Bake into the image, or into the model archive, what it downloads.
    """
    missing = not_up(examination)
    if missing is not None:
        return missing
    hard, easy = examination.serving.get("hard"), examination.serving.get("easy")
    if hard is not None and hard.healthy:
        return kept("it came up without network")
    if hard is None or easy is None or not easy.healthy:
        return without(Reason.RUN_MISSING)
    severity = Severity.ERROR if examination.asked.isolated else None
    return broken(f"without network: {hard.cause}", "with network it came up", sagemaker=hard.reason, severity=severity)


@rule("SM316", Severity.WARNING, _SERVING)
def needs_headers_that_may_be_absent(examination: Examination) -> Judgement:
    """A good request without Accept, or with unknown headers, fails.

    Why: Accept is optional in InvokeEndpoint, and SageMaker adds headers of its own. It is a warning because callers
    can be told to send Accept.

    Fix: Take a missing Accept for `*/*`, and ignore headers that are not known.
    """
    for probe in ("without Accept", "unknown headers"):
        found = _exchanges(examination, probe)
        if isinstance(found, Judgement):
            return found
        samples = _exchanges(examination, "sample")
        if isinstance(samples, Judgement) or not is_good(samples[0]):
            return without(Reason.INCONCLUSIVE, "the sample itself fails")
        if not is_good(found[0]):
            return broken(f"{probe}: {said(found[0])}", sagemaker=_model_error(found[0]))
    return kept("both are answered")

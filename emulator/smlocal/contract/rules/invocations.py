"""SM3xx: how a server answers invocations."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import (
    SERVING,
    TIMED_OUT,
    UNHEALTHY,
    exchanges,
    healthy_trial,
    is_wrong,
    model_error,
    said,
    sick_at_rest,
)
from smlocal.evidence import Examination, Exchange

_INVOCATION_SECONDS = 60.0
_TOO_LARGE = 413


def _bad_before(examination: Examination, exchange: Exchange) -> str:
    """What went wrong before a wrong request was sent, so that its failing says nothing; "" when nothing did."""
    trial = healthy_trial(examination)
    exchanges = trial.exchanges if trial is not None else ()
    before = exchanges[: exchanges.index(exchange)] if exchange in exchanges else ()
    if before and before[-1].status is None:
        return f"{before[-1].probe}: {said(before[-1])}"
    samples = [item for item in before if item.probe == "sample"]
    return said(samples[0]) if samples and not samples[0].good else ""


@rule("SM307", Severity.ERROR, SERVING)
def sample_request_fails(examination: Examination) -> Judgement:
    """A sample request is not answered as it should be.

    Why: Anything but a 2xx status becomes a ModelError for the caller of the endpoint, and fails a batch transform.

    Fix: Send the sample with `smlocal invoke` to `smlocal serve` and read the log.
    """
    samples = exchanges(examination, "sample")
    if isinstance(samples, Judgement):
        return samples
    for sample in sorted(samples, key=attrgetter("timed_out")):  # a rule of its own speaks of those that take too long
        if not sample.good:
            return broken(said(sample), sagemaker=model_error(sample))
        if is_wrong(sample):
            expected = (sample.expected or b"")[:80].decode("utf-8", "replace")
            return broken(said(sample), f"expected: {expected!r}", sagemaker="200, and the wrong answer")
    return kept(*(said(sample) for sample in samples))


@rule("SM308", Severity.ERROR, SERVING, "aws/sagemaker-python-sdk issues 1119, 2574")
def invocation_takes_too_long(examination: Examination) -> Judgement:
    """A sample request takes longer than 60 seconds.

    Why: SageMaker gives a container 60 seconds for an invocation; no setting of the server raises that.

    Fix: Make the request smaller or the model quicker, or use asynchronous inference or batch transform.
    """
    samples = exchanges(examination, "sample")
    if isinstance(samples, Judgement):
        return samples
    slow = [sample for sample in samples if sample.timed_out or sample.seconds > _INVOCATION_SECONDS]
    if slow:
        others = [sample for sample in samples if sample not in slow]
        all_else_good = all(sample.good and not is_wrong(sample) for sample in others)
        return broken(said(slow[0]), sagemaker=TIMED_OUT, explains=("SM3", "SM4", "SM115") if all_else_good else ())
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
    found = exchanges(examination, probe)
    if isinstance(found, Judgement):
        return found
    exchange, trial = found[0], healthy_trial(examination)
    bad_before = _bad_before(examination, exchange)
    is_dead = may_end and trial is not None and not trial.alive_after and sick_at_rest(trial) is None
    if bad_before and (exchange.status is None or exchange.status >= 500 or is_dead):
        return without(Reason.INCONCLUSIVE, f"already before: {bad_before}")
    if is_dead:
        return broken(said(exchange), "afterwards GET /ping is not answered with 200", sagemaker=UNHEALTHY)
    if exchange.status is None:
        severity = Severity.ERROR if may_end else Severity.WARNING
        return broken(said(exchange), sagemaker=model_error(exchange), severity=severity)
    if exchange.status >= 500:
        return broken(said(exchange), sagemaker=model_error(exchange), severity=Severity.WARNING)
    return kept(said(exchange))


@rule("SM311", Severity.ERROR, "API: runtime_InvokeEndpoint, Body", "Amazon SageMaker AI FAQs: inference, payloads")
def refuses_a_body_of_6_mib(examination: Examination) -> Judgement:
    """A body of 6 MiB is refused.

    Why: A caller may send as much, and batch transforms fill their requests up to 6 MB by default. Web servers in
    front of a model often stop at 1 or 5 MB: 413 Request Entity Too Large, and the whole job fails. To refuse more than
    that is a warning: endpoints take 25 MB by now, while the API's own model still says 6.

    Fix: Raise the limit of the web server: `client_max_body_size 0;` in nginx, MMS_MAX_REQUEST_SIZE,
    TS_MAX_REQUEST_SIZE."""
    found = exchanges(examination, "6 MiB body")
    if isinstance(found, Judgement):
        return found
    refused = [exchange for exchange in found if exchange.status == _TOO_LARGE]
    good = [exchange for exchange in found if exchange.good]
    if refused:
        return broken(said(refused[0]), sagemaker="ClientError: 413; on an endpoint 424 ModelError")
    if good:
        return _largest(examination, good[0])
    samples = exchanges(examination, "sample")
    if isinstance(samples, Judgement) or not samples[0].good:
        return without(Reason.INCONCLUSIVE, "the sample that it is made of fails, too")
    return broken(said(found[0]), sagemaker=model_error(found[0]), severity=Severity.WARNING, explains=())


def _largest(examination: Examination, good: Exchange) -> Judgement:
    """The verdict on who answers bodies of 6 MiB."""
    largest = exchanges(examination, "25 MiB body")
    if isinstance(largest, Judgement) or largest[0].status != _TOO_LARGE:
        return kept(said(good))
    seen = (said(good), said(largest[0]))
    return broken(*seen, sagemaker=model_error(largest[0]), severity=Severity.WARNING, explains=())


@rule("SM315", Severity.ERROR, SERVING)
def answers_of_concurrent_callers_differ(examination: Examination) -> Judgement:
    """Requests at the same time are answered otherwise than one after another.

    Why: An endpoint sends what its callers send, at the same time. A server that keeps a request in a global variable,
    or a model that is not safe to be called from two threads, gives one caller another one's answer. Judged only where
    one caller is answered the same each time; that requests fail under load is a warning, because fewer callers or
    more instances help.

    Fix: Keep nothing of a request outside of its handler, and give each worker a model or a lock of its own.
    """
    serial = exchanges(examination, "one caller")
    if isinstance(serial, Judgement):
        return serial
    crowd = exchanges(examination, "many callers")
    if isinstance(crowd, Judgement):
        return crowd
    steady = _steady(serial)
    judged = [exchange for exchange in crowd if exchange.sample in steady]
    if not judged:
        return without(Reason.INCONCLUSIVE, "one caller alone is not answered well, and the same, each time")
    other = [item for item in judged if item.good and item.digest != steady[item.sample]]
    if other:
        seen = f"{len(other)} of {len(judged)} answers to callers at the same time differ from those to one caller"
        return broken(seen, said(other[0]), sagemaker="200, and the wrong answer")
    failed = [item for item in judged if not item.good]
    if failed:
        seen = f"{len(failed)} of {len(judged)} requests at the same time failed"
        return broken(seen, said(failed[0]), sagemaker=model_error(failed[0]), severity=Severity.WARNING)
    return kept(f"{len(judged)} requests at the same time were answered as those of one caller")


def _steady(serial: tuple[Exchange, ...]) -> dict[int | None, str]:
    """The digest of the answer to each body that one caller is answered well, and the same each time."""
    digests: dict[int | None, set[str]] = {}
    for exchange in serial:
        digests.setdefault(exchange.sample, set()).add(exchange.digest if exchange.good else "")
    return {sample: found.pop() for sample, found in digests.items() if len(found) == 1 and "" not in found}


@rule("SM316", Severity.WARNING, SERVING)
def needs_headers_that_may_be_absent(examination: Examination) -> Judgement:
    """A good request without Accept, or with unknown headers, fails.

    Why: Accept is optional in InvokeEndpoint, and SageMaker adds headers of its own. It is a warning because callers
    can be told to send Accept.

    Fix: Take a missing Accept for `*/*`, and ignore headers that are not known.
    """
    for probe in ("without Accept", "unknown headers"):
        found = exchanges(examination, probe)
        if isinstance(found, Judgement):
            return found
        samples = exchanges(examination, "sample, once more")
        if isinstance(samples, Judgement):
            samples = exchanges(examination, "sample")
        if isinstance(samples, Judgement) or not samples[0].good:
            return without(Reason.INCONCLUSIVE, "the sample itself fails")
        if not found[0].good:
            return broken(f"{probe}: {said(found[0])}", sagemaker=model_error(found[0]))
    return kept("both are answered")


@rule("SM317", Severity.ERROR, SERVING)
def healthy_before_it_can_work(examination: Examination) -> Judgement:
    """The server answers GET /ping with 200 before an invocation can work.

    Why: SageMaker sends requests from the first healthy ping on. Whoever loads the model later fails the first callers
    after each start, each new instance and each deployment. Judged by the first sample, which is sent again for up to
    15 seconds where it fails with a 5xx: who then still loads is told so by the sample's own rule.

    Fix: Load the model before the server listens, or answer /ping with 503 until it is there.
    """
    samples = exchanges(examination, "sample")
    if isinstance(samples, Judgement):
        return samples
    if samples[0].good:
        return kept("the first invocation after the first healthy ping is answered")
    again = exchanges(examination, "one caller")
    if isinstance(again, Judgement):
        return again
    later = [exchange for exchange in again if exchange.sample == 0]
    if later and all(exchange.good for exchange in later):
        seen = (f"first: {said(samples[0])}", f"later: {said(later[0])}")
        return broken(*seen, sagemaker=model_error(samples[0]), explains=("SM",) if _all_work(samples, again) else ())
    return without(Reason.INCONCLUSIVE, "it is not answered later, either")


def _all_work(samples: tuple[Exchange, ...], later: tuple[Exchange, ...]) -> bool:
    """Whether every sample is answered as it should be, if not at first: then no other rule has a fault to tell of."""
    for number, sample in enumerate(samples):
        answers = [replace(item, expected=sample.expected) for item in later if item.sample == number]
        if not answers or not all(answer.good and not is_wrong(answer) for answer in answers):
            return False
    return True


@rule("SM319", Severity.ERROR, "deepjavalibrary/djl-serving issue 2567", "vllm-project/vllm issue 2912")
def answers_without_length(examination: Examination) -> Judgement:
    """An answer does not say how long it is.

    Why: Asynchronous inference takes no chunked answers: each invocation fails, with this text in the endpoint's
    data-log. Endpoints in real time and batch transforms take them. The answers to the samples are looked at, and those
    to bodies of 6 MiB.

    Fix: Send a Content-Length: give the framework the whole body, and no generator or stream.
    """
    if examination.asked.serving and not examination.asked.asynchronous:
        return without(Reason.NOT_ASYNCHRONOUS)
    found = exchanges(examination, "sample")
    if isinstance(found, Judgement):
        return found
    if not any(exchange.good for exchange in found):
        return without(Reason.INCONCLUSIVE)
    long = exchanges(examination, "6 MiB body")  # some servers tell the length of short answers only
    asked = (*found, *(() if isinstance(long, Judgement) else long))
    good = [exchange for exchange in asked if exchange.good]
    chunked = [exchange for exchange in good if not exchange.has_length]
    if not chunked:
        return kept(f"{len(good)} answers with Content-Length")
    return broken(
        f"{said(chunked[0])}: without Content-Length",
        sagemaker="The response from container primary did not specify the required Content-Length header",
    )

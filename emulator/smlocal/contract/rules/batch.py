"""SM4xx: what the image does as the container of a batch transform."""

from __future__ import annotations

from collections.abc import Sequence

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.serving_facts import not_up, said
from smlocal.evidence import Examination, Exchange, ExecutionParameters, ServingTrial

_BATCH = "AWS developer guide, your-algorithms-batch-code"
_TRANSFORM = "AWS developer guide, batch-transform"
_PROCESSING = "AWS developer guide, batch-transform-data-processing"
_TOO_LARGE = 413
_NOT_FOUND = 404
_CLIENT = range(400, 500)
_SINGLE = "SINGLE_RECORD"
_ANY = "*"
_NO_JOIN = "the job is Completed, and its output cannot be told record by record; a job that joins it fails"


def _batch(examination: Examination) -> ServingTrial | Judgement:
    """The run as a batch transform, or why there is none."""
    missing = not_up(examination)
    if missing is not None:
        return missing
    if not examination.asked.samples:
        return without(Reason.NO_SAMPLE)
    if not examination.asked.records:
        return without(Reason.NO_RECORDS)
    trial = examination.serving.get("batch")
    if trial is None:
        return without(Reason.RUN_MISSING)
    return trial if trial.healthy else without(Reason.INCONCLUSIVE, f"it did not come up: {trial.cause}")


def _exchanges(examination: Examination, probe: str) -> tuple[Exchange, ...] | Judgement:
    trial = _batch(examination)
    if isinstance(trial, Judgement):
        return trial
    return trial.of(probe) or without(Reason.RUN_MISSING, f"not asked: {probe}")


def _records(exchanges: Sequence[Exchange]) -> int | None:
    """The lines that the answers add to a job's output."""
    counts = [exchange.records for exchange in exchanges]
    return None if None in counts else sum(count for count in counts if count is not None)


def _bad(exchanges: Sequence[Exchange]) -> Exchange | None:
    """The first that is not answered well."""
    return next((exchange for exchange in exchanges if not exchange.good), None)


def _uncounted(exchanges: Sequence[Exchange]) -> Judgement:
    kind = next((item.content_type for item in exchanges if item.records is None), "") or "without a content type"
    return without(Reason.INCONCLUSIVE, f"the answer is {kind}: how many records it has cannot be told")


def _failed(exchange: Exchange) -> str:
    """What the job's FailureReason is, and what its data log says."""
    if exchange.status is None:
        return "AlgorithmError: See job logs for more information (Unable to get response from algorithm)"
    if exchange.status in _CLIENT:
        return f"ClientError: See job logs for more information (ClientError: {exchange.status})"
    return (
        "AlgorithmError: See job logs for more information"
        f" (Bad HTTP status received from algorithm: {exchange.status})"
    )


def _fails(exchange: Exchange, ends_the_asking: bool = False) -> Judgement:
    """Broken by a bad answer; what is asked afterwards was not, when there was no answer or `ends_the_asking`."""
    explains = ("SM4",) if ends_the_asking or exchange.status is None else ()
    return broken(said(exchange), sagemaker=_failed(exchange), explains=explains)


@rule("SM401", Severity.WARNING, _BATCH)
def execution_parameters_malformed(examination: Examination) -> Judgement:
    """GET /execution-parameters is answered with something that cannot be used.

    Why: A batch transform asks for MaxConcurrentTransforms, BatchStrategy and MaxPayloadInMB where the job does not say
    them. 404 means that there is nothing to propose. It is a warning because AWS does not document what becomes of
    another status, or of an answer that is malformed; what was meant to be proposed is at best not used.

    Fix: Answer 200 with a JSON object of whole numbers and MULTI_RECORD or SINGLE_RECORD, or 404.
    """
    trial = _batch(examination)
    if isinstance(trial, Judgement):
        return trial
    told = trial.execution_parameters
    if told is None:
        return without(Reason.RUN_MISSING)
    if told.problems:
        return broken(*told.problems, sagemaker="not documented; the defaults are 1, MULTI_RECORD and 6", explains=())
    if told.status == _NOT_FOUND:
        return kept("404: the defaults are used")
    return kept(_in_words(told))


def _in_words(told: ExecutionParameters) -> str:
    return (
        f"MaxConcurrentTransforms={told.concurrency}, MaxPayloadInMB={told.payload_mb}, BatchStrategy={told.strategy}"
    )


@rule("SM402", Severity.ERROR, _TRANSFORM, _PROCESSING, "aws/sagemaker-python-sdk issues 672, 1304")
def records_in_are_not_records_out(examination: Examination) -> Judgement:
    """A request with several records is not answered with as many.

    Why: A batch transform fills its requests with as many lines as fit, and writes the answers one after the other.
    Nothing checks their number: with fewer lines out than in, the output no longer says which record a line belongs to,
    and JoinSource has nothing to join. A status that is not 2xx fails the job. Judged for lines alone, not for answers
    of JSON.

    Fix: Predict every line of the body, and end each prediction with a newline; or propose SINGLE_RECORD by
    /execution-parameters.
    """
    found = _exchanges(examination, "records")
    if isinstance(found, Judgement):
        return found
    bad = _bad(found)
    if bad is not None:
        return _fails(bad, ends_the_asking=True)
    records, sent = _records(found), sum(item.records_sent or 0 for item in found)
    if records is None:
        return _uncounted(found)
    if records != sent:
        return broken(said(found[0]), f"{sent} records in, {records} out", sagemaker=_NO_JOIN, explains=())
    return kept(f"{sent} records in, {records} out")


@rule("SM403", Severity.WARNING, _BATCH)
def final_newline_changes_the_count(examination: Examination) -> Judgement:
    """The same records are answered otherwise with a newline at their end than without.

    Why: The last record of an object may lack its newline, and a single record has none. Who takes the newline for the
    beginning of another record, or a record for none without it, answers one too many or too few, or fails. It is a
    warning because AWS does not document with which end requests come.

    Fix: Split at newlines, and leave out what follows the last one when it is empty.
    """
    found = _exchanges(examination, "records that end otherwise")
    records = _exchanges(examination, "records")
    if isinstance(found, Judgement) or isinstance(records, Judgement):
        return found if isinstance(found, Judgement) else without(Reason.RUN_MISSING)
    return _compared(records[-1:], found)


@rule(
    "SM404",
    Severity.ERROR,
    _TRANSFORM,
    "API: CreateTransformJob, MaxPayloadInMB",
    "aws/sagemaker-python-sdk issue 1882",
)
def full_mini_batch_refused(examination: Examination) -> Judgement:
    """A request that is filled up to MaxPayloadInMB is refused.

    Why: A batch transform fills requests up to what the container proposes by /execution-parameters, or 6 MB. One
    that is refused fails its whole object: ClientError: 413.

    Fix: Raise the limit of the web server (`client_max_body_size 0;` in nginx, MMS_MAX_REQUEST_SIZE,
    TS_MAX_REQUEST_SIZE), or propose a MaxPayloadInMB that it takes.
    """
    found = _exchanges(examination, "full mini-batch")
    if isinstance(found, Judgement):
        return _single(examination) or found
    bad = _bad(found)
    return _fails(bad, ends_the_asking=True) if bad is not None else kept(said(found[0]))


def _single(examination: Examination) -> Judgement | None:
    """Where each record is a request of its own there are neither full requests nor blank lines in them."""
    trial = _batch(examination)
    told = None if isinstance(trial, Judgement) else trial.execution_parameters
    if told is None or told.strategy != _SINGLE:
        return None
    return without(Reason.NO_SUCH_CASE, "it proposes SINGLE_RECORD")


@rule("SM405", Severity.WARNING, _TRANSFORM)
def crlf_changes_the_count(examination: Examination) -> Judgement:
    """Records that end with CR LF are not answered as those are that end with LF.

    Why: A batch transform splits at LF, and CR stays with the record: a file that was written on Windows reaches the
    container as it is. It is a warning because it harms only those who have such files.

    Fix: Read lines with a parser that takes both ends, or strip each line.
    """
    found = _exchanges(examination, "records with CRLF")
    records = _exchanges(examination, "records")
    if isinstance(found, Judgement) or isinstance(records, Judgement):
        return found if isinstance(found, Judgement) else without(Reason.RUN_MISSING)
    return _compared(records, found)


@rule("SM406", Severity.WARNING, _TRANSFORM)
def blank_line_changes_the_count(examination: Examination) -> Judgement:
    """A blank line between records gives 5xx, or another number of predictions.

    Why: A blank line is no record: who predicts one for it writes a line that nobody asked for, who stops at it loses
    the records behind it, and who fails at it fails the job. A 4xx is as good an answer as leaving it out. It is a
    warning because AWS does not document whether blank lines are sent.

    Fix: Leave blank lines out, or answer 400 with a sentence. For JoinSource, take them out of the input.
    """
    found = _exchanges(examination, "records with a blank line")
    records = _exchanges(examination, "records")
    if isinstance(found, Judgement) or isinstance(records, Judgement):
        return _single(examination) or (found if isinstance(found, Judgement) else without(Reason.RUN_MISSING))
    if found[0].status in _CLIENT:
        return kept(said(found[0]))
    return _compared(records, found)


def _compared(records: Sequence[Exchange], others: Sequence[Exchange]) -> Judgement:
    """Whether the same records in another spelling are answered with as many."""
    bad = _bad(others)
    if bad is not None:
        return _fails(bad)
    wanted, found = _records(records), _records(others)
    if wanted is None or found is None:
        return _uncounted((*records, *others))
    if wanted != found:
        seen = f"{found} answers, where the same records had {wanted} before"
        return broken(said(others[0]), seen, sagemaker=_NO_JOIN, explains=())
    return kept(f"{found} answers in both cases")


@rule("SM407", Severity.ERROR, _BATCH)
def promised_concurrency_fails(examination: Examination) -> Judgement:
    """As many requests at once as /execution-parameters proposes are not all answered.

    Why: A batch transform makes MaxConcurrentTransforms requests at a time when the container proposes them, each up to
    MaxPayloadInMB. What gets a 5xx is asked for again up to three times, at once, and then the job fails.

    Fix: Propose as many as there are workers, or let requests wait instead of refusing them.
    """
    found = _exchanges(examination, "as many requests at once as it proposes")
    if isinstance(found, Judgement):
        return _one_at_a_time(examination) or found
    bad = _bad(found)
    if bad is not None:
        good = sum(item.good for item in found)
        seen = f"{good} of {len(found)} requests at once were answered well"
        return broken(said(bad), seen, sagemaker=_failed(bad), explains=())
    counts = {item.records for item in found}
    if len(counts) > 1:
        return broken(said(found[0]), "the same request had answers of different lengths", sagemaker=_NO_JOIN)
    return kept(f"{len(found)} requests at once, the longest {max(item.seconds for item in found):.2f} s")


def _one_at_a_time(examination: Examination) -> Judgement | None:
    trial = _batch(examination)
    told = None if isinstance(trial, Judgement) else trial.execution_parameters
    if told is None or told.concurrency > 1:
        return None
    return without(Reason.NO_SUCH_CASE, "it proposes no more than one request at a time")


@rule("SM408", Severity.WARNING, _PROCESSING, "aws/sagemaker-tensorflow-serving-container issue 154")
def accept_ignored(examination: Examination) -> Judgement:
    """The answer has another content type than Accept asks for.

    Why: A job's TransformOutput.Accept says what its output is to be, and a job that filters or joins needs the input's
    own format: an answer in another one fails it, or lies in an output that its readers take for something else. It is
    a warning because a job that does neither takes any answer.

    Fix: Answer in the type that Accept names, or 406.
    """
    found = _exchanges(examination, "Accept")
    if isinstance(found, Judgement):
        return found
    exchange = found[0]
    wanted = [_media_type(item) for item in exchange.accepts.split(",")]
    if any(_ANY in item for item in wanted):
        return without(Reason.NO_SUCH_CASE, f"Accept: {exchange.accepts} takes more than one type")
    if exchange.status in _CLIENT:
        return kept(f"Accept: {exchange.accepts}", said(exchange))
    if not exchange.good:
        return _fails(exchange)
    if not exchange.content_type:
        return without(Reason.INCONCLUSIVE, "the answer has no content type")
    seen = f"Accept: {exchange.accepts}; the answer is {exchange.content_type}"
    if _media_type(exchange.content_type) in wanted:
        return kept(seen)
    return broken(seen, sagemaker="a job that joins: Failed to parse output from the algorithm as CSV", explains=())


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()

"""What the container of a batch transform is asked, and what it answers.

The records are cut and put together by the code that transforms use. They go to a container of its own, because the
one of an endpoint tells nothing of it: batch containers bear SAGEMAKER_BATCH, and AWS's own XGBoost and SparkML
containers write another answer when they do (aws/sagemaker-xgboost-container, aws/sagemaker-sparkml-serving-container).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

from smlocal.evidence import Exchange, ExecutionParameters
from smlocal.examination.plan import Plan, Sample
from smlocal.examination.probes import BY_LINES, LARGEST_ANSWER, Probes, media_type
from smlocal.http_client import HttpClient
from smlocal.settings import MEBIBYTE, Limits
from smlocal.transform.assemble import Assembler
from smlocal.transform.batch import Strategy, Tally, payloads
from smlocal.transform.invoke import invocation_headers, platform_headers, unpacked
from smlocal.transform.parameters import DEFAULTS, ask, fitted, settle
from smlocal.transform.pipeline import pieces
from smlocal.transform.plan import Parameters, plan_of
from smlocal.transform.plan import Plan as Job
from smlocal.transform.split import CHUNK, RecordTooLarge, lines
from smlocal.transform.spool import Spool

RECORDS = "records"
OTHER_END = "records that end otherwise"
ACCEPT = "Accept"
CRLF = "records with CRLF"
BLANK_LINE = "records with a blank line"
FULL = "full mini-batch"
AT_ONCE = "as many requests at once as it proposes"

_RECORDS = 4  # lines of the sample, again and again when it has fewer
_IN_MEMORY = 8 * MEBIBYTE
_COUNTED = (*BY_LINES, "text/plain")


def first_by_lines(samples: Sequence[Sample]) -> Sample | None:
    """The first sample that is made of lines."""
    return next((item for item in samples if media_type(item.content_type) in BY_LINES and item.body.strip()), None)


@dataclass(frozen=True)
class Work:
    """A transform job, and the sample whose records are its input."""

    sample: Sample
    job: Job


def work_of(plan: Plan, limits: Limits) -> Work | None:
    """The job that leaves to the container whatever a request may leave to it; None without a sample of lines."""
    sample = first_by_lines(plan.samples)
    if sample is None:
        return None
    target = {"S3OutputPath": "s3://check/output", "AssembleWith": "Line"}
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://check/input"}}
    request: dict[str, Any] = {
        "TransformJobName": "check",
        "ModelName": "check",
        "TransformInput": {"DataSource": source, "ContentType": sample.content_type, "SplitType": "Line"},
        "TransformOutput": target if sample.accept is None else {**target, "Accept": sample.accept},
        "TransformResources": {"InstanceType": plan.instance_type, "InstanceCount": 1},
    }
    return Work(sample, plan_of(request, limits))


class BatchProbes:
    """Asks one container, through `probes`. What may break the server comes last."""

    def __init__(
        self, probes: Probes, http: HttpClient, base_url: Callable[[], str], limits: Limits, work: Work
    ) -> None:
        self._probes = probes
        self._http = http
        self._base_url = base_url
        self._limits = limits
        sample, self._job = work.sample, work.job
        self._accept = sample.accept or sample.content_type
        given = [line.rstrip(b"\r\n") + b"\n" for line in lines(io.BytesIO(sample.body), len(sample.body))]
        whole = [line for line in given if line.strip()]
        self._records = (whole * _RECORDS)[:_RECORDS]
        self._parameters: Parameters = DEFAULTS

    def run(self) -> tuple[tuple[Exchange, ...], ExecutionParameters]:
        """All exchanges up to the first request that was not answered, and what the container proposed."""
        reply = ask(self._http, self._base_url(), platform_headers(), self._limits.invocation_timeout)
        self._parameters, _ = fitted(settle(self._job, reply), self._job)
        found: list[Exchange] = []
        with suppress(RecordTooLarge):  # for the payload that it proposes: then no job could be made of them
            for exchanges in self._in_turn():
                found += exchanges
                if any(exchange.status is None for exchange in exchanges):
                    break
        used = self._parameters
        told = ExecutionParameters(reply.status, reply.problems, used.concurrency, used.payload_mb, used.strategy.value)
        return tuple(found), told

    def _in_turn(self) -> Iterator[list[Exchange]]:
        body = b"".join(self._records)
        records = self._cut(RECORDS, body)
        yield records
        if not _good(records):
            return
        last = list(self._payloads(body))[-1][0]
        yield [self._post(OTHER_END, last[:-1] if last.endswith(b"\n") else last + b"\n", records[-1].records_sent)]
        yield [replace(self._post(ACCEPT, last, records[-1].records_sent, self._accept), accepts=self._accept)]
        yield self._cut(CRLF, body.replace(b"\n", b"\r\n"))
        if self._parameters.strategy is Strategy.SINGLE_RECORD:
            yield self._at_once(last, 1)
            return
        yield self._cut(BLANK_LINE, b"\n".join((self._records[0], b"".join(self._records[1:]))))
        most, count = self._full()
        full = [self._post(FULL, most, count)]
        yield full
        if _good(full):
            yield self._at_once(most, count)

    def _payloads(self, source: bytes) -> Iterator[tuple[bytes, int]]:
        """The payloads of an object with these bytes, and how many records each has."""
        tally, strategy = Tally(), self._parameters.strategy
        limit, before = self._parameters.payload_bytes, 0
        for body in payloads(io.BytesIO(source), split=True, strategy=strategy, limit=limit, tally=tally):
            yield body, tally.records - before
            before = tally.records

    def _cut(self, probe: str, source: bytes) -> list[Exchange]:
        return [self._post(probe, body, count) for body, count in self._payloads(source)]

    def _full(self) -> tuple[bytes, int]:
        """The first payload of an object that is just too long for one; without a limit, of the default length."""
        size = (self._parameters.payload_mb or DEFAULTS.payload_mb) * MEBIBYTE
        body = b"".join(self._records)
        tally = Tally()
        source = io.BytesIO(body * (size // len(body) + 1))
        strategy = Strategy.MULTI_RECORD
        return next(payloads(source, split=True, strategy=strategy, limit=size, tally=tally)), tally.records

    def _at_once(self, body: bytes, count: int) -> list[Exchange]:
        """Nothing when it proposes one at a time."""
        at_a_time = self._parameters.concurrency
        if at_a_time == 1:
            return []
        with ThreadPoolExecutor(at_a_time) as pool:
            asked = [pool.submit(self._tried, AT_ONCE, body, count) for _ in range(at_a_time)]
            return [item.result() for item in asked]

    def _tried(self, probe: str, body: bytes, count: int | None) -> Exchange:
        """The last try of a request that is made again at once, as a job makes it, when it gets a 5xx."""
        exchange = self._post(probe, body, count)
        for _ in range(self._job.retries):
            if exchange.status is None or exchange.status < 500:
                break
            exchange = self._post(probe, body, count)
        return exchange

    def _post(self, probe: str, body: bytes, count: int | None, accept: str | None = None) -> Exchange:
        job = self._job if accept is None else replace(self._job, accept=accept)
        with closing(_Lines()) as counter:
            exchange = self._probes.exchange(
                probe,
                f"POST /invocations {job.content_type}, {count} lines, {len(body)} bytes",
                "POST",
                "/invocations",
                pieces(body) if self._parameters.unlimited else body,
                invocation_headers(job),
                timeout=job.timeout,
                counter=counter,
            )
        return replace(exchange, records_sent=count)


class _Lines:
    """Counts the lines that one answer adds to the output of a job with AssembleWith `Line`."""

    def __init__(self) -> None:
        self._answer = Spool(_IN_MEMORY)

    def take(self, piece: bytes) -> None:
        self._answer.write(piece)

    def close(self) -> None:
        self._answer.close()

    def count(self, headers: Mapping[str, str]) -> int | None:
        """None where the answer is not made of lines. Raises ConnectionFailed for gzip that is none."""
        if media_type(headers.get("Content-Type", "")) not in _COUNTED:
            return None
        assembler = Assembler(line=True, in_memory=_IN_MEMORY)
        try:
            assembler.add(0, unpacked(self._answer, headers, _IN_MEMORY, LARGEST_ANSWER))
            output = assembler.output.open()
            return sum(chunk.count(b"\n") for chunk in iter(lambda: output.read(CHUNK), b""))
        finally:
            assembler.drop()


def _good(exchanges: Sequence[Exchange]) -> bool:
    return all(exchange.status is not None and 200 <= exchange.status <= 299 for exchange in exchanges)

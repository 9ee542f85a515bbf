"""A batch container is asked as a transform job asks it, and its answers are counted as a job writes them."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from smlocal.evidence import Exchange, ExecutionParameters
from smlocal.examination import Plan, Sample, batch_probes
from smlocal.examination.batch_probes import (
    ACCEPT,
    AT_ONCE,
    BLANK_LINE,
    CRLF,
    FULL,
    OTHER_END,
    RECORDS,
    BatchProbes,
    first_by_lines,
    work_of,
)
from smlocal.examination.probes import Probes
from smlocal.examination.stopping import Stop
from smlocal.http_client import HttpClient
from smlocal.settings import MEBIBYTE, Limits
from tests.raw_server import RawServer

CSV = Sample(b"1\n2\n", "text/csv")
LIMITS = Limits(invocation_timeout=5, transform_invocation_timeout=5)
Answer = tuple[int, bytes, str]  # status, body, headers
Asked = tuple[list[Exchange], ExecutionParameters, list[bytes]]


def csv(body: bytes, status: int = 200, more: str = "") -> Answer:
    return status, body, f"Content-Type: text/csv\r\n{more}"


def by_lines(body: bytes) -> Answer:
    """One prediction for each line that is none of nothing."""
    return csv(b"0\n" * len(body.split()))


@pytest.fixture
def ask() -> Iterator[Callable[..., Asked]]:
    """Ask a server that answers a body so; gives what was seen and the requests that it got."""
    http, servers = HttpClient(), []

    def run(answer: Callable[[bytes], Answer | None], told: bytes = b"", sample: Sample = CSV) -> Asked:
        def script(connection: socket.socket, request: bytes) -> None:
            head, _, body = request.partition(b"\r\n\r\n")
            is_get = head.startswith(b"GET /execution-parameters ")
            made = ((200, told, "") if told else (404, b"", "")) if is_get else answer(body)
            if made is None:
                connection.shutdown(socket.SHUT_RDWR)
                return
            status, text, headers = made
            connection.sendall(f"HTTP/1.1 {status} x\r\n{headers}Content-Length: {len(text)}\r\n\r\n".encode() + text)

        server = RawServer(script)
        servers.append(server)
        plan = Plan(samples=(sample,))
        probes = Probes(http, lambda: server.url, LIMITS, plan, Stop())
        work = work_of(plan, LIMITS)
        assert work is not None
        exchanges, parameters = BatchProbes(probes, http, lambda: server.url, LIMITS, work).run()
        return list(exchanges), parameters, server.requests

    yield run
    http.close()
    for server in servers:
        server.close()


def counts(exchanges: list[Exchange]) -> dict[str, tuple[int | None, int | None]]:
    return {item.probe: (item.records_sent, item.records) for item in exchanges}


def test_every_request_is_the_one_that_a_transform_makes(ask: Callable[..., Asked]) -> None:
    _, _, requests = ask(by_lines)
    head = requests[1].partition(b"\r\n\r\n")[0].lower()
    assert requests[0].startswith(b"GET /execution-parameters HTTP/1.1\r\n")
    assert all(b"host: 169.254.255.131:8080" in item.lower() for item in requests)
    assert all(b"user-agent: go-http-client/1.1" in item.lower() for item in requests)
    assert b"accept-encoding: gzip" in head and b"content-type: text/csv" in head
    assert b"\naccept:" not in head


def test_records_are_sent_in_every_spelling_and_their_answers_counted(ask: Callable[..., Asked]) -> None:
    exchanges, parameters, requests = ask(by_lines)
    full = 6 * MEBIBYTE // 2
    assert counts(exchanges) == {
        RECORDS: (4, 4),
        OTHER_END: (4, 4),
        ACCEPT: (4, 4),
        CRLF: (4, 4),
        BLANK_LINE: (5, 4),
        FULL: (full, full),
    }
    bodies = [item.partition(b"\r\n\r\n")[2] for item in requests[1:6]]
    assert bodies == [
        b"1\n2\n1\n2\n",
        b"1\n2\n1\n2",
        b"1\n2\n1\n2\n",
        b"1\r\n2\r\n1\r\n2\r\n",
        b"1\n\n2\n1\n2\n",
    ]
    assert parameters == ExecutionParameters(404)


@pytest.mark.parametrize(
    ("claim", "answer", "records"),
    [
        ("the last without its newline", csv(b"0\n0\n0\n0"), 4),
        ("one prediction", csv(b"0"), 1),
        ("nothing becomes an empty line, as a job writes it", csv(b""), 1),
        ("gzip", csv(gzip.compress(b"0\n0\n0\n0\n"), more="Content-Encoding: gzip\r\n"), 4),
        ("with parameters", (200, b"0\n0\n", "Content-Type: application/jsonlines; charset=utf-8\r\n"), 2),
        ("JSON", (200, b'{"predictions": [0, 0]}', "Content-Type: application/json\r\n"), None),
        ("no type", (200, b"0\n", ""), None),
    ],
)
def test_what_an_answer_adds_to_the_output_is_counted(
    claim: str, answer: Answer, records: int | None, ask: Callable[..., Asked]
) -> None:
    exchanges, _, _ = ask(lambda body: answer)
    assert (exchanges[0].probe, exchanges[0].records) == (RECORDS, records)


def test_gzip_that_is_none_is_no_answer(ask: Callable[..., Asked]) -> None:
    exchanges, _, _ = ask(lambda body: csv(b"0\n", more="Content-Encoding: gzip\r\n"))
    assert [item.status for item in exchanges] == [None]


def test_gzip_that_unpacks_without_end_is_no_answer(ask: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_probes, "LARGEST_ANSWER", MEBIBYTE)
    packed = gzip.compress(bytes(2 * MEBIBYTE))
    exchanges, _, _ = ask(lambda body: csv(packed, more="Content-Encoding: gzip\r\n"))
    assert [(item.status, item.fault) for item in exchanges] == [
        (None, f"the answer unpacks to more than {MEBIBYTE} bytes")
    ]


def test_nothing_more_is_asked_when_the_records_fail(ask: Callable[..., Asked]) -> None:
    exchanges, _, requests = ask(lambda body: csv(b"", 500))
    assert [(item.probe, item.status) for item in exchanges] == [(RECORDS, 500)]
    assert len(requests) == 2


def test_nothing_more_is_asked_after_a_request_without_an_answer(ask: Callable[..., Asked]) -> None:
    exchanges, _, _ = ask(lambda body: by_lines(body) if b"\r" not in body else None)
    assert [item.probe for item in exchanges] == [RECORDS, OTHER_END, ACCEPT, CRLF]
    assert exchanges[-1].status is None


def test_single_records_go_one_by_one_and_none_is_blank(ask: Callable[..., Asked]) -> None:
    told = b'{"BatchStrategy": "SINGLE_RECORD", "MaxConcurrentTransforms": 3}'
    exchanges, parameters, requests = ask(by_lines, told)
    assert [item.probe for item in exchanges] == [RECORDS] * 4 + [OTHER_END, ACCEPT] + [CRLF] * 4 + [AT_ONCE] * 3
    assert {(item.records_sent, item.records) for item in exchanges} == {(1, 1)}
    assert [item.partition(b"\r\n\r\n")[2] for item in requests[1:6]] == [b"1", b"2", b"1", b"2", b"2\n"]
    assert (parameters.strategy, parameters.concurrency) == ("SINGLE_RECORD", 3)


def test_what_is_proposed_is_filled_and_made_use_of_at_once(ask: Callable[..., Asked]) -> None:
    exchanges, _, _ = ask(by_lines, b'{"MaxPayloadInMB": 1, "MaxConcurrentTransforms": 2}')
    assert counts(exchanges)[FULL] == (MEBIBYTE // 2, MEBIBYTE // 2)
    assert [item.status for item in exchanges if item.probe == AT_ONCE] == [200, 200]


def test_a_full_request_that_is_refused_is_not_made_several_times_at_once(ask: Callable[..., Asked]) -> None:
    exchanges, _, _ = ask(
        lambda body: by_lines(body) if len(body) < 99 else csv(b"", 413),
        b'{"MaxPayloadInMB": 1, "MaxConcurrentTransforms": 2}',
    )
    assert (exchanges[-1].probe, exchanges[-1].status) == (FULL, 413)


def test_a_5xx_to_requests_at_once_is_tried_again_as_a_job_does(ask: Callable[..., Asked]) -> None:
    full = []

    def answer(body: bytes) -> Answer:
        if len(body) > 99:
            full.append(body)
        return csv(b"", 503) if len(full) in (2, 3) and len(body) > 99 else by_lines(body)

    exchanges, _, _ = ask(answer, b'{"MaxPayloadInMB": 1, "MaxConcurrentTransforms": 2}')
    assert [item.status for item in exchanges if item.probe == AT_ONCE] == [200, 200]
    assert len(full) == 1 + 2 + 2


def test_without_a_limit_bodies_are_chunked(ask: Callable[..., Asked]) -> None:
    exchanges, parameters, requests = ask(lambda body: csv(b"0\n" * 4), b'{"MaxPayloadInMB": 0}')
    assert parameters.payload_mb == 0
    assert all(re.search(rb"transfer-encoding: chunked", item, re.IGNORECASE) for item in requests[1:])
    assert exchanges[-1].probe == FULL


def test_records_longer_than_what_is_proposed_are_no_requests(ask: Callable[..., Asked]) -> None:
    sample = Sample(b"1" * (MEBIBYTE + 1) + b"\n", "text/csv")
    exchanges, parameters, _ = ask(by_lines, b'{"MaxPayloadInMB": 1}', sample)
    assert exchanges == []
    assert parameters.payload_mb == 1


def test_what_could_not_be_used_of_the_proposal_is_told(ask: Callable[..., Asked]) -> None:
    _, parameters, _ = ask(by_lines, b"[]")
    problem = "/execution-parameters answered no JSON object and counts as absent"
    assert parameters == ExecutionParameters(200, (problem,))


def test_accept_is_the_samples_own_or_the_type_of_its_records(ask: Callable[..., Asked]) -> None:
    for sample, wanted in ((CSV, "text/csv"), (replace(CSV, accept="application/jsonlines"), "application/jsonlines")):
        exchanges, _, requests = ask(by_lines, sample=sample)
        assert [item.accepts for item in exchanges if item.accepts] == [wanted]
        assert f"\naccept: {wanted}\r".encode() in requests[3].lower()


@pytest.mark.parametrize(
    ("types", "found"),
    [
        (("application/json", "text/csv"), 1),
        (("Application/JsonLines; charset=utf-8", "text/csv"), 0),
        (("application/json",), None),
        ((), None),
    ],
)
def test_the_records_are_those_of_the_first_sample_of_lines(types: tuple[str, ...], found: int | None) -> None:
    samples = [Sample(b"1\n", name) for name in types]
    assert first_by_lines(samples) == (None if found is None else samples[found])
    assert (work_of(Plan(samples=tuple(samples)), LIMITS) is None) is (found is None)


def test_a_sample_of_blank_lines_has_no_records() -> None:
    assert first_by_lines([Sample(b"\n \n", "text/csv")]) is None

"""InvokeEndpoint: headers there and back, limits, and what each answer of a container becomes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smlocal.engine.scripted import Answer, Request, ScriptedEngine
from smlocal.errors import ConnectionFailed, EngineError, InvalidRequest, ResponseTooLarge, TimedOut
from smlocal.hosting import HealthChecks, Invocation, ModelServer
from smlocal.hosting.invocation import FORWARDED, RETURNED, Endpoint
from smlocal.http_client import Headers, Response
from smlocal.settings import Limits

Make = Callable[..., ModelServer]
ENDPOINT = Endpoint("demo", "AllTraffic", "eu-west-1", "123456789012")
SEE = (
    "See https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
    "#logEventViewer:group=/aws/sagemaker/Endpoints/demo in account 123456789012 for more information."
)
TIMEOUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each"
    " container in Amazon CloudWatch, resolve the issue, and try again."
)


def pong(answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    return lambda request: Answer(200) if request.path == "/ping" else answer(request)


# headers

visible = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=1024)
other_names = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz-"), min_size=1).filter(
    lambda name: not name.startswith("x-amzn-sagemaker") and name not in ("content-type", "accept")
)


@given(
    st.dictionaries(st.sampled_from(FORWARDED), visible.filter(lambda text: len(text) <= 256)),
    st.dictionaries(other_names, visible),
    st.sampled_from([str, str.lower, str.upper]),
)
def test_the_apis_headers_reach_the_container_verbatim_and_no_others(
    known: dict[str, str], others: dict[str, str], case: Callable[[str], str]
) -> None:
    """Source: developer guide, your-algorithms-inference-code: SageMaker strips all POST headers but the API's."""
    given_headers = {case(name): value for name, value in {**others, **known}.items()}
    assert ENDPOINT.forwarded(given_headers) == known


@pytest.mark.parametrize(
    "name",
    ["Authorization", "Cookie", "X-Amz-Date", "User-Agent", "Host", "X-Amzn-SageMaker-Inference-Id"],
)
def test_what_is_meant_for_the_platform_stays_there(name: str) -> None:
    assert ENDPOINT.forwarded({name: "x", "X-Amzn-SageMaker-Target-Variant": "AllTraffic"}) == {}


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        (
            {"X-Amzn-SageMaker-Target-Model": "a.tar.gz"},
            "Endpoint demo is not a multi-model endpoint and does not support target model header.",
        ),
        (
            {"x-amzn-sagemaker-target-variant": "B"},
            "Endpoint demo has no production variant B; it has AllTraffic.",
        ),
        (
            {"X-Amzn-SageMaker-Inference-Component": "c"},
            "Endpoint demo does not support the header X-Amzn-SageMaker-Inference-Component.",
        ),
        (
            {"Content-Type": "a" * 1025},
            f"1 validation error detected: Value '{'a' * 1025}' at 'contentType' failed to satisfy constraint:"
            " Member must have length less than or equal to 1024",
        ),
        (
            {"X-Amzn-SageMaker-Custom-Attributes": "naïve"},
            "1 validation error detected: Value 'naïve' at 'customAttributes' failed to satisfy constraint:"
            " Member must satisfy regular expression pattern: \\p{ASCII}*",
        ),
    ],
)
def test_what_the_endpoint_does_not_take_is_refused_by_name(headers: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        ENDPOINT.forwarded(headers)
    assert str(raised.value) == text


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_no_header_can_smuggle_a_line(value: str) -> None:
    try:
        forwarded = ENDPOINT.forwarded({"Accept": value})["Accept"]
    except InvalidRequest:
        assert any(not (" " <= letter <= "~" or letter == "\t") for letter in value) or len(value) > 1024
    else:
        assert forwarded == value
        assert not set(value) & set("\r\n\0")


@given(st.dictionaries(st.sampled_from([*RETURNED, "Server", "Set-Cookie", "X-Other"]), visible), st.binary())
def test_the_listed_headers_and_every_byte_come_back(headers: dict[str, str], body: bytes) -> None:
    answer = Response(200, "OK", Headers(tuple((name.lower(), value) for name, value in headers.items())), body)
    invocation = ENDPOINT.answered(answer, 0.1)
    assert invocation.ok and invocation.status == 200 and invocation.body == body
    assert dict(invocation.headers.pairs) == {name: value for name, value in headers.items() if name in RETURNED}


def test_the_container_sees_the_platforms_own_headers_and_the_callers(host: Make) -> None:
    """Observed in containers' logs: `AHC/2.0` and `model.aws.local:8080`."""
    seen: list[Request] = []
    sent = {"Content-Type": "text/csv", "Accept": "application/json", "X-Amzn-SageMaker-Custom-Attributes": "c000b4f9"}

    def handler(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, b"ok", {"Content-Type": "text/plain", "X-Other": "1"})

    with host(pong(handler)) as server:
        invocation = server.invoke(b"1,2\n", {**sent, "Authorization": "secret"})
    assert seen[0].method == "POST" and seen[0].path == "/invocations" and seen[0].body == b"1,2\n"
    expected = {**sent, "Host": "model.aws.local:8080", "User-Agent": "AHC/2.0", "Content-Length": "4"}
    assert {name.lower(): value for name, value in seen[0].headers} == {
        name.lower(): value for name, value in expected.items()
    }
    assert invocation.headers.pairs == (("Content-Type", "text/plain"),)


def test_an_invocation_without_headers_gets_none_of_ours(host: Make) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Answer:
        seen.append(request)
        return Answer(204)

    with host(pong(handler)) as server:
        assert server.invoke(b"", {}).status == 200
    assert not {name.lower() for name, _ in seen[0].headers} & {"content-type", "accept", "accept-encoding"}


# answers


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_success_is_200(status: int) -> None:
    assert ENDPOINT.answered(Response(status, "", Headers(()), b""), 0).status == 200


@pytest.mark.parametrize(
    ("status", "side", "code"),
    [
        (400, "client", "CLIENT_ERROR_FROM_MODEL"),
        (404, "client", "CLIENT_ERROR_FROM_MODEL"),
        (415, "client", "CLIENT_ERROR_FROM_MODEL"),
        (500, "server", None),
        (503, "server", None),
        (302, "server", None),
    ],
)
def test_an_error_of_the_container_is_a_model_error(status: int, side: str, code: str | None) -> None:
    """Source: texts seen by users; keys of the body as seen on the wire."""
    invocation = ENDPOINT.answered(Response(status, "", Headers(()), b'{"error": "bad"}'), 0)
    assert invocation.status == 424
    assert invocation.headers["x-amzn-ErrorType"] == "ModelError"
    expected: dict[str, Any] = {
        "LogStreamArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/sagemaker/Endpoints/demo",
        "Message": f'Received {side} error ({status}) from primary with message "{{"error": "bad"}}". {SEE}',
        "OriginalMessage": '{"error": "bad"}',
        "OriginalStatusCode": status,
    }
    assert json.loads(invocation.body) == ({"ErrorCode": code, **expected} if code else expected)


@given(st.binary(max_size=20000))
@example(b"x" * 2049)
@example("\N{OLD PERSIAN SIGN AURAMAZDAA}".encode() * 2049)
def test_the_original_message_is_the_first_2048_characters(body: bytes) -> None:
    """API: Message is at most 2,048 characters long."""
    failure = ENDPOINT.answered(Response(500, "", Headers(()), body), 0).failure
    assert failure is not None and failure.original_message is not None
    assert failure.original_message == body.decode("utf-8", "replace")[:2048]
    assert failure.original_message in failure.message
    assert json.loads(failure.document())["OriginalMessage"] == failure.original_message


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimedOut("x"), TIMEOUT),
        (ConnectionFailed("x"), "The connection to container primary broke before it had answered."),
        (ResponseTooLarge("x"), "The response of container primary is longer than 25 MiB."),
    ],
)
def test_no_answer_is_a_model_error_with_status_0(error: ConnectionFailed, text: str) -> None:
    invocation = ENDPOINT.unanswered(error, 25 * 1024 * 1024, 60.0)
    assert invocation.status == 424 and invocation.failure is not None
    assert invocation.failure.original_status == 0
    assert invocation.failure.message == f'Received server error (0) from primary with message "{text}". {SEE}'


# limits, with a real connection


def test_an_invocation_past_the_limit_times_out_in_sagemakers_words(host: Make) -> None:
    """Source: developer guide, your-algorithms-inference-code: 60 s."""
    release = threading.Event()

    def handler(request: Request) -> Answer:
        release.wait(5)
        return Answer(200)

    with host(pong(handler)) as server:
        invocation = server.invoke(b"", {})
        release.set()
    assert invocation.failure is not None and invocation.failure.original_message == TIMEOUT
    assert 0.35 <= invocation.seconds < 2


@pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 413)])
def test_a_body_over_the_limit_never_reaches_the_container(host: Make, echo: Any, size: int, status: int) -> None:
    with host(echo) as server:
        invocation = server.invoke(bytes(size), {})
        assert invocation.status == status
        if status == 413:
            assert invocation.body == b"HTTP content length exceeded 69632 bytes."
            assert server.evidence().invocations == 0
        else:
            assert invocation.body == bytes(size)


def test_an_answer_over_the_limit_is_a_model_error(host: Make) -> None:
    with host(pong(lambda request: Answer(200, bytes(64 * 1024 + 1)))) as server:
        assert failure_text(server.invoke(b"", {})) == "The response of container primary is longer than 0.0625 MiB."


def hang_up(request: Request) -> Answer:
    raise ConnectionResetError


def short(request: Request) -> Answer:
    return Answer(200, b"four", {"Content-Length": "5", "Connection": "close"})


@pytest.mark.parametrize("handler", [hang_up, short])
def test_a_broken_connection_is_a_model_error(host: Make, handler: Callable[[Request], Answer]) -> None:
    with host(pong(handler)) as server:
        invocation = server.invoke(b"", {})
    assert failure_text(invocation) == "The connection to container primary broke before it had answered."


def failure_text(invocation: Invocation) -> str | None:
    assert invocation.failure is not None and invocation.failure.original_status == 0
    return invocation.failure.original_message


@pytest.fixture
def garbage() -> Iterator[str]:
    """A server that does not speak HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"+OK hello\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(5)
    listener.close()


def test_an_answer_that_is_no_http_is_a_model_error(host: Make, echo: Any, garbage: str) -> None:
    with host(echo) as server:
        server._container._address = ("127.0.0.1", int(garbage.rpartition(":")[2]))
        assert failure_text(server.invoke(b"", {})) is not None


def test_invocations_from_many_threads_keep_to_themselves(host: Make, echo: Any) -> None:
    bodies = [f"row {number}".encode() * 100 for number in range(64)]
    with host(echo) as server:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda body: server.invoke(body, {}).body, bodies))
        assert answers == bodies
        assert server.evidence().invocations == 64
        assert server.evidence().model_errors == 0


def test_no_invocation_reaches_a_container_before_its_first_healthy_ping(host: Make) -> None:
    """An endpoint that is still Creating answers with a ValidationError; its text is ours."""
    pinged, go_on, seen = threading.Event(), threading.Event(), []

    def handler(request: Request) -> Answer:
        seen.append(request.path)
        pinged.set()
        return Answer(200 if go_on.is_set() else 503)

    server = host(handler, checks=HealthChecks.of_endpoints(Limits()))
    before = server.invoke(b"", {})
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(server.start)
        assert pinged.wait(10)
        meanwhile = server.invoke(b"", {})
        go_on.set()
        assert starting.result(10)
    for invocation in (before, meanwhile):
        assert (invocation.status, invocation.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
        assert b"still being created" in invocation.body
    assert "/invocations" not in seen
    assert server.evidence().invocations == 0
    assert server.invoke(b"", {}).status == 200


def test_a_container_that_the_engine_cannot_find_is_unavailable(host: Make, engine: ScriptedEngine, echo: Any) -> None:
    with host(echo) as server:
        server._container._address = None
        engine.fail("state", EngineError("no such container"))
        invocation = server.invoke(b"", {})
        assert (invocation.status, invocation.headers["x-amzn-ErrorType"]) == (503, "ServiceUnavailable")
        assert b"no such container" in invocation.body
        assert server.evidence().model_errors == 0

"""Endpoints at work on the real engine: the reference image, and broken containers with SageMaker's exact texts.

Sources: developer guide, your-algorithms-inference-code and hosting-faqs; API reference, InvokeEndpoint.
"""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.hosting.real_endpoints import IRIS, PING, Endpoints, NewEndpoints, failure_of, model_error

from smlocal.hosting.invocation import RETURNED
from smlocal.settings import MEBIBYTE

pytestmark = pytest.mark.engine

TIMEOUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each"
    " container in Amazon CloudWatch, resolve the issue, and try again."
)


def message(name: str, side: str, status: int, text: str) -> str:
    return (
        f'Received {side} error ({status}) from primary with message "{text}". See'
        " https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        f"#logEventViewer:group=/aws/sagemaker/Endpoints/{name} in account 000000000000 for more information."
    )


# the reference image


@pytest.mark.parametrize("isolated", [False, True])
def test_the_reference_image_serves_its_model(
    endpoints: Endpoints, sklearn_image: str, iris_model: bytes, isolated: bool
) -> None:
    rows = [line.split(",", 1) for line in IRIS.read_text().splitlines()]
    body = "\n".join(features for _, features in rows).encode()
    options = {"image": sklearn_image, "archive": iris_model, "instance_type": "ml.m5.large", "isolated": isolated}
    with endpoints.serve("", **options) as server:
        answer = server.invoke(body, {"Content-Type": "text/csv", "Accept": "text/csv"})
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"].startswith("text/csv")
        predicted = answer.body.decode().split()
        assert sum(a == label for a, (label, _) in zip(predicted, rows, strict=True)) >= 135
        error = model_error(server.invoke(b"<a/>", {"Content-Type": "application/xml"}))
        assert error["OriginalStatusCode"] == 415
    evidence = server.evidence()
    assert evidence.model_given and not evidence.killed_after_grace
    assert evidence.exit_code == 0
    assert (evidence.invocations, evidence.model_errors) == (2, 1)


def test_the_reference_image_takes_the_longest_body(
    endpoints: Endpoints, sklearn_image: str, iris_model: bytes
) -> None:
    """Source: developer guide, hosting-faqs: 25 MB."""
    row = b"5.1,3.5,1.4,0.2\n"
    body = row * (25 * MEBIBYTE // len(row))
    assert len(body) == 25 * MEBIBYTE
    with endpoints.serve("", image=sklearn_image, archive=iris_model) as server:
        answer = server.invoke(body, {"Content-Type": "text/csv", "Accept": "text/csv"})
        assert answer.status == 200
        assert answer.body.count(b"\n") >= 25 * MEBIBYTE // len(row) - 1
        refused = server.invoke(body + b"\n", {"Content-Type": "text/csv"})
        assert (refused.status, refused.body) == (413, b"HTTP content length exceeded 26218496 bytes.")


def test_the_reference_image_without_a_model_is_told(endpoints_with: NewEndpoints, sklearn_image: str) -> None:
    failure = failure_of(endpoints_with(start_window=4).serve("", image=sklearn_image))
    assert failure.failure_reason == PING


# what a container sees


def test_what_a_model_container_sees(endpoints: Endpoints, iris_model: bytes) -> None:
    """Source: developer guide, your-algorithms-inference-code; the host name was observed."""
    with endpoints.serve("probe", archive=iris_model) as server:
        seen = json.loads(server.invoke(b"", {}).body)
    assert (seen["process"]["pid"], seen["process"]["hostname"]) == (1, "model.aws.local")
    assert seen["stdio"]["tty"] == [False, False, False]
    assert seen["environment"]["SAGEMAKER_BIND_TO_PORT"] == "8080"
    assert seen["environment"]["AWS_REGION"] == "us-east-1"
    files = {path for path, entry in seen["optml"].items() if entry["kind"] == "file"}
    assert files and all(path.startswith("/opt/ml/model/") for path in files)
    assert all(entry["uid"] == 0 for entry in seen["optml"].values())
    assert seen["writable"]["/opt/ml/model"] is False, "source: developer guide: do not write to /opt/ml/model"


def test_a_container_without_model_data_has_nothing_mounted(endpoints: Endpoints) -> None:
    with endpoints.serve("probe") as server:
        seen = json.loads(server.invoke(b"", {}).body)
    assert not [mount for mount in seen["mounts"] if "/opt/ml" in mount]


def test_an_isolated_container_reaches_nothing_and_is_reached(endpoints: Endpoints) -> None:
    with endpoints.serve("probe", isolated=True) as server:
        seen = json.loads(server.invoke(b"", {}).body)
    assert not [name for name in seen["environment"] if name.startswith("AWS_")]
    states = {name: found["state"] for name, found in seen["reach"].items() if name != "gateway"}
    assert states and not set(states.values()) & {"answered", "refused", "resolved"}, states


def test_an_invocation_arrives_as_the_platform_sends_it(endpoints: Endpoints) -> None:
    """Observed in containers' logs until 2021: the agent and the host."""
    sent = {"Content-Type": "text/csv", "Accept": "application/json", "X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}
    with endpoints.serve("echo") as server:
        answer = server.invoke(b"1,2", {**sent, "Authorization": "secret", "Cookie": "a=b"})
    seen = json.loads(answer.body)
    assert (seen["method"], seen["path"], seen["length"]) == ("POST", "/invocations", 3)
    expected = {**sent, "Host": "model.aws.local:8080", "User-Agent": "AHC/2.0", "Content-Length": "3"}
    assert {name.lower(): value for name, value in seen["headers"]} == {
        name.lower(): value for name, value in expected.items()
    }
    assert answer.headers["X-Amzn-SageMaker-New-Session-Id"] == "session-1; Expires=2030-01-01T00:00:00Z"
    assert {name for name, _ in answer.headers.pairs} <= set(RETURNED)


def test_bytes_and_attributes_go_through_untouched(endpoints: Endpoints) -> None:
    with endpoints.serve("echo") as server:

        @hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.binary(max_size=300_000), st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
        def exchange(body: bytes, attributes: str) -> None:
            answer = server.invoke(body, {"X-Amzn-SageMaker-Custom-Attributes": attributes})
            seen = json.loads(answer.body)
            assert (seen["length"], seen["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
            assert answer.headers["X-Amzn-SageMaker-Custom-Attributes"] == f"echo={attributes}"

        exchange()


def test_no_custom_attributes_are_made_up(endpoints: Endpoints) -> None:
    with endpoints.serve("echo") as server:
        assert "X-Amzn-SageMaker-Custom-Attributes" not in server.invoke(b"", {}).headers


# containers that fail at their work


@pytest.mark.parametrize(
    ("fault", "side", "status", "text"),
    [
        ("invocation_500", "server", 500, "The model has fallen over."),
        ("invocation_400", "client", 400, "The input is not to my taste."),
    ],
)
def test_an_error_of_the_container_is_a_model_error(
    endpoints: Endpoints, fault: str, side: str, status: int, text: str
) -> None:
    with endpoints.serve(fault) as server:
        error = model_error(server.invoke(b"1\n", {"Content-Type": "text/csv"}))
    original = error["OriginalMessage"]
    assert original.startswith(text)
    assert error["OriginalStatusCode"] == status
    assert error["Message"] == message(server.model.name, side, status, original)
    assert error["LogStreamArn"] == (
        f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/{server.model.name}"
    )


def test_of_a_huge_complaint_2048_characters_are_kept(endpoints: Endpoints) -> None:
    with endpoints.serve("huge_error_body") as server:
        error = model_error(server.invoke(b"", {}))
    assert len(error["OriginalMessage"]) == 2048
    assert error["OriginalMessage"].startswith("000000 the same complaint")


def test_a_container_that_hangs_past_the_limit_times_out(endpoints_with: NewEndpoints) -> None:
    with endpoints_with(invocation_timeout=1).serve("invocation_hangs") as server:
        answer = server.invoke(b"1\n", {})
        error = model_error(answer)
    assert 1 <= answer.seconds < 3
    assert error["OriginalStatusCode"] == 0
    assert error["OriginalMessage"] == TIMEOUT
    assert error["Message"] == message(server.model.name, "server", 0, TIMEOUT)


@pytest.mark.parametrize(
    ("fault", "code"), [("drops_connection", None), ("exits_on_invocation", 9), ("fills_memory", 137)]
)
def test_a_broken_connection_is_a_model_error(endpoints: Endpoints, fault: str, code: int | None) -> None:
    exited = threading.Event()

    def on_state(state: str) -> None:
        if state == "exited":
            exited.set()

    with endpoints.serve(fault, on_state=on_state, memory=256 * MEBIBYTE) as server:
        error = model_error(server.invoke(b"1\n", {}))
        assert error["OriginalStatusCode"] == 0
        assert error["OriginalMessage"] == "The connection to container primary broke before it had answered."
        if code is not None:
            assert exited.wait(30), "the exit is noticed at once"
            assert server.invoke(b"", {}).status == 503
    evidence = server.evidence()
    assert evidence.exited_by_itself is (code is not None)
    if code is not None:
        assert evidence.exit_code == code
        assert evidence.out_of_memory is (fault == "fills_memory")


def test_a_container_that_falls_sick_is_noticed(endpoints_with: NewEndpoints) -> None:
    sick = threading.Event()

    def on_state(state: str) -> None:
        if state == "unhealthy":
            sick.set()

    with endpoints_with(ping_interval=0.1).serve("sick_after_first_invocation", on_state=on_state) as server:
        assert server.healthy
        server.invoke(b"", {})
        assert sick.wait(10)
        assert not server.healthy
    assert server.evidence().longest_miss >= 5


def test_a_container_that_ignores_sigterm_is_killed(endpoints_with: NewEndpoints) -> None:
    """Source: developer guide, your-algorithms-inference-code: 30 s, here 1 s."""
    with endpoints_with(serving_stop_grace=1).serve("ignores_sigterm") as server:
        assert server.invoke(b"1\n", {}).status == 200
    evidence = server.evidence()
    assert evidence.killed_after_grace
    assert (evidence.exit_code, evidence.exited_by_itself) == (137, False)
    assert evidence.stop_seconds is not None and 1 <= evidence.stop_seconds < 10
    assert evidence.scaled_limits == ("serving_stop_grace=1",)


def test_many_invocations_at_once_keep_apart(endpoints: Endpoints) -> None:
    bodies = [bytes([number]) * (number + 1) * 100 for number in range(40)]
    with endpoints.serve("echo") as server, ThreadPoolExecutor(8) as pool:
        answers = [json.loads(answer.body) for answer in pool.map(lambda body: server.invoke(body, {}), bodies)]
    assert [answer["sha256"] for answer in answers] == [hashlib.sha256(body).hexdigest() for body in bodies]

"""`docker run smlocal/sklearn serve`, on a real engine and over real HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]

NewBox = Callable[..., Any]
Train = Callable[..., bytes]
MODEL = "/opt/ml/model/model.joblib"
MIB = 2**20
# Predicts after as many seconds as the first feature says.
SLOW_ESTIMATOR = b"""
import threading
from sklearn.dummy import DummyClassifier

HYPERPARAMETERS = {}

class Slow(DummyClassifier):
    def predict(self, x):
        threading.Event().wait(float(x[0][0]))
        return super().predict(x)

    def score(self, x, y):
        return 1.0

def build(values):
    return Slow()
"""


@pytest.fixture(scope="module")
def server(shared_box: NewBox, sklearn_image: str, train_model: Train) -> Any:
    """A healthy server that several tests share."""
    return shared_box(sklearn_image, ["serve"], {MODEL: train_model()}).start().wait_healthy()


@pytest.fixture
def slow_server(new_box: NewBox, sklearn_image: str, train_model: Train) -> Callable[..., Any]:
    """A server whose predictions take as long as the request asks."""

    def start(**environment: str) -> Any:
        files = {MODEL: train_model(SLOW_ESTIMATOR), "/opt/program/iris/estimator.py": SLOW_ESTIMATOR}
        return new_box(sklearn_image, ["serve"], files, environment=environment).start().wait_healthy()

    return start


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda rows: rows, id="with a final newline"),
        pytest.param(lambda rows: rows.rstrip(b"\n"), id="without a final newline"),
        pytest.param(lambda rows: rows.replace(b"\n", b"\r\n"), id="with CRLF"),
    ],
)
def test_150_records_get_150_predictions(
    server: Any, iris_csv: bytes, iris_features: bytes, edit: Callable[[bytes], bytes]
) -> None:
    reply = server.invoke(edit(iris_features))
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert reply.text.endswith("\n")
    truth = [line.split(b",")[0].decode() for line in iris_csv.splitlines()]
    answers = reply.text.splitlines()
    assert len(answers) == 150
    assert sum(answer == label for answer, label in zip(answers, truth, strict=True)) >= 145


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("application/jsonlines", "application/jsonlines"),
        ("application/jsonlines;q=0.2, text/*;q=0.9", "text/csv; charset=utf-8"),
        ("*/*", "text/csv; charset=utf-8"),
    ],
)
def test_accept_decides_the_answers_type(server: Any, accept: str, content_type: str) -> None:
    reply = server.invoke(b"5.1,3.5,1.4,0.2\n", accept=accept)
    assert (reply.status, reply.headers["Content-Type"]) == (200, content_type)
    if "json" in content_type:
        document = json.loads(reply.body)
        answer = document["predictions"][0] if content_type == "application/json" else document
        assert answer == {"predicted_label": 0, "score": [1.0, 0.0, 0.0]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"instances":[{"features":[5.1,3.5,1.4,0.2]}]}', "application/json"),
        (b"[5.1,3.5,1.4,0.2]\n", "application/jsonlines"),
    ],
)
def test_json_and_json_lines_come_in(server: Any, body: bytes, content_type: str) -> None:
    assert server.invoke(body, content_type, "text/csv").body == b"0\n"


@pytest.mark.parametrize(
    ("body", "content_type", "accept", "status", "words"),
    [
        (b"1,2,3,4", "image/png", None, 415, "Content type 'image/png' is not known"),
        (b"1,2,3,4", None, None, 415, "The Content-Type header is missing"),
        (b"1,2,3,4", "text/csv", "image/png", 406, "Nothing in Accept 'image/png'"),
        (b"1,2,3,boom", "text/csv", None, 400, "Line 1, field 4: 'boom' is not a number."),
        (b"1,2", "text/csv", None, 400, "Each record needs 4 features; these have 2."),
        (b"", "text/csv", None, 400, "The body holds no records."),
        (b"{", "application/json", None, 400, "The body is not JSON"),
    ],
)
def test_a_bad_request_gets_its_status_and_a_sentence(
    server: Any, body: bytes, content_type: str | None, accept: str | None, status: int, words: str
) -> None:
    reply = server.invoke(body, content_type, accept)
    assert (reply.status, reply.text.startswith(words)) == (status, True), reply.text


def test_unknown_headers_and_a_chunked_body_do_no_harm(server: Any) -> None:
    headers = {"Content-Type": "text/csv", "X-Amzn-SageMaker-Custom-Attributes": "a=b", "X-Odd": "1"}
    reply = server.request("POST", "/invocations", iter([b"5.1,3.5,", b"1.4,0.2\n"]), headers)
    assert (reply.status, reply.body) == (200, b"0\n")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ping_answers_both_methods(server: Any, method: str) -> None:
    assert server.request(method, "/ping").status == 200


def test_batch_transform_is_told_how_many_requests_at_once(server: Any) -> None:
    reply = server.request("GET", "/execution-parameters")
    advice = json.loads(reply.body)
    assert (reply.status, advice["BatchStrategy"], advice["MaxPayloadInMB"]) == (200, "MULTI_RECORD", 6)
    assert advice["MaxConcurrentTransforms"] >= 1


def test_another_path_is_not_found(server: Any) -> None:
    assert server.request("GET", "/models").status == 404


def test_every_request_is_logged_at_once(server: Any) -> None:
    server.request("GET", "/execution-parameters", headers={"User-Agent": "a-test"})
    server.wait_for_log(' "a-test"', seconds=2)
    line = next(line for line in server.logs(stderr=False).splitlines() if line.endswith(' "a-test"'))
    assert '"GET /execution-parameters HTTP/1.1" 200 ' in line


def test_a_body_of_25_mib_is_predicted_and_ping_does_not_wait_for_it(server: Any) -> None:
    row = b"5.1,3.5,1.4,0.2\n"
    count = 25 * MIB // len(row)
    with ThreadPoolExecutor(4) as pool:
        replies = [pool.submit(server.invoke, row * count, seconds=120) for _ in range(4)]
        slowest = max(_seconds_of_ping(server) for _ in _until(replies))
    assert slowest < 2
    for reply in replies:
        assert reply.result().status == 200
        assert reply.result().body == b"0\n" * count


def _until(futures: list[Any]) -> Iterator[None]:
    while not all(future.done() for future in futures):
        yield


def _seconds_of_ping(box: Any) -> float:
    began = time.monotonic()
    assert box.ping(seconds=10).status == 200
    return time.monotonic() - began


def test_a_body_above_the_limit_is_refused_with_413(new_box: NewBox, sklearn_image: str, train_model: Train) -> None:
    environment = {"MODEL_SERVER_MAX_BODY_MB": "1"}
    box = new_box(sklearn_image, ["serve"], {MODEL: train_model()}, environment=environment).start().wait_healthy()
    assert box.invoke(b"1,2,3,4\n" * (MIB // 8)).status == 200
    reply = box.invoke(b"1,2,3,4\n" * (MIB // 8 + 1))
    assert (reply.status, reply.text) == (413, "The body is larger than 1m.\n")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_ping_answers_while_every_worker_is_busy(slow_server: Callable[..., Any], workers: str) -> None:
    box = slow_server(MODEL_SERVER_WORKERS=workers)
    with ThreadPoolExecutor(8) as pool:
        replies = [pool.submit(box.invoke, b"3,0,0,0\n") for _ in range(2 * int(workers))]
        slowest = max(_seconds_of_ping(box) for _ in _until(replies))
    assert slowest < 2
    assert [reply.result().status for reply in replies] == [200] * len(replies)
    assert box.logs().count("Booting worker") == int(workers)


def test_a_prediction_beyond_the_time_limit_is_given_up_and_the_server_lives_on(
    slow_server: Callable[..., Any],
) -> None:
    box = slow_server(MODEL_SERVER_WORKERS="1", MODEL_SERVER_TIMEOUT="1")
    assert box.invoke(b"30,0,0,0\n").status in (503, 504)
    # its only worker is killed and started again, which takes longer than the limit of one request
    box.wait_healthy()
    deadline = time.monotonic() + 60
    while (status := box.invoke(b"0,0,0,0\n").status) != 200 and time.monotonic() < deadline:
        assert status in (503, 504)
    assert status == 200


def test_sigterm_ends_an_idle_server_at_once_and_well(new_box: NewBox, sklearn_image: str, train_model: Train) -> None:
    box = new_box(sklearn_image, ["serve"], {MODEL: train_model()}).start().wait_healthy()
    idle = http.client.HTTPConnection(*box.address(), timeout=5)
    try:
        idle.request("GET", "/ping")
        idle.getresponse().read()
        code, seconds = box.stop(grace=30)
    finally:
        idle.close()
    assert (code, seconds < 5) == (0, True), (seconds, box.logs())


def test_sigterm_lets_a_running_request_finish(slow_server: Callable[..., Any]) -> None:
    box = slow_server(MODEL_SERVER_WORKERS="1")
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(box.invoke, b"5,0,0,0\n")
        assert not reply.done()
        time_to_arrive = time.monotonic() + 0.5
        while time.monotonic() < time_to_arrive:
            box.ping()
        code, seconds = box.stop(grace=30)
        assert reply.result().status == 200
    assert (code, seconds < 8) == (0, True), box.logs()


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({}, "Not healthy: There is no model at /opt/ml/model/model.joblib."),
        ({MODEL: b"not a model"}, "Not healthy: The model at /opt/ml/model/model.joblib cannot be loaded: "),
    ],
)
def test_without_a_model_it_runs_unhealthy_and_says_why(
    new_box: NewBox, sklearn_image: str, files: dict[str, bytes], complaint: str
) -> None:
    box = new_box(sklearn_image, ["serve"], files, volumes=["/opt/ml/model"] if files else []).start()
    box.wait_for_log("Booting worker")
    assert complaint in box.logs(stdout=False)
    assert box.ping().status == 503
    reply = box.invoke(b"1,2,3,4\n")
    assert (reply.status, reply.text.startswith(complaint.removeprefix("Not healthy: "))) == (503, True), reply.text


def test_a_read_only_system_a_foreign_user_and_no_network_are_enough(
    new_box: NewBox, docker_client: Any, sklearn_image: str, train_model: Train
) -> None:
    volume = docker_client.volumes.create(labels={"smlocal-test": "box"})
    try:
        mount = {volume.name: {"bind": "/opt/ml/model", "mode": "rw"}}
        new_box(sklearn_image, ["true"], {MODEL: train_model()}, volumes=mount)
        mount[volume.name]["mode"] = "ro"
        options = {"user": "12345:12345", "read_only": True, "tmpfs": {"/tmp": ""}, "network_mode": "none"}
        box = new_box(sklearn_image, ["serve"], volumes=mount, **options).start()
        box.wait_for_log("Booting worker")
        code, output = box.run_inside(
            ["python", "-c", "from urllib.request import urlopen as u; print(u('http://localhost:8080/ping').status)"]
        )
        assert (code, output) == (0, "200\n"), box.logs()
        assert box.stop()[0] == 0
        assert box.logs().count("Permission denied") == 0
    finally:
        new_box.remove_all()
        volume.remove()


def test_another_port_is_bound_when_the_platform_says_so(
    new_box: NewBox, sklearn_image: str, train_model: Train
) -> None:
    environment = {"SAGEMAKER_BIND_TO_PORT": "8123"}
    ports = {"8080/tcp": ("127.0.0.1", None), "8123/tcp": ("127.0.0.1", None)}
    box = new_box(sklearn_image, ["serve"], {MODEL: train_model()}, environment=environment, ports=ports).start()
    box.wait_for_log("Booting worker")
    assert box.request("GET", "/ping", port=8123).status == 200


@pytest.mark.parametrize("name", ["MODEL_SERVER_WORKERS", "MODEL_SERVER_TIMEOUT"])
def test_an_unusable_setting_ends_it_with_a_sentence(new_box: NewBox, sklearn_image: str, name: str) -> None:
    box = new_box(sklearn_image, ["serve"], environment={name: "many"}).start()
    assert box.wait() == 1
    assert box.logs() == f"Cannot serve: {name} is 'many'; it must be a whole number of at least 1.\n"


@pytest.mark.parametrize(("victim", "signal"), [("nginx", "KILL"), ("gunicorn", "KILL")])
def test_the_container_ends_when_one_of_its_servers_does(
    new_box: NewBox, sklearn_image: str, train_model: Train, victim: str, signal: str
) -> None:
    box = new_box(sklearn_image, ["serve"], {MODEL: train_model()}).start().wait_healthy()
    find = (
        "import os, signal, sys; from pathlib import Path\n"
        "for path in Path('/proc').glob('[0-9]*'):\n"
        "    ppid = path.joinpath('stat').read_text().rsplit(')', 1)[1].split()[1]\n"
        f"    if ppid == '1' and b'{victim}' in path.joinpath('cmdline').read_bytes():\n"
        f"        os.kill(int(path.name), signal.SIG{signal})\n"
    )
    assert box.run_inside(["python", "-c", find])[0] == 0
    assert box.wait(10) == 1
    assert f"{victim} ended by itself" in box.logs(stdout=False)

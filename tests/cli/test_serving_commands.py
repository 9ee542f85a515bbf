"""`smlocal serve` and `smlocal invoke` on real containers."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Said, read_until
from tests.raw_server import RawServer

pytestmark = pytest.mark.engine

Start = Callable[..., "subprocess.Popen[str]"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ask(command: Callable[..., Any]) -> Callable[..., Said]:
    """Run a command to its end, with what it reads on standard input."""

    def run(*words: str, stdin: bytes = b"") -> Said:
        process = command(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=120)
        return Said(process.returncode, out.decode(), err.decode())

    return run


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[RawServer]:
    """A server with one answer to everything."""
    head = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\nLocation: /\r\n\r\n".encode()
    server = RawServer(lambda connection, request: connection.sendall(head + body))
    yield server
    server.close()


def serve(start: Start, *words: str) -> tuple[subprocess.Popen[str], str]:
    """A running endpoint and its address."""
    process = start("serve", *words, "--port", "0")
    # a line of the container's may stand before it: both streams are one pipe here
    return process, read_until(process, "serving at http").partition("serving at ")[2].split()[0]


def description(tmp_path: Path) -> dict[str, Any]:
    [path] = (tmp_path / "state/jobs").glob("endpoint/*/description.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_trained_model_is_served_and_invoked(
    start: Start, ask: Callable[..., Said], sklearn_image: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "fixtures/iris.csv", tmp_path / "data/iris.csv")
    trained = ask(
        "train", sklearn_image, "--channel", "train=data,content-type=text/csv", "--output", "out", "--job-name", "iris"
    )
    assert trained.code == 0, trained
    process, url = serve(start, sklearn_image, "--model", "out/iris/output/model.tar.gz")
    answer = ask("invoke", url, "--body", "-", "--content-type", "text/csv", stdin=b"5.1,3.5,1.4,0.2\n")
    assert (answer.code, answer.err) == (0, "")
    assert float(answer.out) == 0
    answer = ask(
        "invoke", url, "--body", "-", "--content-type", "text/csv", "--accept", "application/json", "--format", "json",
        stdin=b"5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n",
    )  # fmt: skip
    assert answer.json["status"] == 200
    assert answer.json["content_type"].startswith("application/json")
    json.loads(answer.json["body"])
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_accept_and_the_payload_arrive_as_they_were_given(
    start: Start, ask: Callable[..., Said], broken_image: str, tmp_path: Path
) -> None:
    process, url = serve(start, broken_image, "--env", "FAULT=echo", "--network-isolation")
    (tmp_path / "body").write_bytes(b"\x00\xff" * 50_000)
    answer = ask("invoke", url, "--body", "body", "--content-type", "application/x-mine", "--accept", "text/x-yours")
    assert answer.code == 0, answer
    told = json.loads(answer.out)
    headers = {name.lower(): value for name, value in told["headers"]}
    assert (headers["content-type"], headers["accept"]) == ("application/x-mine", "text/x-yours")
    assert told["length"] == 100_000
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert description(tmp_path)["EndpointStatus"] == "Deleting"


def test_an_invocation_that_fails_is_exit_1_with_the_answer(
    start: Start, ask: Callable[..., Said], broken_image: str
) -> None:
    _, url = serve(start, broken_image, "--env", "FAULT=invocation_400")
    answer = ask("invoke", url, "--body", "-", "--content-type", "text/csv", stdin=b"x")
    assert answer.code == 1
    assert "The input is not to my taste." in answer.out
    assert "smlocal: the endpoint answered 424" in answer.err


@pytest.mark.parametrize("quiet", [True, False])
def test_why_an_endpoint_did_not_come_up_is_told_once_and_kept(
    ask: Callable[..., Said], broken_image: str, tmp_path: Path, quiet: bool
) -> None:
    said = ask("serve", broken_image, "--env", "FAULT=exits_while_starting", "--port", "0", *["-q"] * quiet)
    assert said.code == 1
    line = "ImportError: there is no module named 'inference'\n"
    assert (said.out + said.err).count(line) == 1
    assert (f"container: {line}" in said.err) is quiet
    assert "did not pass the ping health check" in said.err
    kept = description(tmp_path)
    assert kept["EndpointStatus"] == "Failed"
    assert kept["FailureReason"].startswith("The primary container for production variant AllTraffic did not pass")


def test_an_endpoint_whose_container_ended_is_kept_as_failed(
    start: Start, ask: Callable[..., Said], broken_image: str, tmp_path: Path
) -> None:
    process, url = serve(start, broken_image, "--env", "FAULT=exits_on_invocation")
    assert ask("invoke", url, "--body", "-", "--content-type", "text/csv", stdin=b"x").code == 1
    assert process.wait(30) == 1
    kept = description(tmp_path)
    assert (kept["EndpointStatus"], kept["FailureReason"]) == (
        "Failed",
        "the container ended by itself, exit code 9",
    )


def test_a_port_that_is_taken_is_told_before_anything_runs(
    ask: Callable[..., Said], broken_image: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = ask("serve", broken_image, "--env", "FAULT=exits_while_starting", "--port", port)
    assert said.code == 2, said
    assert f"port {port} on 127.0.0.1 cannot be had" in said.err
    assert "ImportError" not in said.out + said.err
    assert not list((tmp_path / "state").glob("jobs/*"))


@pytest.mark.parametrize(
    ("body", "member"), [(b"text \xc3\xa9", {"body": "text \u00e9"}), (b"\xff\x00", {"body_base64": "/wA="})]
)
def test_json_holds_every_byte_of_an_answer(ask: Callable[..., Said], body: bytes, member: dict[str, str]) -> None:
    with answering(200, body) as server:
        said = ask("invoke", server.url, "--body", "-", "--content-type", "x/y", "--format", "json")
    assert member.items() <= said.json.items()


def test_a_redirect_is_no_answer(ask: Callable[..., Said]) -> None:
    with answering(302, b"") as server:
        assert ask("invoke", server.url, "--body", "-", "--content-type", "x/y").code == 1


def test_a_request_that_is_refused_leaves_no_record(
    ask: Callable[..., Said], broken_image: str, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model.tar.gz").write_bytes(b"no archive")
    said = ask("serve", broken_image, "--instance-type", "ml.inf1.xlarge")
    assert said.code == 2, said
    assert not list((tmp_path / "state").glob("jobs/*"))


def test_log_lines_are_escaped_as_cloudwatch_has_them(
    ask: Callable[..., Said], build_image: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    (folder / "serve").write_text("#!/bin/sh\nprintf 'a\\tb\\033[31mred\\n'\nexit 3\n")
    (folder / "serve").chmod(0o755)
    (folder / "Dockerfile").write_text("FROM smlocal/base:latest\nCOPY serve /usr/local/bin/serve\n")
    said = ask("serve", build_image(folder, "smlocal-test/control:latest"), "--port", "0")
    assert said.code == 1, said
    assert "a#011b#033[31mred\n" in said.out
    [log] = (tmp_path / "state/jobs").glob("endpoint/*/log")
    assert log.read_bytes() == b"a#011b#033[31mred\n"

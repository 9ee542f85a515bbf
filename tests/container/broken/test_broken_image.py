"""The broken containers break what their README says, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

NewBox = Callable[..., Any]
FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "broken"
CONFIG = "/opt/ml/input/config/hyperparameters.json"


@pytest.mark.parametrize("kind", ["train", "serve"])
def test_every_fault_is_in_the_readme_and_every_one_in_the_readme_exists(kind: str) -> None:
    section = FOLDER.joinpath("README.md").read_text().split(f"## `{kind}`")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, re.M)
    assert sorted(named) == sorted(path.stem for path in (FOLDER / kind).glob("*.py"))


@pytest.fixture
def run(new_box: NewBox, broken_image: str) -> Callable[..., Any]:
    """Start a container with a fault."""

    def start(command: str, fault: str, environment: dict[str, str] | None = None, **options: Any) -> Any:
        return new_box(broken_image, [command], environment={"FAULT": fault, **(environment or {})}, **options).start()

    return start


@pytest.mark.engine
@pytest.mark.parametrize(
    ("fault", "code", "failure"),
    [
        ("trains_well", 0, None),
        ("exits_1_with_failure_file", 1, b"The data is sour."),
        ("exits_1_without_failure_file", 1, None),
        ("exits_3", 3, None),
        ("exits_0_with_failure_file", 0, b"Never mind."),
        ("failure_not_utf8", 1, b"caf\xe9 is \xff\xfe closed\x00."),
        ("dies_of_a_signal", 139, None),
        ("writes_no_model", 0, None),
        ("no_such_fault", 1, None),
    ],
)
def test_a_training_fault_ends_as_it_should(
    run: Callable[..., Any], fault: str, code: int, failure: bytes | None
) -> None:
    box = run("train", fault)
    assert box.wait() == code
    assert box.read("/opt/ml/output/failure") == failure


@pytest.mark.engine
def test_the_hyperparameter_names_the_fault_too(new_box: NewBox, broken_image: str) -> None:
    box = new_box(broken_image, ["train"], {CONFIG: b'{"fault":"\\"exits_3\\""}'}).start()
    assert box.wait() == 3


@pytest.mark.engine
def test_the_long_failure_has_5000_characters(run: Callable[..., Any]) -> None:
    box = run("train", "failure_of_5000_characters")
    assert box.wait() == 1
    assert len(box.read("/opt/ml/output/failure").decode()) == 5000


@pytest.mark.engine
def test_10_mb_of_numbered_lines_come_from_both_streams(run: Callable[..., Any]) -> None:
    box = run("train", "prints_10_mb")
    assert box.wait() == 0
    for name, lines in (("out", box.logs(stderr=False)), ("err", box.logs(stdout=False))):
        numbers = [line.split()[:2] for line in lines.splitlines()]
        assert numbers == [[name, f"{number:08d}"] for number in range(50_000)]
        assert len(lines) == 5_000_000


@pytest.mark.engine
@pytest.mark.parametrize(
    ("command", "fault", "said"), [("train", "ignores_sigterm", "working"), ("serve", "ignores_sigterm", "Listening")]
)
def test_only_sigkill_ends_what_ignores_sigterm(run: Callable[..., Any], command: str, fault: str, said: str) -> None:
    box = run(command, fault)
    box.wait_for_log(said)
    code, seconds = box.stop(grace=1)
    assert (code, seconds >= 1) == (137, True)
    assert "SIGTERM: ignored." in box.logs()


@pytest.mark.engine
def test_what_saves_on_sigterm_does(run: Callable[..., Any]) -> None:
    box = run("train", "saves_on_sigterm")
    box.wait_for_log("working")
    assert box.stop(grace=10)[0] == 0
    assert box.read("/opt/ml/model/model.txt") == b"saved when told to stop\n"


@pytest.mark.engine
def test_memory_is_filled_until_the_kernel_ends_it(run: Callable[..., Any]) -> None:
    limits = {"mem_limit": "64m", "memswap_limit": "64m"}
    box = run("train", "fills_memory", **limits)
    assert (box.wait(), is_told_to_be_out_of_memory(box)) == (137, True)
    served = run("serve", "fills_memory", **limits).wait_healthy()
    with pytest.raises(OSError):
        served.invoke(b"1\n")
    assert (served.wait(), is_told_to_be_out_of_memory(served)) == (137, True)


def is_told_to_be_out_of_memory(box: Any) -> bool:
    """The engine hears of it apart from the exit, on a busy machine a little later."""
    for _ in range(50):
        if box.state["OOMKilled"]:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.engine
@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("without-train", "executable file not found in $PATH"),
        ("train-not-executable", "executable file not found in $PATH"),
        ("entrypoint-not-executable", "permission denied"),
    ],
)
def test_an_image_without_a_usable_train_does_not_start(
    build_image: Callable[..., str], new_box: NewBox, target: str, complaint: str
) -> None:
    image = build_image(FOLDER, f"smlocal-test/broken:{target}", target=target)
    with pytest.raises(APIError, match=re.escape(complaint)):
        new_box(image, ["train"]).start()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("fault", "ping", "status"),
    [
        ("serves_well", 200, 200),
        ("never_healthy", 503, 200),
        ("ping_500", 500, 200),
        ("ping_takes_3_s", 200, 200),
        ("invocation_500", 200, 500),
        ("invocation_400", 200, 400),
        ("huge_error_body", 200, 500),
        ("records_echo", 200, 200),
        ("fails_on_boom", 200, 400),
        ("unavailable_at_first", 200, 503),
        ("no_final_newline", 200, 200),
        ("sick_after_first_invocation", 200, 200),
    ],
)
def test_a_server_answers_as_its_fault_says(run: Callable[..., Any], fault: str, ping: int, status: int) -> None:
    box = run("serve", fault)
    box.wait_for_log("Listening")
    assert box.ping(seconds=10).status == ping
    assert box.invoke(b"1\nboom\n").status == status
    assert box.stop() == (0, pytest.approx(0, abs=5))


@pytest.mark.engine
@pytest.mark.parametrize("fault", ["drops_connection", "exits_on_invocation"])
def test_an_invocation_without_an_answer(run: Callable[..., Any], fault: str) -> None:
    box = run("serve", fault).wait_healthy()
    with pytest.raises(OSError):
        box.invoke(b"1\n")


@pytest.mark.engine
def test_localhost_only_is_unreachable_from_outside(run: Callable[..., Any]) -> None:
    box = run("serve", "localhost_only")
    box.wait_for_log("Listening on 127.0.0.1:8080")
    with pytest.raises(OSError):
        box.ping()


@pytest.mark.engine
def test_an_unavailable_server_recovers_after_its_failures(run: Callable[..., Any]) -> None:
    box = run("serve", "unavailable_at_first", {"FAILURES": "2"}).wait_healthy()
    assert [box.invoke(b"1\n").status for _ in range(3)] == [503, 503, 200]


@pytest.mark.engine
def test_the_echo_tells_what_it_got_even_in_chunks(run: Callable[..., Any]) -> None:
    box = run("serve", "echo").wait_healthy()
    headers = {"Content-Type": "x/y", "X-Amzn-SageMaker-Custom-Attributes": "a=1"}
    for body, sent in ((b"abc", b"abc"), (b"abc" * 100_000, iter([b"abc" * 50_000] * 2))):
        reply = box.request("POST", "/invocations", sent, headers)
        document = json.loads(reply.body)
        assert (document["length"], document["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
        assert ["X-Amzn-SageMaker-Custom-Attributes", "a=1"] in document["headers"]
        assert reply.headers["X-Amzn-SageMaker-Custom-Attributes"] == "echo=a=1"


@pytest.mark.engine
def test_execution_parameters_are_the_text_that_is_given(run: Callable[..., Any]) -> None:
    advice = '{"MaxConcurrentTransforms": 4}'
    box = run("serve", "records_echo", {"EXECUTION_PARAMETERS": advice}).wait_healthy()
    assert box.request("GET", "/execution-parameters").text == advice
    body = bytes(range(256)) * 50_000
    assert box.invoke(body, "application/octet-stream").body == body


@pytest.mark.engine
def test_the_probe_tells_what_a_container_sees(new_box: NewBox, broken_image: str) -> None:
    box = new_box(broken_image, ["train"], {CONFIG: b'{"fault":"probe"}'}, network_mode="none").start()
    assert box.wait() == 0
    document = json.loads(box.read("/opt/ml/model/probe.json"))
    assert document == json.loads(box.logs(stderr=False))
    assert document["process"]["pid"] == 1
    assert document["stdio"]["tty"] == [False, False, False]
    assert document["optml"][CONFIG]["mode"] == "0644"
    assert base64.b64decode(document["config"]["hyperparameters.json"]) == b'{"fault":"probe"}'
    assert document["writable"]["/opt/ml/model"] is True
    states = {name: answer["state"] for name, answer in document["reach"].items()}
    assert states["gateway"] == "none" and states["name"] == "unresolved"
    assert {states["metadata"], states["internet"]} == {"unreachable"}


@pytest.mark.engine
def test_the_probe_tells_what_answers_on_the_network(run: Callable[..., Any]) -> None:
    box = run("serve", "probe", {"PROBE_TARGETS": "127.0.0.1:8080,127.0.0.1:9"}).wait_healthy()
    reach = json.loads(box.invoke(b"").body)["reach"]
    assert reach["127.0.0.1:8080"]["state"] == "answered"
    assert reach["127.0.0.1:9"]["state"] == "refused"
    assert reach["gateway"]["state"] == "known"

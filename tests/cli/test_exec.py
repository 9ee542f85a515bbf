"""`smlocal exec -- CMD`: CMD's environment, its signals, its exit code, and that neither outlives the other."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smlocal.cli.aws_environment import child_environment, held_back

Command = Callable[..., "subprocess.Popen[str]"]
PYTHON = sys.executable


@pytest.fixture
def ask(command: Command) -> Callable[..., tuple[int, str, str]]:
    """Run `smlocal exec` to its end: exit code, output, what it said on the way."""

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = command("exec", *words, text=True, **pipes)
        out, err = process.communicate(stdin, timeout=120)
        return process.returncode, out, err

    return run


Ask = Callable[..., "tuple[int, str, str]"]


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("exit 130", 130), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_the_exit_code_is_the_commands(ask: Ask, script: str, code: int) -> None:
    assert ask("--", "sh", "-c", script) == (code, "", "")


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("no-such-command", 127, "smlocal: there is no command 'no-such-command'\n"),
        ("./no/such", 127, "smlocal: there is no command './no/such'\n"),
        ("/etc/passwd", 126, "smlocal: '/etc/passwd' cannot be run: Permission denied\n"),
        ("/", 126, "smlocal: '/' cannot be run: Permission denied\n"),
    ],
)
def test_what_cannot_be_run_is_told_as_shells_do(ask: Ask, name: str, code: int, text: str) -> None:
    assert ask("--", name) == (code, "", text)


def test_its_words_and_its_input_are_the_commands_alone(ask: Ask) -> None:
    words = ["-v", "--region", "", "é", "a b", "--", "-q"]
    code, out, err = ask("--", PYTHON, "-c", "import sys; print(sys.argv[1:], sys.stdin.read())", *words, stdin="in")
    assert (code, out, err) == (0, f"{words} in\n", "")


def test_boto3_in_it_needs_nothing_more(ask: Ask) -> None:
    program = (
        "import boto3\n"
        "groups = boto3.client('logs').describe_log_groups()['logGroups']\n"
        "print(boto3.client('sts').get_caller_identity()['Arn'], groups)"
    )
    code, out, err = ask("--region", "eu-west-1", "--", PYTHON, "-c", program)
    assert (code, err) == (0, "")
    assert out == "arn:aws:sts::000000000000:assumed-role/smlocal/SageMaker []\n"


def test_with_sigv4_it_has_credentials_of_its_own(ask: Ask) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    assert ask("--auth", "sigv4", "--", PYTHON, "-c", program) == (0, "000000000000\n", "")


def test_real_credentials_are_not_passed_on_and_it_says_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.setenv(name, "real")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/home/me/.aws/config")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.amazonaws.com")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/a")
    code, out, err = ask("--", PYTHON, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
    assert code == 0
    assert err == (
        "your AWS credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE) are not passed"
        " on: the command gets dummy ones\n"
    )
    found = {name: value for name, value in json.loads(out).items() if name.startswith("AWS_")}
    url = found.pop("AWS_ENDPOINT_URL")
    assert url.startswith("http://127.0.0.1:")
    assert found == {
        "AWS_ACCESS_KEY_ID": "smlocal",
        "AWS_SECRET_ACCESS_KEY": "smlocal-has-no-secret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def test_calls_to_the_gateway_go_by_no_proxy() -> None:
    client = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert "NO_PROXY" not in child_environment({"PATH": "/bin"}, client)
    behind = child_environment({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "a.example"}, client)
    assert (behind["NO_PROXY"], behind["no_proxy"]) == ("a.example,127.0.0.1,localhost", "127.0.0.1,localhost")
    assert held_back({"AWS_PROFILE": "", "AWS_REGION": "x"}) == []


_TRAPPING = """
import os, select, signal, sys, time
heard, told = os.pipe()
os.set_blocking(told, False)
signal.set_wakeup_fd(told)  # one byte for each signal, also for those that Python would take for one
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, frame: None)
print(os.getpid(), os.environ["AWS_ENDPOINT_URL"], flush=True)
select.select([heard], [], [])
time.sleep(0.5)  # a second signal would be heard
print(*os.read(heard, 100), flush=True)
sys.exit(5)
"""


def trapping(command: Command, **options: Any) -> tuple[subprocess.Popen[str], int, int]:
    """A command that hears signals, under `exec`; its process id and its gateway's port."""
    process = command("exec", "--", PYTHON, "-c", _TRAPPING, stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout is not None
    pid, url = process.stdout.readline().split()
    return process, int(pid), int(url.rpartition(":")[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_go_to_the_command_once(command: Command, number: int) -> None:
    process, pid, port = trapping(command, start_new_session=True)  # no terminal sends it to both
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (process.returncode, out) == (5, f"{int(number)}\n")
    assert is_gone(pid)
    socket.create_server(("127.0.0.1", port)).close()


_ON_A_TERMINAL = """
import os, sys
os.setsid()
terminal = os.open(sys.argv[1], os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(terminal, stream)
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_ctrl_c_on_a_terminal_reaches_the_command_once(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    line = [PYTHON, "-m", "smlocal", "exec", "--", PYTHON, "-c", _TRAPPING]
    process = subprocess.Popen(
        [PYTHON, "-c", _ON_A_TERMINAL, os.ttyname(terminal), *line],
        env={**os.environ, "SMLOCAL_STATE": str(tmp_path)},
    )
    shown = b""
    while b"http://" not in shown or b"\n" not in shown:
        shown += os.read(keyboard, 1000)
    os.write(keyboard, b"\x03")
    assert process.wait(20) == 5
    shown += os.read(keyboard, 1000)
    os.close(keyboard)
    os.close(terminal)
    assert shown.splitlines()[-1].removeprefix(b"^C") == b"2", shown  # the terminal shows what was typed


def test_a_command_does_not_outlive_a_gateway_that_is_killed(command: Command) -> None:
    process = command("exec", "--", "sleep", "60")
    [pid] = wait_for(lambda: children_of(process.pid))
    process.kill()
    process.wait()
    wait_for(lambda: is_gone(pid))


def test_a_gateway_does_not_outlive_a_command_that_is_killed(command: Command) -> None:
    process, pid, port = trapping(command)
    os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=20)
    assert process.returncode == 137
    socket.create_server(("127.0.0.1", port)).close()


def test_two_at_once_have_a_gateway_each(command: Command) -> None:
    one, _, first = trapping(command)
    two, _, second = trapping(command)
    assert first != second
    for process in (one, two):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 5


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(look: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


@pytest.mark.slow
@pytest.mark.engine
def test_the_aws_command_line_works_as_its_user_has_it(ask: Ask, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [str(tmp_path / "venv/bin/pip"), "install", "--quiet", "awscli>=1.40,<2"]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    subprocess.run(pip, check=True, env=own)
    aws = f'unset PYTHONPATH; aws() {{ {tmp_path}/venv/bin/aws --output json "$@"; }}; set -e; '
    code, out, err = ask("--", "sh", "-c", aws + "aws sts get-caller-identity")
    assert (code, err) == (0, "")
    assert json.loads(out)["Arn"] == "arn:aws:sts::000000000000:assumed-role/smlocal/SageMaker"
    script = (
        "aws logs create-log-group --log-group-name g; S='--log-group-name g --log-stream-name s'; "
        "aws logs create-log-stream $S; "
        "aws logs put-log-events $S --log-events timestamp=$(date +%s)000,message=hello >/dev/null; "
        "aws logs get-log-events $S"
    )
    code, out, err = ask("--auth", "sigv4", "--", "sh", "-c", aws + script)
    assert (code, err) == (0, "")
    assert [event["message"] for event in json.loads(out)["events"]] == ["hello"]
    code, out, err = ask("--", "sh", "-c", aws + "aws sagemaker list-models")
    assert (code, err, json.loads(out)) == (0, "", {"Models": []})
    missing = "aws sagemaker wait endpoint-deleted --endpoint-name e && aws sagemaker describe-model --model-name m"
    code, _, err = ask("--", "sh", "-c", aws + missing)
    assert code in (254, 255), "the first has ended well, and the second not; the code depends on the version"
    assert '(ValidationException) when calling the DescribeModel operation: Could not find model "arn:' in err

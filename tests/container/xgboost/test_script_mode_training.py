"""Training with the customer's script. Source: sagemaker-containers 2.8.6, observed with the 1.7-1 and 3.0-5 images."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import xgboost as xgb
from smlocal_xgboost.errors import PlatformError, UserError
from smlocal_xgboost.optml import OptMl
from smlocal_xgboost.script_mode import environment, source
from xgboost_jobs import Job, rounds

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "container" / "xgboost"
SCRIPT = (HERE / "support" / "abalone_script.py").read_text()

PRINTER = """
import json, os, sys
from pathlib import Path
told = {name: text for name, text in os.environ.items() if name.startswith("SM_")}
Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), **told}))
"""


def script_job(tmp_path: Path, text: str, **hyperparameters: Any) -> Job:
    """A job whose source is a local bundle with `entry.py`."""
    code = tmp_path / "entry.py"
    code.write_text(text)
    bundle = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(bundle, "w:gz") as archive:
        archive.add(code, "entry.py")
    encoded = {name: json.dumps(value) for name, value in hyperparameters.items()}
    own = {"sagemaker_program": '"entry.py"', "sagemaker_submit_directory": json.dumps(str(bundle)), **encoded}
    environ = {**os.environ, "PYTHONPATH": str(PACKAGE), "CHECKPOINTS": str(tmp_path / "checkpoints")}
    return Job(tmp_path / "ml", own, environ=environ).write()


def test_an_example_of_aws_s_trains_unchanged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    job = script_job(tmp_path, SCRIPT, max_depth=3, num_round=4, objective="reg:squarederror")
    assert job.run() == 0, job.failure
    assert rounds(capfd.readouterr().out) == [0, 1, 2, 3]
    model = xgb.Booster(model_file=str(tmp_path / "ml" / "model" / "xgboost-model.json"))
    assert model.num_boosted_rounds() == 4
    assert (tmp_path / "ml" / "output" / "success").exists()
    assert len(list((tmp_path / "checkpoints").iterdir())) == 4


def test_a_script_is_told_everything_by_arguments_and_variables(tmp_path: Path) -> None:
    job = script_job(tmp_path, PRINTER, **{"max-depth": 3, "flag": True, "name": "x y", "b": 1.5, "many": [1, 2]})
    assert job.run() == 0, job.failure
    ml = tmp_path / "ml"
    told = json.loads((ml / "model" / "told.json").read_text())
    argv = ["-b", "1.5", "--flag", "True", "--many", "[1, 2]", "--max-depth", "3", "--name", "x y"]
    assert told["argv"] == argv
    assert told["cwd"] == str(ml / "code")
    expected = {
        "SM_HP_MAX-DEPTH": "3",
        "SM_HP_FLAG": "true",
        "SM_HP_NAME": "x y",
        "SM_HPS": '{"b":1.5,"flag":true,"many":[1,2],"max-depth":3,"name":"x y"}',
        "SM_USER_ARGS": json.dumps(argv, separators=(",", ":")),
        "SM_CHANNELS": '["train","validation"]',
        "SM_CHANNEL_TRAIN": str(ml / "input" / "data" / "train"),
        "SM_CHANNEL_VALIDATION": str(ml / "input" / "data" / "validation"),
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_MODEL_DIR": str(ml / "model"),
        "SM_OUTPUT_DIR": str(ml / "output"),
        "SM_OUTPUT_DATA_DIR": str(ml / "output" / "data"),
        "SM_OUTPUT_INTERMEDIATE_DIR": str(ml / "output" / "intermediate"),
        "SM_INPUT_DIR": str(ml / "input"),
        "SM_INPUT_CONFIG_DIR": str(ml / "input" / "config"),
        "SM_NUM_GPUS": "0",
        "SM_USER_ENTRY_POINT": "entry.py",
        "SM_MODULE_NAME": "entry",
        "SM_MODULE_DIR": str(tmp_path / "sourcedir.tar.gz"),
        "SM_FRAMEWORK_MODULE": "sagemaker_xgboost_container.training:main",
        "SM_LOG_LEVEL": "20",
    }
    assert {name: told[name] for name in expected} == expected
    assert json.loads(told["SM_FRAMEWORK_PARAMS"])["sagemaker_program"] == "entry.py"
    assert json.loads(told["SM_RESOURCE_CONFIG"])["hosts"] == ["algo-1"]
    assert json.loads(told["SM_INPUT_DATA_CONFIG"])["train"]["ContentType"] == "text/csv"
    assert json.loads(told["SM_TRAINING_ENV"])["hyperparameters"]["b"] == 1.5
    assert int(told["SM_NUM_CPUS"]) >= 1


def test_a_failed_script_names_its_command_and_ends_with_1(tmp_path: Path) -> None:
    job = script_job(tmp_path, "import sys; sys.exit(7)", size=1)
    assert job.run() == 1
    assert job.failure == f'ExecuteUserScriptError:\nCommand "{sys.executable} -m entry --size 1"'
    assert not (tmp_path / "ml" / "output" / "success").exists()


def test_channels_are_not_validated_in_script_mode(tmp_path: Path) -> None:
    job = script_job(tmp_path, "print('done')").configure("inputdataconfig", {"anything": {}})
    assert job.run() == 0, job.failure


def test_the_environment_names_the_script_before_the_hyperparameters(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_PROGRAM": "src/other.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/somewhere"}
    job = environment.Job.of({"sagemaker_program": '"entry.py"'}, environ, OptMl(tmp_path))
    assert (job.program, job.module, job.location) == ("src/other.py", "src.other", "/somewhere")


@pytest.mark.parametrize("shape", ["folder", "file", "in place"])
def test_a_source_is_a_folder_a_file_or_already_there(tmp_path: Path, shape: str) -> None:
    code = tmp_path / "code"
    given = code if shape == "in place" else tmp_path / "given"
    given.mkdir()
    (given / "entry.py").write_text("x = 1")
    source.provide(str(given / "entry.py" if shape == "file" else given), code, "entry.py", {})
    assert (code / "entry.py").read_text() == "x = 1"


@pytest.mark.parametrize(
    ("location", "program", "text"),
    [
        ("missing", "entry.py", "does not exist"),
        ("broken.tar.gz", "entry.py", "cannot be unpacked"),
        ("hostile.tar.gz", "entry.py", "cannot be unpacked"),
        ("folder", "other.py", "The entry point other.py is not in the source"),
    ],
)
def test_a_source_that_cannot_be_used_says_why(tmp_path: Path, location: str, program: str, text: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "entry.py").write_text("")
    (tmp_path / "broken.tar.gz").write_text("no archive")
    with tarfile.open(tmp_path / "hostile.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "folder" / "entry.py", "../../entry.py")
    with pytest.raises(UserError, match=text):
        source.provide(str(tmp_path / location), tmp_path / "code", program, {})
    assert not (tmp_path.parent / "entry.py").exists()


class Bucket(BaseHTTPRequestHandler):
    """An S3 endpoint with one object, `bucket/source.tar.gz`."""

    content = b""

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.content)

    def _answer(self, body: bytes) -> None:
        found = self.path.split("?")[0] == "/bucket/source.tar.gz"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.content) if found else 0))
        self.send_header("ETag", '"tag"')
        self.end_headers()
        self.wfile.write(body if found else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""


@pytest.mark.parametrize("variable", ["S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_a_source_in_s3_is_fetched_from_the_endpoint_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(HERE / "support" / "abalone_script.py", "entry.py")
    Bucket.content = packed.getvalue()
    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environ = {variable: f"http://127.0.0.1:{server.server_port}"}
        try:
            source.provide("s3://bucket/source.tar.gz", tmp_path / "code", "entry.py", environ)
        finally:
            server.shutdown()
            thread.join()
    assert (tmp_path / "code" / "entry.py").read_text() == SCRIPT


def test_a_source_in_s3_that_cannot_be_fetched_says_why(tmp_path: Path) -> None:
    environ = {"S3_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}
    with pytest.raises(PlatformError, match=r"The source s3://bucket/source\.tar\.gz cannot be fetched: "):
        source.provide("s3://bucket/source.tar.gz", tmp_path / "code", "entry.py", environ)


def test_a_script_on_two_hosts_is_refused(tmp_path: Path) -> None:
    job = script_job(tmp_path, PRINTER).configure("resourceconfig", {"hosts": ["a", "b"], "current_host": "a"})
    assert job.run() == 1
    assert "Distributed training is not supported by this local stand-in" in job.failure


def test_requirements_that_cannot_be_installed_fail_the_job(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "entry.py").write_text("")
    (code / "requirements.txt").write_text("./no-such-package-here\n")
    with pytest.raises(UserError, match=r"The requirements of the script could not be installed: pip ended with 1"):
        source.provide(str(code), code, "entry.py", {})

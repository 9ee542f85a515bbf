"""What stands around the bring-your-own container's application: settings, nginx's configuration, `/ping`."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from iris.control import ControlServer
from iris.serving_settings import ServingSettings, SettingError, processors
from iris.supervisor import execution_parameters, nginx_conf


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, ServingSettings(4, 60, 100, 8080, 20)),
        ({"MODEL_SERVER_WORKERS": "", "MODEL_SERVER_TIMEOUT": " "}, ServingSettings(4, 60, 100, 8080, 20)),
        (
            {
                "MODEL_SERVER_WORKERS": "7",
                "MODEL_SERVER_TIMEOUT": "600",
                "MODEL_SERVER_MAX_BODY_MB": "0",
                "SAGEMAKER_BIND_TO_PORT": "8085",
                "MODEL_SERVER_GRACE": "0",
            },
            ServingSettings(7, 600, 0, 8085, 0),
        ),
    ],
)
def test_settings_come_from_the_environment(environment: dict[str, str], settings: ServingSettings) -> None:
    assert ServingSettings.read(environment, processors=4) == settings


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_setting_that_cannot_be_used_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingError, match=f"MODEL_SERVER_WORKERS is '{re.escape(value)}'; it must be"):
        ServingSettings.read({"MODEL_SERVER_WORKERS": value}, processors=1)


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
    ],
)
def test_workers_follow_the_containers_share_of_the_machine(
    tmp_path: Path, files: dict[str, str], most: int | None
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    whole = processors(tmp_path / "absent")
    assert whole >= 1
    assert processors(tmp_path) == (most or whole)


def test_every_word_of_nginx_s_template_is_filled_in(container_folder: Path) -> None:
    template = (container_folder / "program" / "nginx.conf").read_text()
    conf = nginx_conf(template, ServingSettings(2, 77, 30, 8085, 20), Path("/tmp/run"))
    assert "listen 8085 " in conf
    assert "proxy_read_timeout 77s;" in conf
    assert "client_max_body_size 30m;" in conf
    assert "server unix:/tmp/run/app.sock " in conf
    assert not re.search("@[A-Z_]+@", conf)


@pytest.mark.parametrize(("workers", "advised"), [(1, 1), (8, 8), (64, 16)])
def test_advised_concurrency_times_payload_stays_within_the_limit_of_a_job(workers: int, advised: int) -> None:
    advice = execution_parameters(ServingSettings(workers, 60, 100, 8080, 20))
    assert advice["MaxConcurrentTransforms"] == advised
    assert int(advice["MaxConcurrentTransforms"]) * int(advice["MaxPayloadInMB"]) <= 100


def ask(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
        return answer


def test_ping_is_well_while_any_worker_has_a_model(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    server = ControlServer(tmp_path / "control.sock", ready, {"MaxPayloadInMB": 6})
    server.start()
    try:
        for method in (b"GET", b"POST"):
            request = method + b" /ping HTTP/1.0\r\n\r\n"
            assert b" 503 " in ask(tmp_path / "control.sock", request).splitlines()[0]
            (ready / "41").touch()
            assert b" 200 " in ask(tmp_path / "control.sock", request).splitlines()[0]
            (ready / "41").unlink()
        parameters = ask(tmp_path / "control.sock", b"GET /execution-parameters HTTP/1.0\r\n\r\n")
        assert parameters.endswith(b'{"MaxPayloadInMB": 6}')
        assert b" 404 " in ask(tmp_path / "control.sock", b"GET /x HTTP/1.0\r\n\r\n").splitlines()[0]
    finally:
        server.shutdown()
        server.server_close()

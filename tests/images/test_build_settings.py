"""What of this machine's configuration serves a build."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.images.build_settings import machine_build_settings, package_index


def pip_conf(files: Mapping[str, bytes]) -> dict[str, str]:
    """The file as pip reads it."""
    parser = configparser.RawConfigParser()
    parser.read_string(files["build-settings/pip.conf"].decode())
    return dict(parser.items("global"))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_machine_without_configuration_gives_nothing() -> None:
    settings = machine_build_settings({}, [])
    assert (settings.files, settings.arguments) == ({}, {})


def test_the_index_of_the_environment_is_taken() -> None:
    environment = {
        "PIP_INDEX_URL": "https://user:word@pypi.example/simple",
        "PIP_DEFAULT_TIMEOUT": "60",
        "PIP_USER": "1",
    }
    settings = machine_build_settings(environment, [])
    assert pip_conf(settings.files) == {
        "index-url": "https://user:word@pypi.example/simple",
        "default-timeout": "60",
    }
    assert package_index(environment, []) == "https://user:word@pypi.example/simple"


def test_files_are_read_weakest_first_and_the_environment_wins(tmp_path: Path) -> None:
    site = write(tmp_path / "a.conf", "[global]\nindex-url = https://a.example/\ntrusted-host = a.example\n")
    user = write(
        tmp_path / "b.conf", "[global]\nindex_url = https://b.example/\n[install]\nproxy = http://p.example:1\n"
    )
    files = [site, user, tmp_path / "missing.conf"]
    assert pip_conf(machine_build_settings({}, files).files) == {
        "index-url": "https://b.example/",
        "trusted-host": "a.example",
        "proxy": "http://p.example:1",
    }
    assert package_index({"PIP_INDEX_URL": "https://c.example/"}, files) == "https://c.example/"
    assert package_index({}, files) == "https://b.example/"
    assert package_index({}, []) == "https://pypi.org/simple/"


def test_addresses_that_only_this_machine_sees_are_left_out(tmp_path: Path) -> None:
    text = (
        "[global]\nextra-index-url =\n  file:///opt/simple\n  https://x.example/\n  http://localhost:3141/\n"
        "  https://y.example/\nfind-links = /opt/wheels\n"
    )
    settings = machine_build_settings({}, [write(tmp_path / "pip.conf", text)])
    assert pip_conf(settings.files) == {"extra-index-url": "https://x.example/\nhttps://y.example/"}


def test_nothing_is_written_when_every_address_is_left_out() -> None:
    assert machine_build_settings({"PIP_FIND_LINKS": "/opt/wheels"}, []).files == {}


CERTIFICATES = [
    ("pip's own variable", ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"], "PIP_CERT"),
    ("OpenSSL's", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"], "SSL_CERT_FILE"),
    ("requests'", ["REQUESTS_CA_BUNDLE"], "REQUESTS_CA_BUNDLE"),
]


@pytest.mark.parametrize(("names", "winner"), [row[1:] for row in CERTIFICATES])
def test_the_certificates_of_this_machines_downloads_are_taken(tmp_path: Path, names: list[str], winner: str) -> None:
    environment = {name: str(write(tmp_path / name, name)) for name in names}
    files = machine_build_settings(environment, []).files
    assert files["build-settings/ca.crt"] == winner.encode()


def test_certificates_named_in_pips_file_are_taken_and_a_missing_file_is_not(tmp_path: Path) -> None:
    bundle = write(tmp_path / "ca.pem", "bundle")
    conf = write(tmp_path / "pip.conf", f"[global]\ncert = {bundle}\n")
    files = machine_build_settings({}, [conf]).files
    assert files == {"build-settings/ca.crt": b"bundle"}
    assert machine_build_settings({"SSL_CERT_FILE": "/nonexistent"}, []).files == {}


def test_proxies_beyond_this_machine_are_build_arguments() -> None:
    environment = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "http_proxy": "http://127.0.0.1:3128",
        "NO_PROXY": ".example",
        "HTTP_PROXY": "",
    }
    assert machine_build_settings(environment, []).arguments == {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": ".example",
    }


def test_pips_files_are_looked_for_where_pip_does(tmp_path: Path) -> None:
    write(tmp_path / "config" / "pip" / "pip.conf", "[global]\nindex-url = https://user.example/\n")
    extra = write(tmp_path / "extra.conf", "[global]\nindex-url = https://extra.example/\n")
    environment = {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "VIRTUAL_ENV": str(tmp_path / "venv"),
    }
    assert package_index(environment) == "https://user.example/"
    assert package_index({**environment, "PIP_CONFIG_FILE": str(extra)}) == "https://extra.example/"
    assert package_index({**environment, "PIP_CONFIG_FILE": os.devnull}) == "https://pypi.org/simple/"


@given(st.binary(max_size=200))
def test_a_broken_file_of_pips_never_stops_us(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("pip") / "pip.conf"
    path.write_bytes(data)
    machine_build_settings({}, [path])

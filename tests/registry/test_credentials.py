"""What `docker login` has kept, in each of the ways in which it keeps it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from smlocal.errors import RegistryDenied, SettingsError
from smlocal.registry.credentials import Credentials, DockerCredentials

ANN = Credentials("ann", "pass:wörd")
AUTH = ANN.basic.removeprefix("Basic ")


def found(folder: Path, config: object, registry: str = "registry.example:5000") -> Credentials | None:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    environment = {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}
    return DockerCredentials(registry, environment, Path("/nowhere"))()


def helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    "key", ["registry.example:5000", "https://registry.example:5000/v1/", "http://Registry.Example:5000"]
)
def test_an_entry_is_found_under_each_of_its_names(tmp_path: Path, key: str) -> None:
    assert found(tmp_path, {"auths": {"other": {"auth": "!"}, key: {"auth": AUTH}}}) == ANN


def test_docker_hubs_entry_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert found(tmp_path, {"auths": {"https://index.docker.io/v1/": {"auth": AUTH}}}, "docker.io") == ANN


def test_an_identity_token_is_kept_beside_a_name(tmp_path: Path) -> None:
    kept = found(tmp_path, {"auths": {"registry.example:5000": {"auth": AUTH, "identitytoken": "tok"}}})
    assert kept == Credentials(ANN.username, ANN.password, "tok")


@pytest.mark.parametrize(
    "config", [{}, [], {"auths": {}}, {"auths": None}, {"auths": {"registry.example:5000": {}}}, {"auths": {"x": 1}}]
)
def test_nothing_kept_is_none(tmp_path: Path, config: object) -> None:
    assert found(tmp_path, config) is None
    assert DockerCredentials("registry.example", {}, tmp_path)() is None


@pytest.mark.parametrize("config", ["{", '{"auths": {"registry.example:5000": {"auth": "s3cret"}}}'])
def test_a_damaged_configuration_is_said_without_what_is_in_it(tmp_path: Path, config: str) -> None:
    with pytest.raises(SettingsError) as error:
        found(tmp_path, config)
    assert "s3cret" not in str(error.value)


def test_a_helper_is_asked_for_its_registry(tmp_path: Path) -> None:
    script = 'read key; test "$1 $key" = "get registry.example:5000" || exit 3\n'
    script += 'echo \'{"ServerURL": "x", "Username": "ann", "Secret": "pass:wörd"}\''
    helper(tmp_path, "mine", script)
    for config in ({"credHelpers": {"registry.example:5000": "mine"}}, {"credsStore": "mine"}):
        assert found(tmp_path, {**config, "auths": {"registry.example:5000": {}}}) == ANN


def test_a_helpers_token_is_an_identity_token(tmp_path: Path) -> None:
    helper(tmp_path, "mine", 'echo \'{"Username": "<token>", "Secret": "tok"}\'')
    assert found(tmp_path, {"credsStore": "mine"}) == Credentials(identity_token="tok")


def test_a_store_that_has_nothing_leaves_the_file_to_be_asked(tmp_path: Path) -> None:
    helper(tmp_path, "mine", "echo 'credentials not found in native keychain'; exit 1")
    assert found(tmp_path, {"credsStore": "mine"}) is None
    assert found(tmp_path, {"credsStore": "mine", "auths": {"registry.example:5000": {"auth": AUTH}}}) == ANN


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (None, "cannot be run"),
        ("echo s3cret; echo s3cret >&2; exit 2", "exit code 2"),
        ("echo s3cret", "cannot be read"),
    ],
)
def test_a_helper_that_does_not_work_is_named_without_what_it_said(
    tmp_path: Path, script: str | None, says: str
) -> None:
    if script is not None:
        helper(tmp_path, "mine", script)
    with pytest.raises(RegistryDenied, match=f"docker-credential-mine.*{says}") as error:
        found(tmp_path, {"credsStore": "mine"})
    assert "s3cret" not in str(error.value)


def test_a_helper_is_a_name_and_no_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="credential helper"):
        found(tmp_path, {"credsStore": "../../bin/sh"})


def test_credentials_do_not_show_their_secrets() -> None:
    assert "secret" not in repr(Credentials("ann", "secret", "secret"))

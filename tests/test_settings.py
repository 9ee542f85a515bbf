"""Settings: precedence, conversion, refusals."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlocal.errors import SettingsError
from smlocal.settings import Limits, Settings, check_table, load_settings


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_without_anything_set_the_limits_are_sagemakers(tmp_path: Path) -> None:
    settings = load_settings(environment={}, directory=tmp_path)
    assert settings == Settings()
    assert settings.limits == Limits()
    assert settings.scaled == ()
    # Source: AWS developer guide, your-algorithms-inference-code and your-algorithms-training-algo-dockerfile.
    assert (settings.limits.ping_timeout, settings.limits.invocation_timeout) == (2.0, 60.0)
    assert (settings.limits.serving_stop_grace, settings.limits.training_stop_grace) == (30.0, 120.0)
    assert settings.limits.invocation_body_bytes == 26_214_400


LAYERS = [
    ("nothing", {}, None, None, None, "us-east-1"),
    ("pyproject.toml", {}, None, None, '[tool.smlocal]\nregion = "eu-west-1"\n', "eu-west-1"),
    ("smlocal.toml over it", {}, None, 'region = "eu-west-2"\n', '[tool.smlocal]\nregion = "eu-west-1"\n', "eu-west-2"),
    ("the environment over it", {"SMLOCAL_REGION": "eu-west-3"}, None, 'region = "eu-west-2"\n', None, "eu-west-3"),
    ("arguments over all", {"SMLOCAL_REGION": "eu-west-3"}, "us-west-2", 'region = "eu-west-2"\n', None, "us-west-2"),
    ("an empty variable is none", {"SMLOCAL_REGION": ""}, None, 'region = "eu-west-2"\n', None, "eu-west-2"),
]


@pytest.mark.parametrize(("environment", "argument", "own", "project", "expected"), [row[1:] for row in LAYERS])
def test_the_stronger_layer_wins(
    tmp_path: Path,
    environment: dict[str, str],
    argument: str | None,
    own: str | None,
    project: str | None,
    expected: str,
) -> None:
    if own:
        write(tmp_path, "smlocal.toml", own)
    if project:
        write(tmp_path, "pyproject.toml", project)
    settings = load_settings({"region": argument, "account": None}, environment=environment, directory=tmp_path)
    assert settings.region == expected
    assert settings.account == "000000000000"


def test_layers_are_merged_key_by_key_limits_too(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[tool.smlocal.limits]\nping_timeout = 5\nstart-window = 30.5\n")
    write(tmp_path, "smlocal.toml", "strict = true\n[limits]\nping_timeout = 3\n")
    environment = {"SMLOCAL_LIMITS_TRANSFORM_RETRIES": "7", "UNRELATED": "x"}
    settings = load_settings(environment=environment, directory=tmp_path)
    assert settings.strict
    assert settings.limits == Limits(ping_timeout=3, start_window=30.5, transform_retries=7)
    assert settings.scaled == ("ping_timeout=3", "start_window=30.5", "transform_retries=7")


CONVERSIONS = [
    ("SMLOCAL_STRICT", "yes", "strict", True),
    ("SMLOCAL_STRICT", "TRUE", "strict", True),
    ("SMLOCAL_STRICT", "0", "strict", False),
    ("SMLOCAL_STATE", "/var/smlocal", "state", Path("/var/smlocal")),
    ("SMLOCAL_STATE_LIMIT_BYTES", "1024", "state_limit_bytes", 1024),
    ("SMLOCAL_S3_ENDPOINT_URL", "http://127.0.0.1:9000", "s3_endpoint_url", "http://127.0.0.1:9000"),
]


@pytest.mark.parametrize(("variable", "text", "name", "expected"), CONVERSIONS)
def test_variables_become_values(tmp_path: Path, variable: str, text: str, name: str, expected: object) -> None:
    settings = load_settings(environment={variable: text}, directory=tmp_path)
    assert getattr(settings, name) == expected


def test_a_home_folder_is_expanded(tmp_path: Path) -> None:
    settings = load_settings(environment={"SMLOCAL_STATE": "~/x"}, directory=tmp_path)
    assert settings.state == Path.home() / "x"


def test_the_state_folder_follows_xdg_unless_it_is_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert Settings().state == Path("/var/state/smlocal")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert Settings().state == Path.home() / ".local" / "state" / "smlocal"


REFUSALS = [
    ('regoin = "x"', {}, "unknown setting 'regoin' in .*known settings: account, .*strict"),
    ("[limits]\nping = 1", {}, "unknown setting 'limits.ping' in .*ping_timeout"),
    ("limits = 3", {}, "'limits' in .* must be a table"),
    ('strict = "perhaps"', {}, "'strict' in .* must be true or false, not 'perhaps'"),
    ("strict = 1", {}, "'strict' in .* must be true or false, not 1"),
    ("state_limit_bytes = true", {}, "must be a whole number, not True"),
    ("state_limit_bytes = 1.5", {}, "must be a whole number, not 1.5"),
    ("state_limit_bytes = -1", {}, "must be zero or more and finite, not -1"),
    ("[limits]\nping_timeout = inf", {}, "must be zero or more and finite"),
    ("region = 5", {}, "'region' in .* must be text, not 5"),
    ("state = 5", {}, "'state' in .* must be a path, not 5"),
    ("region = ", {}, "smlocal.toml cannot be read as TOML"),
    (
        "",
        {"SMLOCAL_LIMITS_PING_TIMEOUT": "soon"},
        "'limits.ping_timeout' in the environment must be a number, not 'soon'",
    ),
    ("", {"SMLOCAL_LIMITS_PING_TIMEOUT": "nan"}, "must be zero or more and finite"),
    ("", {"SMLOCAL_NOTHING": "1"}, "unknown setting 'nothing' in the environment"),
    ("", {"SMLOCAL_ACCOUNT": "12"}, "'account' must be twelve digits, not '12'"),
    ("", {"SMLOCAL_REGION": "Frankfurt"}, "'region' must be a region such as us-east-1"),
    ("", {"SMLOCAL_S3_ENDPOINT_URL": "localhost:9000"}, "'s3_endpoint_url' must begin with http"),
]


@pytest.mark.parametrize(("toml", "environment", "sentence"), REFUSALS)
def test_what_is_unknown_or_malformed_is_refused_with_its_origin(
    tmp_path: Path, toml: str, environment: dict[str, str], sentence: str
) -> None:
    write(tmp_path, "smlocal.toml", toml)
    with pytest.raises(SettingsError, match=f"(?s){sentence}"):
        load_settings(environment=environment, directory=tmp_path)


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nother = 1", "[project]\nname = 'x'"])
def test_a_project_without_our_table_sets_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, "pyproject.toml", text)
    assert load_settings(environment={}, directory=tmp_path) == Settings()


def test_our_table_must_be_a_table(tmp_path: Path) -> None:
    write(tmp_path, "pyproject.toml", "[tool]\nsmlocal = 3")
    with pytest.raises(SettingsError, match="must be a table"):
        load_settings(environment={}, directory=tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "smlocal.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load_settings(environment={}, directory=tmp_path)


@given(st.text())
def test_any_text_for_a_number_is_a_number_or_a_refusal(text: str) -> None:
    environment = {"SMLOCAL_LIMITS_PING_TIMEOUT": text}
    try:
        value = load_settings(environment=environment, directory=Path("/nonexistent")).limits.ping_timeout
    except SettingsError:
        return
    assert 0 <= value < math.inf


def test_the_settings_of_the_current_folder_are_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "smlocal.toml", 'account = "123456789012"')
    monkeypatch.chdir(tmp_path)
    for name in ("SMLOCAL_ACCOUNT", "SMLOCAL_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert load_settings().account == "123456789012"


CHECKS = [
    ("nothing", None, None, None, {}, "the configuration"),
    ("settings alone", 'region = "eu-west-1"', None, None, {}, "the configuration"),
    ("smlocal.toml", "[check]\ntrain = false", None, None, {"train": False}, "smlocal.toml"),
    ("pyproject.toml", None, "[tool.smlocal.check]\na = 1", None, {"a": 1}, "[tool.smlocal] in pyproject.toml"),
    ("the first over the second", "[check]\na = 1", "[tool.smlocal.check]\na = 2", None, {"a": 1}, "smlocal.toml"),
    (
        "the second where the first has none",
        "strict = true",
        "[tool.smlocal.check]\na = 2",
        None,
        {"a": 2},
        "pyproject",
    ),
    ("a file that is named", "[check]\na = 1", None, "other.toml", {"a": 3}, "other.toml"),
    (
        "a project that is named",
        "[check]\na = 1",
        "[tool.smlocal.check]\na = 2",
        "pyproject.toml",
        {"a": 2},
        "pyproject",
    ),
]


@pytest.mark.parametrize(
    ("claim", "own", "project", "named", "expected", "origin"), CHECKS, ids=[row[0] for row in CHECKS]
)
def test_an_examination_is_configured_in_one_place(
    tmp_path: Path, claim: str, own: str | None, project: str | None, named: str | None, expected: object, origin: str
) -> None:
    write(tmp_path, "other.toml", "[check]\na = 3")
    for name, text in (("smlocal.toml", own), ("pyproject.toml", project)):
        if text is not None:
            write(tmp_path, name, text)
    table, folder, said = check_table(tmp_path, None if named is None else tmp_path / named)
    assert (table, folder) == (expected, tmp_path)
    assert origin in said.replace(f"{tmp_path}/", "")


def test_an_examinations_table_is_no_setting(tmp_path: Path) -> None:
    write(tmp_path, "smlocal.toml", 'region = "eu-west-1"\n[check]\nanything = 1\n')
    assert load_settings(environment={}, directory=tmp_path) == Settings(region="eu-west-1")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("smlocal.toml", "check = 3", "'check' in .*smlocal.toml must be a table"),
        ("smlocal.toml", "[check", "cannot be read as TOML"),
        ("other.toml", None, "there is no configuration file .*other.toml"),
    ],
)
def test_an_examinations_table_that_is_none_is_refused(
    tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    if text is not None:
        write(tmp_path, name, text)
    for file in (tmp_path / name, *([None] if text else [])):
        with pytest.raises(SettingsError, match=sentence):
            check_table(tmp_path, file)

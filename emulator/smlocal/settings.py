"""Settings: what a user may choose, and SageMaker's limits, which only tests should change.

Precedence: arguments of a command, then `SMLOCAL_*` variables, then `smlocal.toml`, then `[tool.smlocal]` in
`pyproject.toml`. An unknown key is refused.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from smlocal.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MEBIBYTE = 1024 * 1024


def _default_state() -> Path:
    """Source: the XDG base directory specification, which has relative paths ignored."""
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "smlocal"


@dataclass(frozen=True)
class Limits:
    """SageMaker's own limits, in seconds unless the name says otherwise; sources at each line."""

    ping_timeout: float = 2.0  # developer guide, your-algorithms-inference-algo-ping-requests
    ping_interval: float = 5.0  # observed
    start_window: float = 480.0  # ContainerStartupHealthCheckTimeoutInSeconds allows 60-3600
    unhealthy_after_misses: int = 5  # our choice: the platform's number is not published
    invocation_timeout: float = 60.0  # developer guide, your-algorithms-inference-code
    invocation_body_bytes: int = 25 * MEBIBYTE  # InvokeEndpoint
    model_load_timeout: float = 360.0  # developer guide, invoke-multi-model-endpoint
    serving_stop_grace: float = 30.0  # developer guide, your-algorithms-inference-code
    training_stop_grace: float = 120.0  # developer guide, your-algorithms-training-algo-dockerfile
    transform_start_window: float = 1800.0  # observed
    transform_ping_interval: float = 1.0  # observed
    transform_invocation_timeout: float = 600.0  # ModelClientConfig.InvocationsTimeoutInSeconds
    transform_retries: int = 3  # ModelClientConfig.InvocationsMaxRetries
    serverless_image_bytes: int = 10 * 1024 * MEBIBYTE  # developer guide, serverless-endpoints


@dataclass(frozen=True)
class Settings:
    """Everything that may be set, resolved."""

    state: Path = field(default_factory=_default_state)  # objects, logs, records and caches live here
    region: str = "us-east-1"
    account: str = "000000000000"
    s3_endpoint_url: str | None = None  # None: the directory store in the state folder
    strict: bool = False  # /opt/ml/input/config with mode 0644, as captured in 2022
    state_limit_bytes: int = 20 * 1024 * MEBIBYTE
    limits: Limits = field(default_factory=Limits)
    plain_http_registries: str = ""  # hosts (with ports) that are spoken to without TLS, with commas between
    ecr_endpoint_url: str | None = None  # of ECR's API; None: AWS's, or what boto3's own configuration names
    registry_endpoint_url: str | None = None  # where ECR's registry is spoken to; None: the host of the image's URI

    @property
    def scaled(self) -> tuple[str, ...]:
        """The limits that are not SageMaker's own, as `name=value`, for every report to say."""
        default = Limits()
        return tuple(
            f"{item.name}={getattr(self.limits, item.name)}"
            for item in fields(Limits)
            if getattr(self.limits, item.name) != getattr(default, item.name)
        )


def _boolean(text: str) -> bool:
    value = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower())
    if value is None:
        raise ValueError(text)
    return value


def _path(text: str) -> Path:
    return Path(text).expanduser()


_CONVERT: dict[str, Callable[[str], Any]] = {"bool": _boolean, "int": int, "float": float, "Path": _path}
_ACCEPTED: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "Path": (Path,),
}
_IN_WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "Path": "a path", "str": "text"}


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The settings for a command run in `directory` (default: the current one).

    `overrides` are the command's own arguments; those that are None are left out. Raises SettingsError.
    """
    environment = os.environ if environment is None else environment
    directory = Path.cwd() if directory is None else directory
    settings = Settings()
    for origin, table in _file_tables(directory):
        settings = _apply(settings, table, origin)
    settings = _apply(settings, _environment_table(environment), "the environment")
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    return _checked(_apply(settings, given, "the command line"))


def _checked(settings: Settings) -> Settings:
    """Values that would only be found wrong in the middle of a run."""
    if not re.fullmatch(r"[0-9]{12}", settings.account):
        raise SettingsError(f"'account' must be twelve digits, not {settings.account!r}")
    if not re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", settings.region):
        raise SettingsError(f"'region' must be a region such as us-east-1, not {settings.region!r}")
    for name in ("s3_endpoint_url", "ecr_endpoint_url", "registry_endpoint_url"):
        endpoint = getattr(settings, name)
        if endpoint is not None and not re.fullmatch(r"https?://[^/\s]+.*", endpoint):
            raise SettingsError(f"'{name}' must begin with http:// or https://, not {endpoint!r}")
    return settings


def _file_tables(directory: Path) -> list[tuple[str, Any]]:
    """Tables from the weakest to the strongest."""
    found: list[tuple[str, Any]] = []
    project = directory / "pyproject.toml"
    if project.is_file():
        found.append((f"[tool.smlocal] in {project}", _own_table(_read_toml(project))))
    own = directory / "smlocal.toml"
    if own.is_file():
        found.append((str(own), _read_toml(own)))
    return found


def check_table(directory: Path, file: Path | None = None) -> tuple[Mapping[str, Any], Path, str]:
    """The `[check]` table of `file`, or else of `smlocal.toml` or `[tool.smlocal]` in `directory`; the folder that its
    paths are relative to; and its name for messages. {} when there is none. Raises SettingsError."""
    if file is not None:
        if not file.is_file():
            raise SettingsError(f"there is no configuration file {file}")
        table = _read_toml(file)
        if file.name == "pyproject.toml":
            table = _own_table(table)
        return _checks(table, str(file)), file.parent, str(file)
    for origin, table in reversed(_file_tables(directory)):
        if isinstance(table, Mapping) and "check" in table:
            return _checks(table, origin), directory, origin
    return {}, directory, "the configuration"


def _own_table(project: Mapping[str, Any]) -> Any:
    """`[tool.smlocal]` of a pyproject.toml."""
    tools = project.get("tool", {})
    return tools.get("smlocal", {}) if isinstance(tools, dict) else {}


def _checks(table: Any, origin: str) -> Mapping[str, Any]:
    found = table.get("check", {}) if isinstance(table, Mapping) else None
    if not isinstance(found, Mapping):
        raise SettingsError(f"'check' in {origin} must be a table")
    return found


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from error


def _environment_table(environment: Mapping[str, str]) -> dict[str, Any]:
    """`SMLOCAL_REGION` is `region`; `SMLOCAL_LIMITS_PING_TIMEOUT` is `limits.ping_timeout`. Empty is not set."""
    table: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith("SMLOCAL_") or not value:
            continue
        key = name.removeprefix("SMLOCAL_").lower()
        if key.startswith("limits_"):
            table.setdefault("limits", {})[key.removeprefix("limits_")] = value
        else:
            table[key] = value
    return table


def _apply(settings: Settings, table: Any, origin: str) -> Settings:
    if not isinstance(table, Mapping):
        raise SettingsError(f"{origin} must be a table")
    values = dict(table)
    values.pop("check", None)  # what an examination works with, read by `check_table`
    limits = values.pop("limits", None)
    if limits is not None:
        if not isinstance(limits, Mapping):
            raise SettingsError(f"'limits' in {origin} must be a table")
        settings = replace(settings, limits=_replaced(settings.limits, limits, origin, "limits."))
    return _replaced(settings, values, origin, "")


Table = TypeVar("Table", Settings, Limits)


def _replaced(target: Table, values: Mapping[str, Any], origin: str, prefix: str) -> Table:
    known = {item.name: str(item.type) for item in fields(target) if item.name != "limits"}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise SettingsError(
                f"unknown setting '{prefix}{key}' in {origin}; known settings: {', '.join(sorted(known))}"
            )
        changes[name] = _converted(value, known[name], f"'{prefix}{key}' in {origin}")
    return replace(target, **changes)


def _converted(value: Any, kind: str, where: str) -> Any:
    kind = kind.split(" | ")[0]
    refusal = SettingsError(f"{where} must be {_IN_WORDS[kind]}, not {value!r}")
    if isinstance(value, str):
        convert = _CONVERT.get(kind)
        try:
            value = convert(value) if convert else value
        except ValueError as error:
            raise refusal from error
    elif not isinstance(value, _ACCEPTED.get(kind, (str,))) or (isinstance(value, bool) and kind != "bool"):
        raise refusal
    if kind in ("int", "float") and not 0 <= value < math.inf:
        raise SettingsError(f"{where} must be zero or more and finite, not {value!r}")
    return value

"""The environment that makes AWS clients use the gateway and nothing else: no profile, no file, no metadata service."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from smlocal.aws_clients import DUMMY, Credentials

if TYPE_CHECKING:
    from smlocal.settings import Settings

# what says how a client behaves, not whom it talks to or as whom
_HARMLESS = (
    "AWS_CLI_AUTO_PROMPT", "AWS_DEFAULT_OUTPUT", "AWS_MAX_ATTEMPTS", "AWS_PAGER", "AWS_RETRY_MODE", "AWS_EXECUTION_ENV",
    "AWS_DATA_PATH",
)  # fmt: skip
_SECRET = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK",
)  # fmt: skip
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_NEVER_BY_PROXY = "127.0.0.1,localhost"


class Export(str, Enum):
    """How an environment is written down."""

    sh = "sh"
    json = "json"
    dotenv = "dotenv"


def client_environment(url: str, settings: Settings, credentials: Credentials = DUMMY) -> dict[str, str]:
    """The variables that an AWS client needs to talk to the gateway at `url`."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def written(environment: Mapping[str, str], form: Export) -> str:
    """The environment as text, without the last line's end."""
    if form is Export.json:
        return json.dumps(dict(environment), indent=2)
    if form is Export.dotenv:
        return "\n".join(f"{name}={value}" for name, value in environment.items())
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())


def in_two_lines(environment: Mapping[str, str]) -> str:
    """The same for a shell, as two lines to copy: where, and as whom."""
    pairs = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return f"export {' '.join([pairs[0], *pairs[3:]])}\nexport {' '.join(pairs[1:3])}"


def child_environment(own: Mapping[str, str], client: Mapping[str, str]) -> dict[str, str]:
    """What a program is given that may talk to the gateway only: `own` without anything that leads to AWS."""
    kept = {name: value for name, value in own.items() if not name.startswith(("AWS_", "BOTO")) or name in _HARMLESS}
    kept |= client
    kept |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "BOTO_CONFIG": os.devnull}
    if any(own.get(name) or own.get(name.upper()) for name in _PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            kept[name] = ",".join(filter(None, (own.get(name), _NEVER_BY_PROXY)))
    return kept


def held_back(own: Mapping[str, str]) -> list[str]:
    """The names of the variables that give real credentials, which are not passed on."""
    return [name for name in _SECRET if own.get(name)]

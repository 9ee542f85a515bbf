"""With what a registry is entered: given by a callable, or kept by Docker. Nothing here is ever written or shown.

Sources: Docker's page "docker login" (config.json: `auths`, `credsStore`, `credHelpers`; the protocol of
docker-credential helpers, `<token>` as the name for an identity token).
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smlocal.errors import RegistryDenied, SettingsError
from smlocal.registry.reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER_SECONDS = 30.0
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Credentials:
    """A name and a password, or an identity token that tokens are fetched with."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not be shown."""
        found = (self.password, self.identity_token, self.basic.removeprefix("Basic ") if self.password else "")
        return tuple(text for text in found if text)


FindCredentials = Callable[[], "Credentials | None"]


class DockerCredentials:
    """What `docker login` has kept for one registry. Asked anew each time, since a helper's answer may expire."""

    def __init__(self, registry: str, environment: Mapping[str, str], home: Path) -> None:
        self._registry = registry
        self._environment = environment
        self._folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")

    def __call__(self) -> Credentials | None:
        """None when there are none. Raises SettingsError for a configuration that cannot be read, RegistryDenied for a
        helper that does not work."""
        config = self._config()
        helpers = _table(config, "credHelpers")
        helper = next((helpers[key] for key in self._keys() if key in helpers), None) or config.get("credsStore")
        if helper:
            found = self._ask_helper(str(helper))
            if found is not None:
                return found
        for key, entry in _table(config, "auths").items():
            if isinstance(entry, Mapping) and _host(str(key)) == _host(self._keys()[0]):
                return self._entry(entry)
        return None

    def _keys(self) -> tuple[str, ...]:
        """How configurations name the registry, the likeliest first."""
        if self._registry == DOCKER_HUB:
            return (_HUB_KEY, DOCKER_HUB, "index.docker.io")
        return (self._registry, f"https://{self._registry}")

    def _config(self) -> Mapping[str, Any]:
        path = self._folder / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            raise SettingsError(f"Docker's configuration {path} cannot be read as JSON") from None
        return config if isinstance(config, Mapping) else {}

    def _entry(self, entry: Mapping[str, Any]) -> Credentials | None:
        token = str(entry.get("identitytoken") or "")
        username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if entry.get("auth"):
            try:
                username, _, password = base64.b64decode(str(entry["auth"])).decode().rstrip("\0").partition(":")
            except ValueError:
                raise SettingsError(
                    f"what Docker's configuration keeps for {self._registry} is damaged; run `docker login"
                    f" {self._registry}` again"
                ) from None
        return Credentials(username, password, token) if token or username else None

    def _ask_helper(self, helper: str) -> Credentials | None:
        for key in self._keys():
            if (found := self._helpers_answer(helper, key)) is not None:
                return found
        return None

    def _helpers_answer(self, helper: str, key: str) -> Credentials | None:
        """A helper says on its standard output that it has nothing, and exits with 1."""
        program = f"docker-credential-{helper}"
        if not _HELPER_NAME.fullmatch(helper):
            raise SettingsError(f"Docker's configuration in {self._folder} names a credential helper that cannot be")
        try:
            ended = subprocess.run(
                [program, "get"],
                input=key.encode(),
                capture_output=True,
                timeout=_HELPER_SECONDS,
                env=self._environment,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            why = "did not answer" if isinstance(error, subprocess.TimeoutExpired) else "cannot be run"
            raise RegistryDenied(
                f"Docker's configuration in {self._folder} keeps credentials with {program}, which {why}; install it,"
                f" or remove it from config.json and run `docker login {self._registry}`"
            ) from None
        if ended.returncode != 0:
            if b"credentials not found" in ended.stdout or b"no credentials" in ended.stdout:
                return None
            raise RegistryDenied(
                f"{program} gave no credentials for {self._registry} (exit code {ended.returncode}); run `docker login"
                f" {self._registry}` to see why"
            )
        return _from_helper(ended.stdout, program)


def _from_helper(output: bytes, program: str) -> Credentials | None:
    try:
        answer = json.loads(output)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise RegistryDenied(f"what {program} answered cannot be read as credentials") from None
    if username == "<token>":
        return Credentials(identity_token=secret)
    return Credentials(username, secret) if secret else None


def _table(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = config.get(key)
    return found if isinstance(found, Mapping) else {}


def _host(key: str) -> str:
    """The host of a key of `auths`, which may be a URL."""
    return re.sub(r"^https?://", "", key).partition("/")[0].lower()

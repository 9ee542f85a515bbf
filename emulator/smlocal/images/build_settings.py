"""What of this machine's configuration a build needs: pip's package index, the certificates, the proxy.

It serves the stage of a build that downloads, and is in no layer and no history entry of the finished image.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

# pip's settings that a download depends on. `cert` is not among them: the certificates travel as a file of their own.
_PIP_KEYS = (
    "index-url",
    "extra-index-url",
    "find-links",
    "trusted-host",
    "no-index",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
)
_ADDRESSES = frozenset({"index-url", "extra-index-url", "find-links"})
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class BuildSettings:
    """Files for the folder `build-settings/` of a build's context, and predefined build arguments."""

    files: Mapping[str, bytes] = field(default_factory=dict)  # "build-settings/pip.conf" -> its bytes
    arguments: Mapping[str, str] = field(default_factory=dict)  # the builder keeps these out of the history by itself


def machine_build_settings(environment: Mapping[str, str], pip_files: Sequence[Path] | None = None) -> BuildSettings:
    """The settings of this machine, read as pip reads its own. Empty where nothing is configured.

    `pip_files`: pip's configuration files, weakest first (default: where pip looks for them).
    """
    pip = _pip_settings(environment, _pip_files(environment) if pip_files is None else pip_files)
    files: dict[str, bytes] = {}
    certificates = _certificates(environment, pip.get("cert"))
    if certificates is not None:
        files["build-settings/ca.crt"] = certificates
    configuration = _pip_conf(pip)
    if configuration:
        files["build-settings/pip.conf"] = configuration.encode()
    arguments = {name: environment[name] for name in _PROXIES if _usable_proxy(name, environment.get(name))}
    return BuildSettings(files, arguments)


def package_index(environment: Mapping[str, str], pip_files: Sequence[Path] | None = None) -> str:
    """The package index that this machine's pip asks first."""
    pip = _pip_settings(environment, _pip_files(environment) if pip_files is None else pip_files)
    return pip.get("index-url") or "https://pypi.org/simple/"


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    """Source: pip's documentation, topics/configuration."""
    given = environment.get("PIP_CONFIG_FILE")
    if given == os.devnull:
        return []
    home = Path(environment.get("HOME") or Path.home())
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path(part) / "pip" / "pip.conf" for part in (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    site = Path(environment.get("VIRTUAL_ENV") or sys.prefix)
    if sys.platform == "darwin":
        user = home / "Library" / "Application Support"
    files = [*system, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", user / "pip" / "pip.conf", site / "pip.conf"]
    return [*files, Path(given)] if given else files


def _pip_settings(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself refuses such a file with a better sentence
        for section in ("global", "install"):
            if parser.has_section(section):
                settings.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return settings


def _pip_conf(settings: Mapping[str, str]) -> str:
    """A pip.conf for the build: without folders and addresses of this machine, which a container does not see."""
    lines: list[str] = []
    for key in _PIP_KEYS:
        values = settings.get(key, "").split()
        if key in _ADDRESSES:
            values = [value for value in values if _reaches_beyond(value)]
        if values:
            lines.append(f"{key} = " + "\n    ".join(values))
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def _reaches_beyond(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.hostname not in _OWN_MACHINE


def _usable_proxy(name: str, value: str | None) -> bool:
    if not value:
        return False
    return name.lower() == "no_proxy" or urlsplit(value).hostname not in _OWN_MACHINE


def _certificates(environment: Mapping[str, str], pip_cert: str | None) -> bytes | None:
    """The bundle that this machine's own downloads are checked with, when one is configured."""
    for name in (pip_cert, environment.get("SSL_CERT_FILE"), environment.get("REQUESTS_CA_BUNDLE")):
        if name and Path(name).is_file():
            return Path(name).read_bytes()
    return None

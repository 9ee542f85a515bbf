"""How a request leaves this machine: through which proxy, and whose certificates are believed.

Sources: the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` as curl, Go and requests read them
(loopback hosts never go through a proxy, as in Go); `SSL_CERT_FILE` and `SSL_CERT_DIR` of OpenSSL; `REQUESTS_CA_BUNDLE`
of requests; `/etc/docker/certs.d/HOST[:PORT]/` with `*.crt`, `*.cert` and `*.key` from Docker's page "Verify repository
client with certificates". What they name is believed besides the system's own authorities.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from smlocal.errors import NotSupported, SettingsError

DOCKER_CERTIFICATES = Path("/etc/docker/certs.d")


def is_loopback(host: str) -> bool:
    """Whether a host (without port) is this machine itself, by its very name."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    address = _address(name)
    return address is not None and address.is_loopback


class Outbound:
    """The way out, as the environment and Docker's folder of certificates say."""

    def __init__(self, environment: Mapping[str, str], docker_certificates: Path = DOCKER_CERTIFICATES) -> None:
        self._environment = environment
        self._docker_certificates = docker_certificates
        self._contexts: dict[str, ssl.SSLContext] = {}

    def proxy(self, url: str) -> str | None:
        """The address of the proxy for a URL. Raises NotSupported for one that is no HTTP proxy."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        found = self._variable(f"{parts.scheme}_proxy") or self._variable("all_proxy")
        if not found or is_loopback(host) or self._is_excepted(host, parts.port):
            return None
        address = found if "://" in found else f"http://{found}"
        scheme = urlsplit(address).scheme
        if scheme not in ("http", "https"):
            raise NotSupported(
                f"a proxy of the kind '{scheme}' is not supported; HTTPS_PROXY must be an http:// address"
            )
        return address

    def tls(self, url: str) -> ssl.SSLContext:
        """What a server's certificate is verified with. Raises SettingsError for certificates that cannot be read."""
        place = urlsplit(url).netloc.rpartition("@")[2].lower()
        if place not in self._contexts:
            self._contexts[place] = self._context(place)
        return self._contexts[place]

    def _context(self, place: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            if path := self._environment.get(name):
                _believe(context, Path(path), name)
        for folder in {place, place.removesuffix(":443")}:
            self._add_docker_certificates(context, self._docker_certificates / folder)
        return context

    def _add_docker_certificates(self, context: ssl.SSLContext, folder: Path) -> None:
        if not folder.is_dir():
            return
        for authority in sorted(folder.glob("*.crt")):
            _believe(context, authority, str(self._docker_certificates))
        for own in sorted(folder.glob("*.cert")):
            try:
                context.load_cert_chain(own, own.with_suffix(".key"))
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(f"the client certificate {own} and its key cannot be used: {error}") from error

    def _variable(self, name: str) -> str:
        return self._environment.get(name) or self._environment.get(name.upper()) or ""

    def _is_excepted(self, host: str, port: int | None) -> bool:
        entries = [entry.strip().lower() for entry in self._variable("no_proxy").split(",")]
        return any(_excepts(entry, host.lower(), port) for entry in entries if entry)


def _excepts(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY is for a host: "*", a network, an address, or a domain with all that are below
    it."""
    if entry == "*":
        return True
    address = _address(host)
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and ":" not in name.strip("[]"):
        return number == str(port) and _excepts(name, host, None)
    name = entry.strip("[]").removeprefix("*").removeprefix(".")
    return host == name or (address is None and host.endswith(f".{name}"))


def _believe(context: ssl.SSLContext, path: Path, origin: str) -> None:
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"the certificates {path} that {origin} names cannot be read: {error}") from error


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

"""Exchanges with one registry: where requests go, with which credentials, how often they are tried.

Credentials go to the registry's own origin (scheme, host, port) and to the realm that it names, nowhere else: a
redirect or an upload's Location that leads elsewhere is asked without them. Plain http is spoken only with loopback
hosts and with registries that a setting names; nobody leads from https to it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from smlocal.errors import ConnectionFailed, NotTrusted, RegistryError, RegistryUnreachable, ResponseTooLarge
from smlocal.http_client import Headers, HttpClient
from smlocal.outbound import is_loopback
from smlocal.registry.authorization import PULL, Authorization
from smlocal.registry.credentials import FindCredentials
from smlocal.registry.reference import DOCKER_HUB, RegistryReference
from smlocal.registry.refusals import error_of, printable, read_refusal
from smlocal.registry.retries import RETRIED, Faults, Patience, retry_after

ANSWER_BYTES = 64 * 1024  # of an answer whose body says only what went wrong
_REDIRECTS = 5
_PROBE_SECONDS = 10.0
_NOBODY = "is its name right, does it run, and is there a way to it (HTTPS_PROXY and NO_PROXY name proxies)?"
_WITHOUT_EFFECT = ("GET", "HEAD", "POST")  # POST begins an upload, which the registry forgets
_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True)
class Body:
    """What is sent: `size` bytes, opened anew for each try."""

    size: int
    open: Callable[[], AsyncIterable[bytes]]
    media_type: str = "application/octet-stream"
    meanwhile: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Answer:
    """`url` is the address that answered, after redirects."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    url: str


class RegistryWire:
    """The wire to the registry of one repository."""

    def __init__(
        self,
        reference: RegistryReference,
        http: HttpClient,
        find_credentials: FindCredentials,
        patience: Patience,
        *,
        plain_http: bool = False,
    ) -> None:
        """`plain_http`: the user has named this registry as one without TLS."""
        self.place = reference.repository
        self.patience = patience
        self._host = reference.registry
        self._api_host = _HUB_HOST if reference.registry == DOCKER_HUB else reference.registry
        self._plain_http = plain_http
        self._http = http
        self._origin: str | None = None
        self._path = f"/v2/{quote(reference.name)}"
        self._authorization = Authorization(
            http, find_credentials, reference.name, self.place, patience, self._check_place
        )

    # what the protocol is spoken with

    def url(self, path: str) -> str:
        """The address of something in the repository: "/manifests/latest"."""
        return f"{self._own_origin()}{self._path}{path}"

    def ask(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        action: str = PULL,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = ANSWER_BYTES,
    ) -> Answer:
        """An answer of any status but those that promise another one later, which are waited out.

        Raises RegistryUnreachable; RegistryError for an answer longer than `limit` bytes, or that cannot be followed.
        """
        faults = Faults(self.patience, f"{doing} ({self.place})")
        while True:
            try:
                answer = self.once(method, self.url(path), action=action, headers=headers, body=body, limit=limit)
            except ConnectionFailed as error:
                self.give_up_for_good(doing, error)
                faults.wait(self.words_of(error))
                continue
            if answer.status not in RETRIED:
                return answer
            faults.wait(self.refusal_words(answer), self.asked_pause(answer))

    def once(
        self,
        method: str,
        url: str,
        *,
        action: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        limit: int = ANSWER_BYTES,
    ) -> Answer:
        """One try, with redirects followed and credentials found. Raises ConnectionFailed, RegistryError."""
        renewed = False
        for _ in range(_REDIRECTS + 2):
            own = self._is_own(url)
            answer = self._send(method, url, action if own else None, headers or {}, body, limit)
            if answer.status == 401 and own and not renewed:
                renewed = True
                other = self._authorization.renew(answer.headers.every("WWW-Authenticate"), action)
                if other is not None:
                    return Answer(other.status, other.reason, other.headers, other.body, url)
            elif _leads_on(answer, method):
                url = self.resolve(answer.url, answer.headers["Location"])
                if method == "HEAD" and not self._is_own(url):
                    return answer  # it is there: addresses of storage are often signed for GET alone
            else:
                return answer
        raise RegistryError(f"{self.place} redirects without end")

    def resolve(self, base: str, location: str) -> str:
        """Where a Location leads. Raises RegistryError for a place that nothing may be sent to."""
        try:
            url = urljoin(base, "".join(_escaped(character) for character in location.strip()))
        except ValueError as error:
            raise RegistryError(f"{self.place} leads to an address that is none") from error
        self._check_place(url)
        return url

    # what failed, in words

    def refusal(self, answer: Answer, doing: str) -> RegistryError:
        refusal = read_refusal(answer.status, answer.reason, answer.body)
        error = error_of(refusal, doing, self.place, self._host)
        return type(error)(self._authorization.conceal(str(error)))

    def refusal_words(self, answer: Answer) -> str:
        words = read_refusal(answer.status, answer.reason, answer.body).words
        return f"it answered: {self._authorization.conceal(words)}"

    def words_of(self, error: ConnectionFailed) -> str:
        """The error without what addresses may carry in their query, and what to look at when nobody is there."""
        words = self._authorization.conceal(printable(re.sub(r"\?\S*", "?...", str(error))))
        return f"{words}; {_NOBODY}" if "Cannot connect to host" in words else words

    def asked_pause(self, answer: Answer) -> float | None:
        return retry_after(answer.headers.get("Retry-After"), self.patience.clock())

    def give_up_for_good(self, doing: str, error: ConnectionFailed) -> None:
        """Raises for what another try does not mend."""
        if isinstance(error, NotTrusted):
            raise RegistryUnreachable(
                f"{doing}: {self.words_of(error)}; name the file of its certificate authority in SSL_CERT_FILE, or put"
                f" it into /etc/docker/certs.d/{self._host}/ca.crt"
            ) from error
        if isinstance(error, ResponseTooLarge):
            raise RegistryError(f"{doing}: {self.words_of(error)}") from error
        if "407, message=" in str(error):
            raise RegistryUnreachable(
                f"{doing}: {self.words_of(error)}; the proxy wants a name and a password that it knows: write them into"
                " the variable that names it (HTTPS_PROXY=http://name:password@host:port)"
            ) from error
        if "WRONG_VERSION_NUMBER" in str(error) or "RECORD_LAYER_FAILURE" in str(error):
            raise RegistryUnreachable(
                f"{doing}: {self._host} does not speak TLS; smlocal sends nothing over plain http but to loopback and"
                " to what the setting plain_http_registries names"
            ) from error

    # where requests go

    def _send(
        self,
        method: str,
        url: str,
        action: str | None,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        limit: int,
    ) -> Answer:
        sent = {"User-Agent": "smlocal", **headers}
        known = None if action is None else self._authorization.header(action)
        if known is not None:
            sent["Authorization"] = known
        idle: float | None = None
        timeout: float | None = self.patience.timeout
        data: bytes | AsyncIterable[bytes] | None = None
        # what changes something is not broken off: the registry might do it all the same, and a little later
        meanwhile = self.patience.meanwhile if method in _WITHOUT_EFFECT else _nothing
        if isinstance(body, Body):
            sent |= {"Content-Type": body.media_type, "Content-Length": str(body.size)}
            idle, timeout, meanwhile = self.patience.idle, None, body.meanwhile
            data = body.open()
        else:
            data = body
        answer = self._http.request(
            method,
            url,
            headers=sent,
            body=data,
            timeout=timeout,
            idle=idle,
            max_response=limit,
            meanwhile=meanwhile,
        )
        return Answer(answer.status, answer.reason, answer.headers, answer.body, url)

    def _own_origin(self) -> str:
        """https, unless the registry may be and is one without TLS."""
        if self._origin is None:
            plain = self._plain_http or (is_loopback(_bare(self._api_host)) and self._speaks_plain_http())
            self._origin = f"{'http' if plain else 'https'}://{self._api_host}"
        return self._origin

    def _speaks_plain_http(self) -> bool:
        """A server with TLS answers 400 to a plain request, or hangs up."""
        url = f"http://{self._api_host}/v2/"
        try:
            answer = self._http.request(
                "GET", url, headers={}, timeout=_PROBE_SECONDS, max_response=ANSWER_BYTES, meanwhile=_nothing
            )
        except ConnectionFailed:
            return False
        return answer.status != 400

    def _is_own(self, url: str) -> bool:
        parts, own = urlsplit(url), urlsplit(self._own_origin())
        return (parts.scheme, parts.hostname, _port(parts.scheme, parts.port)) == (
            own.scheme,
            own.hostname,
            _port(own.scheme, own.port),
        )

    def _check_place(self, url: str) -> None:
        """Raises RegistryError for an address that nothing may be sent to."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or parts.username is not None:
            raise RegistryError(f"{self.place} leads to an address that smlocal does not send anything to")
        if parts.scheme == "http" and not self._may_be_plain(host):
            raise RegistryError(
                f"{self.place} leads to http://{printable(host)}, without TLS; if the registry stands behind a proxy,"
                " have the proxy send X-Forwarded-Proto, or set http.host in the registry's configuration"
            )

    def _may_be_plain(self, host: str) -> bool:
        own = urlsplit(self._own_origin())
        if own.scheme != "http":
            return False
        return is_loopback(host) or host == own.hostname


def _nothing() -> None:
    """Called while waiting, so that the wait can be interrupted."""


def _leads_on(answer: Answer, method: str) -> bool:
    followed = (301, 302, 303, 307, 308) if method in ("GET", "HEAD") else (307, 308)
    return answer.status in followed and bool(answer.headers.get("Location"))


def _bare(host: str) -> str:
    """A host without its port."""
    return re.sub(r":\d+$", "", host)


def _port(scheme: str, port: int | None) -> int:
    return port or (443 if scheme == "https" else 80)


def _escaped(character: str) -> str:
    """What cannot stand in a request's first line is escaped, everything else left as the registry wrote it."""
    return character if "!" <= character <= "~" else quote(character, encoding="latin-1", errors="replace")

"""The Authorization header of requests to one repository: none, Basic, or tokens fetched and renewed.

Source: the distribution project's pages "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from smlocal.errors import RegistryDenied, RegistryError
from smlocal.http_client import HttpClient, Response
from smlocal.registry.challenge import Challenge, parse_challenges
from smlocal.registry.credentials import Credentials, FindCredentials
from smlocal.registry.refusals import error_of, read_refusal
from smlocal.registry.retries import RETRIED, Patience

PULL, PUSH, DELETE = "pull", "pull,push", "delete"  # what a request does; the actions of a token's scope
_TOKEN_BYTES = 256 * 1024
_TOKEN_SECONDS = 60  # how long a token lives that does not say so
_CLIENT = "smlocal"
_HEADER = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class _Token:
    header: str
    renew_at: float  # by the patience's clock


class Authorization:
    """The credentials of one repository in use. Thread safe."""

    def __init__(
        self,
        http: HttpClient,
        find: FindCredentials,
        name: str,
        place: str,
        patience: Patience,
        check_place: Callable[[str], None],
    ) -> None:
        """`name` is the repository within its registry, `place` with it; `check_place` raises for a URL that nothing
        may be sent to."""
        self._http = http
        self._find = find
        self._name = name
        self._place = place
        self._host = place.partition("/")[0]
        self._patience = patience
        self._check_place = check_place
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}
        self._secrets: set[str] = set()

    def header(self, action: str) -> str | None:
        """What to send, as far as it is known and not about to expire."""
        with self._lock:
            token = self._tokens.get(action)
            return token.header if token is not None and self._patience.clock() < token.renew_at else None

    def renew(self, values: Iterable[str], action: str) -> Response | None:
        """Find a new header after a 401 with these `WWW-Authenticate` headers.

        Returns an answer of the token's server that is worth another try, None when there is a header. Raises
        RegistryDenied, ConnectionFailed.
        """
        challenges = {item.scheme: item for item in reversed(parse_challenges(values))}
        challenge = challenges.get("bearer") or challenges.get("basic")
        if challenge is None:
            raise RegistryDenied(f"{self._host} asks for authentication of a kind that smlocal does not know")
        credentials = self._found()
        if challenge.scheme == "bearer":
            return self._fetch(challenge, credentials, action)
        if credentials is None or credentials.identity_token:
            raise self._without_credentials()
        for every in (PULL, PUSH, DELETE):
            self._keep(every, credentials.basic, float("inf"))
        return None

    def conceal(self, text: str) -> str:
        """The text without any secret that it may repeat."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _found(self) -> Credentials | None:
        credentials = self._find()
        if credentials is not None:
            self._secrets.update(credentials.secrets)
        return credentials

    def _without_credentials(self) -> RegistryDenied:
        return RegistryDenied(f"{self._host} wants a name and a password; run `docker login {self._host}`")

    def _keep(self, action: str, header: str, lives: float) -> None:
        self._secrets.add(header.partition(" ")[2])
        with self._lock:
            self._tokens[action] = _Token(header, self._patience.clock() + lives * 0.9)

    def _fetch(self, challenge: Challenge, credentials: Credentials | None, action: str) -> Response | None:
        realm = challenge.parameters.get("realm", "")
        self._check_place(realm)
        scopes = _scopes(challenge.parameters.get("scope", ""), self._name, action)
        service = challenge.parameters.get("service")
        asked = [("service", service)] if service else []
        if credentials is not None and credentials.identity_token:
            form = [("grant_type", "refresh_token"), *asked, ("client_id", _CLIENT), ("scope", " ".join(scopes))]
            answer = self._post(realm, [*form, ("refresh_token", credentials.identity_token)])
        else:
            answer = self._get(realm, [*asked, *(("scope", scope) for scope in scopes)], credentials)
        if answer.status in RETRIED:
            return answer
        if answer.status != 200:
            raise self._refused(answer, credentials)
        token, lives = _read_token(answer.body, self._host)
        self._keep(action, f"Bearer {token}", lives)
        return None

    def _get(self, realm: str, query: list[tuple[str, str]], credentials: Credentials | None) -> Response:
        parts = urlsplit(realm)
        url = urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *query]), fragment=""))
        headers = {} if credentials is None else {"Authorization": credentials.basic}
        return self._ask("GET", url, headers, None)

    def _post(self, realm: str, form: list[tuple[str, str]]) -> Response:
        return self._ask("POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode())

    def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Never redirected: credentials go where the challenge says, and nowhere else."""
        headers = {"Accept": "application/json", "User-Agent": _CLIENT, **headers}
        timeout, meanwhile = self._patience.timeout, self._patience.meanwhile
        return self._http.request(
            method, url, headers=headers, body=body, timeout=timeout, max_response=_TOKEN_BYTES, meanwhile=meanwhile
        )

    def _refused(self, answer: Response, credentials: Credentials | None) -> RegistryError:
        if credentials is None and answer.status in (400, 401, 403):
            return self._without_credentials()
        refusal = read_refusal(answer.status, answer.reason, answer.body)
        doing = f"asking for a token of {self._host}"
        if answer.status in (401, 403):
            return RegistryDenied(self.conceal(str(error_of(refusal, doing, self._place, self._host))))
        return RegistryDenied(self.conceal(f"{doing} failed ({refusal.words}); run `docker login {self._host}`"))


def _scopes(asked: str, name: str, action: str) -> list[str]:
    """The scopes that the registry names, with the actions that are needed added to the repository's own."""
    needed = {"pull", *action.split(",")}
    found = []
    for scope in asked.split():
        resource, _, actions = scope.rpartition(":")
        if resource == f"repository:{name}":
            needed.update(item for item in actions.split(",") if item)
        else:
            found.append(scope)
    order = {"pull": 0, "push": 1}
    own = ",".join(sorted(needed, key=lambda item: (order.get(item, 2), item)))
    return [f"repository:{name}:{own}", *found]


def _read_token(body: bytes, host: str) -> tuple[str, float]:
    """The token and the seconds that it lives."""
    try:
        answer: Any = json.loads(body)
        token = answer.get("token") or answer.get("access_token")
        lives = answer.get("expires_in")
    except (ValueError, AttributeError, RecursionError):
        token, lives = None, None
    if not isinstance(token, str) or not _HEADER.fullmatch(token):
        raise RegistryError(f"the server of tokens for {host} answered with none")
    known = isinstance(lives, (int, float)) and not isinstance(lives, bool) and 0 < lives < 1e9
    return token, float(lives) if known else _TOKEN_SECONDS

"""Who may call when signatures are verified: credentials that were made here, each for one purpose, in memory only."""

from __future__ import annotations

import secrets
import threading

from smlocal.aws_clients import Credentials

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class CredentialRegistry:
    """The credentials that are good now. Thread safe. Dummy ones, which everybody knows, are never among them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Credentials] = {}

    def issue(self) -> Credentials:
        """New ones, good until they are revoked. The key has AWS's twenty characters, and no prefix of AWS's."""
        key = "SMLOCAL" + "".join(secrets.choice(_LETTERS) for _ in range(13))
        made = Credentials(key, secrets.token_urlsafe(30))
        with self._lock:
            self._known[key] = made
        return made

    def add(self, credentials: Credentials) -> None:
        """Take credentials that were made elsewhere."""
        with self._lock:
            self._known[credentials.access_key_id] = credentials

    def revoke(self, access_key_id: str) -> None:
        """They are good no longer. May be called again."""
        with self._lock:
            self._known.pop(access_key_id, None)

    def find(self, access_key_id: str) -> Credentials | None:
        with self._lock:
            return self._known.get(access_key_id)

"""What a page in somebody's browser could make it send here is refused: this server starts containers.

A page can send a form or a link to 127.0.0.1 without asking, or have a name of its own lead there (DNS rebinding).
It cannot sign, but without `--auth sigv4` a signature is not looked at. So names of others, origins and forms are
refused, and nothing here ever allows another origin to read an answer (no CORS).
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from smlocal.aws.wire import Call

_AWS = (".amazonaws.com", ".amazonaws.com.cn")
_LOCAL = (".localhost", ".docker.internal")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def refusal(call: Call, own_names: frozenset[str] = frozenset()) -> str | None:
    """A sentence that says why the call is refused, or None. `own_names` are host names that lead here."""
    if not _is_ours(call.host, own_names):
        return (
            f"The host name {call.host[:100]!r} does not lead to smlocal as far as it knows: use 127.0.0.1 or"
            " localhost, or start it with --host NAME."
        )
    if "Origin" in call.headers or call.method == "OPTIONS":
        return "Pages in a browser may not call smlocal: it starts containers, and allows no other origin (no CORS)."
    if call.headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
        return "A page of another site made the browser send this call; smlocal does not take such."
    kind = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if call.method == "POST" and kind in _FORMS and "Authorization" not in call.headers:
        return (
            "A form without an Authorization header could come from any page in a browser; smlocal does not take such."
        )
    return None


@lru_cache(maxsize=256)
def _is_ours(host: str, own_names: frozenset[str]) -> bool:
    """Whether the Host header names this machine, an AWS service, or an address: none of them can be rebound."""
    name = host.lower()
    name = name.partition("]")[0][1:] if name.startswith("[") else name.partition(":")[0].rstrip(".")
    if not name:
        return False
    if name in own_names or name.endswith(_AWS + _LOCAL):
        return True
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return "." not in name  # a name without a domain: localhost, an alias in a Docker network

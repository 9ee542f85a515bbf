"""What a registry's refusal means, in a sentence with the registry's own words and what mends it.

Sources: the codes of the OCI distribution specification 1.1 ("Error Codes"); what registries say of a tag that is
immutable: Amazon ECR answers TAG_INVALID "... already exists in the '...' repository and cannot be overwritten because
the tag is immutable." (osscontainertools/kaniko pull request 204; moby/buildkit issue 3776), Harbor the status 412
(goharbor/harbor pull request 9427), others TAG_IMMUTABLE; of a quota: Harbor answers DENIED "adding 29.0 MiB of storage
resource, which when updated to current usage of 152.4 MiB will exceed the configured upper limit" (goharbor/harbor
issue 17390).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from smlocal.errors import NotInRegistry, RegistryDenied, RegistryError, TagIsTaken

_LONGEST = 400  # characters of a registry's words
_QUOTA = ("quota", "exceed the configured upper limit", "insufficient storage", "storage limit")


@dataclass(frozen=True)
class Refusal:
    """An answer that is none of the good ones. `codes` are those of the registry's errors, in upper case."""

    status: int
    codes: frozenset[str]
    words: str  # the registry's own, or the status


def read_refusal(status: int, reason: str, body: bytes) -> Refusal:
    """Whatever the body is: the registry's JSON of errors, a proxy's page of HTML, nothing."""
    codes, words = [], []
    try:
        errors = json.loads(body)["errors"]
        for error in errors if isinstance(errors, list) else ():
            codes.append(str(error.get("code", "")).upper())
            words.append(": ".join(str(error[key]) for key in ("code", "message") if error.get(key)))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    said = "; ".join(dict.fromkeys(word for word in words if word))
    return Refusal(status, frozenset(codes), printable(said) or printable(f"status {status} {reason}"))


def printable(text: str) -> str:
    """One line of moderate length, without control characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def error_of(refusal: Refusal, doing: str, place: str, host: str) -> RegistryError:
    """`doing` is a phrase ("pushing the tag 1.0"), `place` the repository, `host` the registry's host."""
    for applies, kind, mends in _MEANINGS:
        if applies(refusal):
            text = f"{doing}: {place} refused ({refusal.words})"
            return kind(f"{text}; {mends.format(place=place, host=host)}" if mends else text)
    return RegistryError(f"{doing}: {place} refused ({refusal.words})")


def _has(*codes: str) -> Callable[[Refusal], bool]:
    return lambda refusal: not refusal.codes.isdisjoint(codes)


def _is(*statuses: int) -> Callable[[Refusal], bool]:
    return lambda refusal: refusal.status in statuses


def _is_immutable(refusal: Refusal) -> bool:
    words = refusal.words.lower()
    return "TAG_IMMUTABLE" in refusal.codes or refusal.status == 412 or "immutable" in words


def _is_over_quota(refusal: Refusal) -> bool:
    words = refusal.words.lower()
    return refusal.status == 507 or any(mark in words for mark in _QUOTA)


# The first that applies counts: a registry that denies for a quota means the quota.
_MEANINGS: tuple[tuple[Callable[[Refusal], bool], type[RegistryError], str], ...] = (
    (_is_immutable, TagIsTaken, "choose another tag: this one is immutable and in use"),
    (_is_over_quota, RegistryError, "remove what is no longer needed there, or have the quota raised"),
    (
        lambda refusal: refusal.status == 413 or "SIZE_INVALID" in refusal.codes,
        RegistryError,
        "the registry, or a proxy before it, takes no request of this size: have its limit raised",
    ),
    (
        lambda refusal: refusal.status == 401 or "UNAUTHORIZED" in refusal.codes,
        RegistryDenied,
        "it wants other credentials: run `docker login {host}` with an account that may use {place}",
    ),
    (
        lambda refusal: refusal.status == 403 or "DENIED" in refusal.codes,
        RegistryDenied,
        "the account that you are logged in with may not do this: have it granted for {place}",
    ),
    (_has("NAME_UNKNOWN"), NotInRegistry, "create the repository {place} first, and check its spelling"),
    (_has("NAME_INVALID"), RegistryError, "the registry allows no repository of this name"),
    (_has("MANIFEST_BLOB_UNKNOWN"), RegistryError, "a layer that was sent is not there any more: push again"),
    (_has("TAG_INVALID"), RegistryError, "the registry does not allow this tag: choose another one"),
    (_has("MANIFEST_INVALID", "DIGEST_INVALID"), RegistryError, "the registry does not take the manifest as it is"),
    (
        _has("MANIFEST_UNKNOWN"),
        NotInRegistry,
        "{place} has no such tag or digest: check its spelling, or push it first",
    ),
    (_is(404), NotInRegistry, ""),
    (
        lambda refusal: refusal.status == 405 or "UNSUPPORTED" in refusal.codes,
        RegistryError,
        "the registry does not offer this, or it is switched off in its configuration",
    ),
)

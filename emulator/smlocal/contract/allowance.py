"""Rules that an image may break, each with the reason for which it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smlocal.contract.rule import Rule
from smlocal.errors import UsageError

_MOST = 500  # characters of a reason: it stands in every report


@dataclass(frozen=True)
class Allowance:
    """Breaking `rule` does not count, for `reason`."""

    rule: str
    reason: str


def allowances(words: Iterable[str], configured: Mapping[str, str], rules: Sequence[Rule]) -> tuple[Allowance, ...]:
    """Those of `[check.allow]` and of words such as "SM110=the base image is not ours"; of two for a rule, the word's
    counts. In the order of ids. Raises UsageError for what is no rule's whole id, and for a reason that says nothing.
    """
    found = {**_named(configured.items(), "check.allow", rules), **_named(map(_parted, words), "--allow", rules)}
    return tuple(Allowance(rule, found[rule]) for rule in sorted(found))


def _parted(word: str) -> tuple[str, str]:
    rule, separator, reason = word.partition("=")
    if not separator:
        raise UsageError(
            f"--allow {word} needs a reason, which the verdict records: --allow '{word}=why it may be broken'"
        )
    return rule, reason


def _named(given: Iterable[tuple[str, str]], origin: str, rules: Sequence[Rule]) -> dict[str, str]:
    known, found = {rule.id for rule in rules}, dict[str, str]()
    for word, text in given:
        rule, reason = word.strip().upper(), " ".join(text.split())
        if rule not in known:
            like = "it names one rule by its whole id" if any(name.startswith(rule) for name in known) else ""
            raise UsageError(f"{origin} '{word}': {like or 'there is no such rule'}; `smlocal rules` lists them")
        if not any(letter.isalnum() for letter in reason):
            raise UsageError(f"{origin} {rule}: the reason is empty: say why it may be broken")
        if len(reason) > _MOST:
            raise UsageError(f"{origin} {rule}: the reason has {len(reason)} characters; at most {_MOST} are kept")
        if found.setdefault(rule, reason) != reason:
            raise UsageError(f"{origin} {rule}: two reasons are given; one is enough")
    return found

"""Whether a statement is good for an image: it is about it, its verdict holds, and it is all that was demanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from smlocal import __version__
from smlocal.contract import RULES, Outcome, Selection, Severity
from smlocal.errors import UsageError
from smlocal.gate.statement import RuleSaid, Statement

UNSIGNED = "it bears no signature, and so proves nothing about who wrote it"
_AHEAD = timedelta(minutes=5)  # by which another machine's clock may be wrong
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True)
class Demands:
    """What a statement must be besides true of the image."""

    strict: bool = False  # no warning either
    max_age: timedelta | None = None  # since the examination
    required: tuple[str, ...] = ()  # beginnings of rules' ids: these must be kept, where they apply
    version: str = ""  # of smlocal: what that very version stated names all the rules that it has

    @staticmethod
    def of(strict: bool, max_age: str | None, required: list[str]) -> Demands:
        """From words. Raises UsageError."""
        selection = Selection.of(required, (), RULES)
        return Demands(strict, None if max_age is None else _duration(max_age), selection.select, __version__)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(?P<number>\d{1,5})(?P<unit>[dhm])", text)
    if found is None:
        raise UsageError(f"--max-age '{text}': write a number of days, hours or minutes, such as 30d, 12h or 90m")
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


def problems(statement: Statement, digest: str, demands: Demands, now: datetime) -> list[str]:
    """Why the statement is not good for the image with this digest, in sentences; [] when it is. `now` has a zone."""
    return list(_problems(statement, digest, demands, now))


def _problems(statement: Statement, digest: str, demands: Demands, now: datetime) -> Iterator[str]:
    if statement.subject != digest:
        yield f"it is about {statement.subject}, and not about this image, {digest}"
    for severity in Severity:
        broken = statement.broken(severity)
        if broken and (severity is Severity.ERROR or demands.strict):
            yield f"it has {severity.value}s: {', '.join(item.rule for item in broken)}"
    if not statement.passed and not statement.broken(Severity.ERROR):
        yield "it says of itself that it did not pass"
    if not any(item.outcome in (Outcome.KEPT, Outcome.BROKEN) for item in statement.rules):
        yield "nothing was judged"
    yield from _left_out(statement, demands)
    yield from _age(statement, demands, now)
    yield from _missing(statement, demands)


def _left_out(statement: Statement, demands: Demands) -> Iterator[str]:
    """`push` states every rule. Other versions have others: which of them are needed is for --require to say."""
    if statement.smlocal == demands.version:
        said = {item.rule for item in statement.rules}
        lacking = [rule.id for rule in RULES if rule.id not in said]
        if lacking:
            rest = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
            yield f"it leaves out rules of smlocal {statement.smlocal}: {', '.join(lacking[:5])}{rest}"


def _age(statement: Statement, demands: Demands, now: datetime) -> Iterator[str]:
    age = now - statement.examined_at
    if age < -_AHEAD:
        yield "its examination lies in the future: one of the two clocks is wrong"
    if demands.max_age is not None and age > demands.max_age:
        yield f"its examination is {in_words(age)} old, and --max-age allows {in_words(demands.max_age)}"


def _missing(statement: Statement, demands: Demands) -> Iterator[str]:
    said = {item.rule: item for item in statement.rules}
    for word in demands.required:
        known = [rule.id for rule in RULES if rule.id.startswith(word)]
        lacking = [f"{rule} {_said(said.get(rule))}" for rule in known if not _is_met(said.get(rule))]
        if lacking:
            yield f"--require {word}: {', '.join(lacking)}"


def _is_met(said: RuleSaid | None) -> bool:
    return said is not None and said.outcome in (Outcome.KEPT, Outcome.NOT_APPLICABLE)


def _said(said: RuleSaid | None) -> str:
    if said is None:
        return "is not in it"
    return "is broken, and allowed" if said.allowed else f"is {said.outcome.value}"


def in_words(age: timedelta) -> str:
    """A time for people: "3 days", "5 hours", "2 minutes"."""
    seconds = max(0, round(age.total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size or (unit == "minute"):
            number = seconds // size
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    raise AssertionError

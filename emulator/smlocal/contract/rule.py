"""What a rule is: a function of evidence, with its id, severity and source; its docstring is its page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass

from smlocal.contract.finding import Judgement, Severity
from smlocal.evidence import Examination

Judge = Callable[[Examination], Judgement]

_ID = re.compile(r"SM[1-5]\d\d")
_PARTS = ("Why", "Fix")


@dataclass(frozen=True)
class Rule:
    """One clause of the contract. The first digit of its id says the phase, its name says the fault."""

    id: str
    name: str
    severity: Severity
    title: str  # the page's first line
    why: str
    fix: str
    sources: tuple[str, ...]
    judge: Judge


def rule(identifier: str, severity: Severity, *sources: str) -> Callable[[Judge], Rule]:
    """Make a rule of a function. Its docstring is the page: a title line, then paragraphs `Why:` and `Fix:`.

    Raises ValueError for a rule without id, source, title, Why or Fix: such a rule helps nobody.
    """

    def make(judge: Judge) -> Rule:
        name = judge.__name__.replace("_", "-")
        if not _ID.fullmatch(identifier):
            raise ValueError(f"{name}: '{identifier}' is no rule id")
        if not sources or not all(sources):
            raise ValueError(f"{identifier} names no source")
        title, parts = _page(identifier, inspect.getdoc(judge) or "")
        return Rule(identifier, name, severity, title, parts["Why"], parts["Fix"], sources, judge)

    return make


def _page(identifier: str, text: str) -> tuple[str, dict[str, str]]:
    title, *paragraphs = text.split("\n\n")
    parted = [paragraph.partition(":") for paragraph in paragraphs]
    found = {head: " ".join(body.split()) for head, _, body in parted}
    if not title or sorted(head for head, _, _ in parted) != sorted(_PARTS) or not all(found.values()):
        raise ValueError(f"the page of {identifier} needs a title and the paragraphs Why: and Fix:, and no others")
    return " ".join(title.split()).rstrip("."), found
